"""The encoder "scene": finds the objects that stand out in a cloud and tells of each what sets it apart.

Does not know language models. It has no weights; what it finds is numbered as `propose` lists it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lamm_core.errors import ConfigError
from lamm_core.grounding import Box3D
from lamm_core.modalities.fingerprint import fingerprint
from lamm_core.modalities.pointcloud.points import coloured_points
from lamm_core.modalities.pointcloud.scene_composed import compose
from lamm_core.modalities.pointcloud.scene_tokens import (
    LAYOUT,
    LAYOUT_VERSION,
    MOST_OBJECTS,
    Seen,
    scene_tokens,
)
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.proposals import Proposal, propose
from lamm_core.pointclouds.read import read_cloud
from lamm_core.pointclouds.shades import NAMES, name_points

__all__ = ["SceneEncoder", "SceneObjects", "boxes_in", "build_scene", "find_objects"]

METHOD = 1  # raised when the objects found or their colours change, so that kept features are made anew


class SceneObjects(NamedTuple):
    """The objects of a cloud, the first is ``[obj1]``, and what the model is told of them."""

    proposals: list[Proposal]
    seen: list[Seen]


def find_objects(cloud: PointCloud) -> SceneObjects:
    """What stands out in a cloud in metres with z up. Raises MediaError where no point has finite coordinates."""
    xyz, colours = coloured_points(cloud)
    proposals = propose(xyz, colours)[:MOST_OBJECTS]
    shares = []
    for proposal in proposals:
        named = np.full(0, -1) if colours is None else name_points(colours[proposal.points])
        counts = np.bincount(named[named >= 0], minlength=len(NAMES)) / max(len(named), 1)
        shares.append(counts.tolist())
    seen = [Seen(item.box, share, item.score) for item, share in zip(proposals, shares, strict=True)]
    return SceneObjects(proposals, seen)


def boxes_in(path: Path) -> tuple[Box3D, ...]:
    """The boxes of a cloud's objects, the first is ``[obj1]``; found once for each file. Raises MediaError."""
    status = path.stat()
    return _boxes_in(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=256)
def _boxes_in(path: Path, changed: int, size: int) -> tuple[Box3D, ...]:
    return tuple(item.box for item in find_objects(read_cloud(path)).proposals)


class SceneEncoder(nn.Module):
    """Tokens of a scene's objects."""

    width = LAYOUT.width
    ours = False

    def fingerprint(self) -> str:
        """Hash of the way objects are found and told."""
        return fingerprint(self, {"encoder": "scene", "settings": (METHOD, LAYOUT_VERSION, self.width)})

    def word_examples(self) -> tuple[Tensor, list[str]]:
        """Token rows (k, width) and the words they mean."""
        words = LAYOUT.words()
        rows = torch.zeros(len(words), self.width)
        rows[range(len(words)), list(words)] = 1.0
        return rows, list(words.values())

    def compose(self, findings: Mapping[str, Any], rng: random.Random) -> Tensor:
        """Tokens of a scene of these objects; see `scene_composed.compose`."""
        return compose(findings, rng)

    def prepare(self, medium: PointCloud) -> Tensor:
        """The tokens ``(n, width)``; finding objects is the whole work."""
        return scene_tokens(find_objects(medium).seen)

    def encode(self, prepared: Sequence[Tensor]) -> list[Tensor]:
        """The tokens as they are."""
        return list(prepared)


def build_scene(options: Mapping[str, Any], cache: Path) -> SceneEncoder:
    """Raises ConfigError for any option: it has none."""
    if options:
        raise ConfigError(f"The encoder 'scene' has no option {min(options)!r}; it takes none.")
    return SceneEncoder()
