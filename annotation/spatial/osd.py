"""Reader of labelled table-top scans: a folder of .npz clouds, and the objects in them.

Does not know the benchmark's questions about these scans.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from annotation.spatial.objects import from_instances
from annotation.spatial.scan import Scan
from lamm_core.errors import DataError
from lamm_core.pointclouds.labelled import held_apart

__all__ = ["scans"]


def scans(data: Path, split: str) -> Iterator[Scan]:
    """The scans of ``data/osd/clouds/*_NN.npz`` in order; raises DataError naming what is missing or damaged."""
    folder = data / "osd" / "clouds"
    paths = sorted(folder.glob("*_*.npz"))
    if not paths:
        raise DataError(f"{folder} holds no scans; --data must name the folder that holds osd/clouds/learn_00.npz ...")
    for path in paths:
        apart = held_apart(path.stem)
        if apart is None:
            raise DataError(f"{path.name}: its name does not end in a number, which says whether it is held apart.")
        if apart is (split == "test"):
            yield read(path)


def read(path: Path) -> Scan:
    """One scan; raises DataError where an array is missing or of another shape."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            xyz, rgb, instance = arrays["xyz"], arrays["rgb"], arrays["instance"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{path.name} is no scan with xyz, rgb and instance ({error}).") from error
    if xyz.shape != rgb.shape or xyz.shape != (len(instance), 3):
        raise DataError(f"{path.name}: xyz {xyz.shape}, rgb {rgb.shape} and instance {instance.shape} do not match.")
    instance = instance.astype(np.uint8)
    objects = from_instances(xyz, rgb, instance)
    return Scan(
        path.stem, "osd", tuple(objects), xyz=xyz.astype(np.float32), rgb=rgb.astype(np.uint8), instance=instance
    )
