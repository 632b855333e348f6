"""Spatial pairs on disk: one folder of clouds and one pairs.json in the form of LAMM's 3D records.

Does not know how scans are made or what is asked about them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from annotation.spatial.objects import to_record
from annotation.spatial.scan import Scan
from annotation.visual_tasks.picture import Exchange

__all__ = ["IMAGINED_SUFFIX", "SpatialFolder", "record"]

IMAGINED_SUFFIX = ".findings"  # in place of a cloud: what there is to find, as the encoder composes it


def record(scan: Scan, conversation: Sequence[Exchange], *, number: int, cloud: str) -> dict[str, Any]:
    """One LAMM record; ``target`` carries the objects that the answers were composed from."""
    turns = []
    for exchange in conversation:
        turns += [{"from": "human", "value": exchange.question}, {"from": "gpt", "value": exchange.answer}]
    return {
        "id": f"{scan.id}-{number}",
        "pcl": cloud,
        "conversations": turns,
        "task_type": conversation[0].kind,
        "src_dataset": scan.source,
        "src_id": scan.id,
        "target": {"place": scan.place, "objects": [to_record(thing) for thing in scan.objects]},
    }


class SpatialFolder:
    """Writes records one by one and puts pairs.json in place when all are there; a second run writes over the first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records = 0
        (folder / "media").mkdir(parents=True, exist_ok=True)
        self._partial = folder / "pairs.json.partial"
        self._file = self._partial.open("w", encoding="utf-8")
        self._file.write("[\n")

    def save(self, scan: Scan) -> str:
        """Store the cloud as .npz, or the findings of an imagined scene; its path relative to the folder."""
        if scan.xyz is None or scan.rgb is None or scan.instance is None:
            name = f"media/{scan.id}{IMAGINED_SUFFIX}"
            findings = {"objects": [to_record(thing) for thing in scan.objects]}
            (self.folder / name).write_text(json.dumps(findings), encoding="utf-8")
            return name
        name = f"media/{scan.id}.npz"
        np.savez_compressed(self.folder / name, xyz=scan.xyz, rgb=scan.rgb, instance=scan.instance)
        return name

    def add(self, scan: Scan, conversation: Sequence[Exchange], *, number: int, cloud: str) -> None:
        """Append one record."""
        line = json.dumps(record(scan, conversation, number=number, cloud=cloud), ensure_ascii=False)
        self._file.write((",\n" if self.records else "") + line)
        self.records += 1

    def close(self) -> Path:
        """Finish pairs.json; until here an older one stays as it was."""
        self._file.write("\n]\n")
        self._file.close()
        final = self.folder / "pairs.json"
        os.replace(self._partial, final)
        return final
