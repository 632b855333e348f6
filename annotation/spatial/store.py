"""Spatial pairs on disk: one folder of clouds and one pairs.json in the form of LAMM's 3D records.

Does not know how scans are made or what is asked about them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from annotation.pairs_file import PairsFile, turns
from annotation.spatial.objects import to_record
from annotation.spatial.scan import Scan
from annotation.visual_tasks.picture import Exchange
from lamm_core.conversation import FINDINGS_SUFFIX

__all__ = ["SpatialFolder", "record"]


def record(scan: Scan, conversation: Sequence[Exchange], *, number: int, cloud: str) -> dict[str, Any]:
    """One LAMM record; ``target`` carries the objects that the answers were composed from."""
    return {
        "id": f"{scan.id}-{number}",
        "pcl": cloud,
        "conversations": turns(conversation),
        "task_type": conversation[0].kind,
        "src_dataset": scan.source,
        "src_id": scan.id,
        "target": {"place": scan.place, "objects": [to_record(thing) for thing in scan.objects]},
    }


class SpatialFolder(PairsFile):
    """Pairs about scenes, whose files are named by the scan's id: a second run writes over the first."""

    def save(self, scan: Scan) -> str:
        """Store the cloud as .npz, or the findings of an imagined scene; its path relative to the folder."""
        if scan.xyz is None or scan.rgb is None or scan.instance is None:
            name = f"media/{scan.id}{FINDINGS_SUFFIX}"
            findings = {"objects": [to_record(thing) for thing in scan.objects]}
            (self.folder / name).write_text(json.dumps(findings), encoding="utf-8")
            return name
        name = f"media/{scan.id}.npz"
        np.savez_compressed(self.folder / name, xyz=scan.xyz, rgb=scan.rgb, instance=scan.instance)
        return name

    def add(self, scan: Scan, conversation: Sequence[Exchange], *, number: int, cloud: str) -> None:
        """Append one record."""
        self.write(record(scan, conversation, number=number, cloud=cloud))
