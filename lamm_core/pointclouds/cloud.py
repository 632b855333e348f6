"""A point cloud in memory, whatever file it came from.

Does not know file formats, nor what is right or wrong about units, axes or colours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PointCloud"]


@dataclass(frozen=True, eq=False)
class PointCloud:
    """N points and what their file says of each.

    ``xyz`` (N, 3) float32 is relative to ``origin`` (3,) float64, so that coordinates of a map projection keep their
    millimetres; both in the file's own unit. ``colours`` (N, 3) keep the file's type and range. ``normals`` (N, 3)
    float32. ``instance`` (N,) int32 names the object of each point, 0 is background. ``total`` is how many points the
    file has; fewer in ``xyz`` means that it was thinned. ``notes`` say in words what reading changed.
    """

    xyz: NDArray[np.float32]
    format: str
    colours: NDArray[np.generic] | None = None
    normals: NDArray[np.float32] | None = None
    instance: NDArray[np.int32] | None = None
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    fields: tuple[str, ...] = ()
    total: int = 0
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.xyz)

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> PointCloud:
        """The points at these places, or where a mask is true; all else as it was."""
        return PointCloud(
            self.xyz[index],
            self.format,
            colours=None if self.colours is None else self.colours[index],
            normals=None if self.normals is None else self.normals[index],
            instance=None if self.instance is None else self.instance[index],
            origin=self.origin,
            fields=self.fields,
            total=self.total,
            notes=self.notes,
        )
