"""Point clouds as a modality: opening any file of them, and the list of encoders for them.

Does not know language models, nor what is wrong with a cloud's units or axes: encoders take metres with z up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lamm_core.modalities.base import Encoder
from lamm_core.modalities.pointcloud.epcl import build_epcl
from lamm_core.modalities.pointcloud.groups import build_point_groups
from lamm_core.modalities.pointcloud.scene import build_scene
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.read import SUFFIXES, read_cloud
from lamm_core.registry import lookup

__all__ = ["ENCODERS", "POINTCLOUD", "PointCloudModality"]


class PointCloudModality:
    """The modality "pointcloud"."""

    name = "pointcloud"
    placeholder = "<pointcloud>"
    suffixes = SUFFIXES
    viewer = "pointcloud"

    def load(self, path: Path) -> PointCloud:
        """The cloud in the file's own unit and axes. Raises MediaError."""
        return read_cloud(path)

    def build_encoder(self, name: str, options: Mapping[str, Any], cache: Path) -> Encoder:
        """Build one of `ENCODERS`. Raises ConfigError for another name."""
        return lookup(ENCODERS, name, kind="point cloud encoder")(options, cache)

    def memory(self, name: str) -> int:
        """Bytes of weights in float32. Raises ConfigError for an unknown name."""
        return lookup(ENCODER_BYTES, name, kind="point cloud encoder")


ENCODERS: Mapping[str, Callable[[Mapping[str, Any], Path], Encoder]] = {
    "point-groups": build_point_groups,
    "epcl": build_epcl,
    "scene": build_scene,
}
# Float32 weights: point-groups has 2 million, EPCL those of CLIP ViT-L/14's transformer and little beside; scene none.
ENCODER_BYTES: Mapping[str, int] = {"point-groups": 7_700_000, "epcl": 1_221_000_000, "scene": 0}

POINTCLOUD = PointCloudModality()
