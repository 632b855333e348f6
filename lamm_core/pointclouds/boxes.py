"""The box around an object's points.

Does not know where the points came from; numpy alone, so that who writes the truth and who proposes share one rule.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamm_core.grounding import Box3D

__all__ = ["box_around"]

PERCENTILES = (0.5, 99.5)  # of an object's points: a few strays do not stretch its box


def box_around(points: NDArray[np.floating[Any]]) -> Box3D:
    """The box from the 0.5 to the 99.5 percentile of the points (N, 3), at least one, along each axis."""
    low, high = np.percentile(np.asarray(points, float), PERCENTILES, axis=0)
    return Box3D.of([*((low + high) / 2).tolist(), *(high - low).tolist()])
