"""A labelled scan, whatever it came from: points, colours, instances, and the objects they make up.

Does not know how it was measured or rendered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.spatial.objects import SceneObject

__all__ = ["Scan"]


@dataclass(frozen=True, eq=False)
class Scan:
    """``xyz`` (N, 3) float32 metres, z up, ``rgb`` (N, 3) uint8, ``instance`` (N,) uint8, 0 for no object.

    All three are None where the scan is imagined: then only its objects exist. ``place`` is what things stand on:
    ``table`` or ``floor``.
    """

    id: str
    source: str
    objects: tuple[SceneObject, ...]
    place: str = "table"
    xyz: NDArray[np.float32] | None = None
    rgb: NDArray[np.uint8] | None = None
    instance: NDArray[np.uint8] | None = None
