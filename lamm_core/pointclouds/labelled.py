"""Scans with the object of every point: read from a folder, and which are for training.

Does not know proposals. The layout is that of the labelled table-top scans: ``clouds/learn_00.npz`` and so on, each
with ``xyz`` in metres (z up), ``rgb`` and ``instance``, 0 for background.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lamm_core.errors import DataError

__all__ = ["LabelledScene", "Split", "held_apart", "read_labelled"]

Split = Literal["train", "held-apart"]
APART_EVERY = 5  # scenes whose number is a multiple of this are never trained or tuned on


def held_apart(stem: str) -> bool | None:
    """Whether the scan of this file name, without its ending, is only measured on; None where it ends in no number."""
    number = re.search(r"(\d+)$", stem)
    return None if number is None else int(number[1]) % APART_EVERY == 0


@dataclass(frozen=True, eq=False)
class LabelledScene:
    """``xyz`` (N, 3) float32 metres, ``rgb`` (N, 3) uint8, ``instance`` (N,) int32, 0 where there is no object."""

    name: str
    xyz: NDArray[np.float32]
    rgb: NDArray[np.uint8]
    instance: NDArray[np.int32]

    def names(self) -> list[int]:
        """The objects that are there."""
        return [int(name) for name in np.unique(self.instance) if name > 0]


def read_labelled(folder: Path, split: Split) -> list[LabelledScene]:
    """The scenes of one side of the split, by number. DataError where there is none, or one cannot be read."""
    scenes = []
    for path in sorted((folder / "clouds").glob("*.npz")):
        if held_apart(path.stem) is not (split == "held-apart"):
            continue
        try:
            with np.load(path, allow_pickle=False) as read:
                xyz, rgb, instance = read["xyz"], read["rgb"], read["instance"]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} cannot be read ({error}); it must hold xyz, rgb and instance.") from None
        if xyz.ndim != 2 or xyz.shape[1] != 3 or rgb.shape != xyz.shape or instance.shape != xyz.shape[:1]:
            raise DataError(f"{path}: xyz {xyz.shape}, rgb {rgb.shape} and instance {instance.shape} do not fit.")
        scenes.append(LabelledScene(path.stem, xyz.astype(np.float32), rgb.astype(np.uint8), instance.astype(np.int32)))
    if not scenes:
        raise DataError(f"{folder} has no clouds/*_NN.npz for {split}; --data names the folder of labelled scans.")
    return scenes
