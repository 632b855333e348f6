"""Pictures with boxes in the layout of Pascal VOC: Annotations, JPEGImages, ImageSets/Main/*.txt.

Does not know classes beyond those that the annotations name.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from lamm_core.errors import TaskError
from lamm_core.evaluation.sets.entry import Entry, Form

__all__ = ["VOC_CLASSES", "voc"]

VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip


def voc(*folders: str, source: str, split: str = "test") -> Form:
    """The form of one split; truth is (label, box of shares) pairs in the order of the annotation."""
    listed = f"ImageSets/Main/{split}.txt"

    def read(files: list[Path]) -> list[Entry]:
        root = files[0].parent.parent.parent
        names = files[0].read_text(encoding="utf-8").split()
        return [_picture(root, name, source) for name in dict.fromkeys(names)]

    return Form((*(f"{folder}/{listed}" for folder in folders), listed), read)


def _picture(root: Path, name: str, source: str) -> Entry:
    file = root / "Annotations" / f"{name}.xml"
    try:
        tree = ElementTree.parse(file).getroot()  # nosec B314
        width, height = (float(tree.findtext(f"size/{side}", "")) for side in ("width", "height"))
        objects: list[tuple[str, list[float]]] = []
        for item in tree.iter("object"):
            x1, y1, x2, y2 = (float(item.findtext(f"bndbox/{side}", "")) for side in ("xmin", "ymin", "xmax", "ymax"))
            box = [x1 / width, y1 / height, x2 / width, y2 / height]
            objects.append((item.findtext("name", ""), box))
    except (OSError, ElementTree.ParseError, ValueError, ZeroDivisionError) as error:
        raise TaskError(f"{file} is missing or no VOC annotation ({error}).") from error
    labels = {label for label, _ in objects}
    more = {"classes": list(VOC_CLASSES) if labels <= set(VOC_CLASSES) else sorted(labels), "size": [width, height]}
    picture = root / "JPEGImages" / f"{name}.jpg"
    return Entry(f"{source}-{name}", picture, objects, source, f"{source}-{name}", more=more)
