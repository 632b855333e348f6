"""Readers of annotated pictures and scans, each of one published format, all to one kind of record.

Do not know what is made of the records. ``READERS`` is the list; a new format is one file and one line here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from annotation.sources import (
    bamboo,
    benchmark,
    clevr3d,
    coco_captions,
    coco_detection,
    coco_keypoints,
    hub_parquet,
    labelled_clouds,
    locount,
    scene_graphs,
    shapenet,
    table,
    textvqa,
    visual_genome,
    voc,
)
from annotation.sources.reader import Expected, Files, Reader
from annotation.sources.reading import Reading
from annotation.sources.source import Broken, Source
from lamm_core.errors import ConfigError
from lamm_core.registry import lookup

__all__ = ["READERS", "Broken", "Expected", "Opened", "Reader", "Reading", "Source", "open_source"]

READERS: dict[str, Reader] = {
    module.READER.name: module.READER
    for module in (
        coco_captions,
        coco_detection,
        coco_keypoints,
        visual_genome,
        bamboo,
        locount,
        textvqa,
        scene_graphs,
        clevr3d,
        shapenet,
        voc,
        hub_parquet,
        benchmark,
        labelled_clouds,
        table,
    )
}


@dataclass(frozen=True)
class Opened:
    """A reader with the files it will read."""

    reader: Reader
    files: Files

    def items(self) -> Iterator[Source | Broken]:
        """The sources and broken items, from the first on."""
        return self.reader.read(self.files)


def open_source(text: str) -> Opened:
    """``NAME=FOLDER``, or ``NAME=FOLDER,file=PATH,...`` where files lie elsewhere than published.

    Raises ConfigError for an unknown name or another form, DataError where a file is missing.
    """
    name, equals, rest = text.partition("=")
    if not equals or not rest:
        raise ConfigError(f"{text!r} is no source. Write NAME=FOLDER; names: {', '.join(READERS)}.")
    folder, *others = rest.split(",")
    given: dict[str, Path] = {}
    for part in others:
        key, equals, path = part.partition("=")
        if not equals:
            raise ConfigError(f"{part!r} in {text!r} is not file=PATH.")
        given[key.strip()] = Path(path.strip())
    reader = lookup(READERS, name.strip(), kind="reader of sources")
    return Opened(reader, reader.at(Path(folder.strip()), given))
