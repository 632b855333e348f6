"""Pascal VOC's layout: one XML file of labelled boxes for each picture.

Does not know what is asked of them.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from annotation.sources.coco import BROKEN_VALUES, problem
from annotation.sources.reader import Expected, Files, Reader, share
from annotation.sources.source import Box, Broken, Source
from lamm_core.conversation import Media

__all__ = ["READER"]

SIDES = ("xmin", "ymin", "xmax", "ymax")


def read(files: Files) -> Iterator[Source | Broken]:
    """A source for each XML file, in the order of the split's list where one is given, else of their names."""
    folder = files["annotations"]
    if "split" in files:
        names = [line.split()[0] for line in files["split"].read_text(encoding="utf-8").splitlines() if line.strip()]
    else:
        names = sorted(path.stem for path in folder.glob("*.xml"))
    for name in names:
        try:
            yield _source(folder / f"{name}.xml", files["images"])
        except ElementTree.ParseError as error:
            yield Broken(f"{name}.xml", f"not valid XML ({error})")
        except (OSError, *BROKEN_VALUES) as error:
            yield Broken(f"{name}.xml", problem(error))


def _source(path: Path, pictures: Path) -> Source:
    root = ElementTree.parse(path).getroot()  # nosec B314
    named = pictures / Path(root.findtext("filename") or f"{path.stem}.jpg").name  # a name, not a way out of the folder
    # The name inside some files is another than that of the picture beside them.
    file = next((one for one in (named, *pictures.glob(f"{path.stem}.*")) if one.is_file()), None)
    if file is None:
        raise ValueError(f"its picture {named} does not exist")
    with Image.open(file) as image:
        width, height = image.size
    boxes: list[Box] = []
    for item in root.iter("object"):
        x1, y1, x2, y2 = (float(item.findtext(f"bndbox/{side}") or "nan") for side in SIDES)
        label = (item.findtext("name") or "").strip()
        if not label or not x2 > x1 or not y2 > y1:
            raise ValueError(f"its object {len(boxes) + 1} has no name or no area")
        boxes.append(Box(label, share(x1, width), share(y1, height), share(x2, width), share(y2, height)))
    return Source(
        f"voc-{path.stem}", "voc", (Media("image", file),), "as the set says", width, height, boxes=tuple(boxes)
    )


READER = Reader(
    "voc",
    "pictures with boxes in Pascal VOC's layout",
    "as the set says",
    "image",
    ("C1", "C3", "C4"),
    (
        Expected("annotations", "Annotations", "the folder of XML files"),
        Expected("images", "JPEGImages", "the folder of pictures"),
        Expected("split", "ImageSets/Main/train.txt", "the list of a split", required=False),
    ),
    read,
)
