"""What an encoder takes from an opened cloud: points with finite coordinates, and their colours as 8 bits.

Does not know file formats or networks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lamm_core.errors import MediaError
from lamm_core.pointclouds.cloud import PointCloud

__all__ = ["coloured_points"]


def coloured_points(cloud: PointCloud) -> tuple[NDArray[np.float32], NDArray[np.uint8] | None]:
    """Coordinates (N, 3) of the points that have all three, and their colours (N, 3) where the cloud has any.

    Raises MediaError where there is no such point.
    """
    from lamm_core.pointclouds.doctor import rgb8  # brings half of scipy, which a picture does not need

    kept = np.asarray(np.isfinite(cloud.xyz).all(axis=1))
    if not kept.any():
        raise MediaError(
            f"This {cloud.format} cloud has {len(cloud):,} points, none of them with finite coordinates. "
            "Choose another file."
        )
    if not kept.all():
        cloud = cloud.take(kept)
    return np.asarray(cloud.xyz, np.float32), rgb8(cloud)
