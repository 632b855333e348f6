"""What can be done to a cloud, and doing it; every change leaves a note.

Does not know why: that is for the findings.

Fixes speak of the cloud as it was examined and can be taken singly or together, in any order: ``apply`` brings them
into the one order in which they fit. A place p ends at ``turn @ (factor * (p - point))``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from lamm_core.errors import MediaError
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.colours import stretch
from lamm_core.pointclouds.survey import stray

__all__ = ["DropColours", "DropStrays", "Fix", "Recentre", "Recolour", "Rotate", "Scale", "apply", "fix_record"]

Row = tuple[float, float, float]


@dataclass(frozen=True)
class Recolour:
    """Make colours from ``low`` to ``high`` bytes from 0 to 255."""

    low: float
    high: float
    label: str
    kind: Literal["recolour"] = "recolour"

    def __call__(self, cloud: PointCloud) -> PointCloud:
        if cloud.colours is None:
            return cloud
        return replace(cloud, colours=stretch(cloud.colours, low=self.low, high=self.high))


@dataclass(frozen=True)
class DropColours:
    """Go without colours, where those there say nothing."""

    label: str
    kind: Literal["drop-colours"] = "drop-colours"

    def __call__(self, cloud: PointCloud) -> PointCloud:
        return replace(cloud, colours=None)


@dataclass(frozen=True)
class DropStrays:
    """Leave out groups of fewer than ``fewest`` points that are a ``cell`` (the file's unit) from all others."""

    cell: float
    fewest: int
    label: str
    kind: Literal["drop-strays"] = "drop-strays"

    def __call__(self, cloud: PointCloud) -> PointCloud:
        return cloud.take(~stray(cloud.xyz, cell=self.cell, fewest=self.fewest))


@dataclass(frozen=True)
class Recentre:
    """Make ``point``, relative to the cloud's origin and in the file's unit and axes, the new zero."""

    point: Row
    label: str
    kind: Literal["recentre"] = "recentre"

    def __call__(self, cloud: PointCloud) -> PointCloud:
        shifted = cloud.xyz.astype(np.float64) - np.array(self.point)
        return replace(cloud, xyz=shifted.astype(np.float32), origin=(0.0, 0.0, 0.0))


@dataclass(frozen=True)
class Scale:
    """Multiply every coordinate by ``factor``."""

    factor: float
    label: str
    kind: Literal["scale"] = "scale"

    def __call__(self, cloud: PointCloud) -> PointCloud:
        x, y, z = (float(value) * self.factor for value in cloud.origin)
        return replace(cloud, xyz=(cloud.xyz * np.float64(self.factor)).astype(np.float32), origin=(x, y, z))


@dataclass(frozen=True)
class Rotate:
    """Turn everything by ``turn``, a rotation matrix row by row, about zero."""

    turn: tuple[Row, Row, Row]
    label: str
    kind: Literal["rotate"] = "rotate"

    def __call__(self, cloud: PointCloud) -> PointCloud:
        turn = np.array(self.turn)
        x, y, z = (float(value) for value in turn @ np.array(cloud.origin))
        normals = None if cloud.normals is None else (cloud.normals @ turn.T).astype(np.float32)
        turned = (cloud.xyz.astype(np.float64) @ turn.T).astype(np.float32)
        return replace(cloud, xyz=turned, normals=normals, origin=(x, y, z))


Fix = Recolour | DropColours | DropStrays | Recentre | Scale | Rotate
ORDER = (Recolour, DropColours, DropStrays, Recentre, Scale, Rotate)  # the later ones would move what the earlier name


def apply(cloud: PointCloud, fixes: Iterable[Fix]) -> PointCloud:
    """The cloud with these fixes made; its notes end with what each has done. The cloud given stays as it was.

    Raises MediaError where no point would be left.
    """
    for fix in sorted(fixes, key=lambda fix: ORDER.index(type(fix))):
        before = len(cloud)
        cloud = fix(cloud)
        if before and not len(cloud):
            raise MediaError(f"“{fix.label}” would leave no point of the cloud; keep it as it is.")
        lost = f" ({before - len(cloud):,} of {before:,} points left out)" if len(cloud) < before else ""
        cloud = replace(cloud, notes=(*cloud.notes, f"{fix.label}{lost}."))
    return cloud


def fix_record(fix: Fix) -> dict[str, Any]:
    """The fix as JSON has it."""
    return asdict(fix)
