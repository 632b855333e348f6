"""Point tokens of our own: evenly spread groups of points, each seen by a small PointNet, then by one another.

Does not know files, objects or how the weights are trained. A cloud is in metres with z up. Legend: B clouds, G groups
of a cloud, K points of a group, C channels, W width of a token.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lamm_core.errors import ConfigError
from lamm_core.modalities.fingerprint import fingerprint
from lamm_core.modalities.pointcloud.points import coloured_points
from lamm_core.modalities.pointcloud.sampling import farthest_order, nearest, repeated, thin
from lamm_core.modalities.weights_file import load_weights
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.planes import find_support

__all__ = ["WEIGHTS", "PointGroups", "build_point_groups"]

WEIGHTS = "point-groups.safetensors"  # in the folder that the option `weights` names
CELL = 0.01  # metres; finer detail than a centimetre is averaged away
MOST_POINTS = 65_536  # after thinning, by larger cells where a building would have more
GROUPS = 256
POINTS = 32  # of a group
SHARE = 16  # points for each group: groups of 32 then overlap by half
CHANNELS = 8  # x y z, height, r g b, whether it has a colour
INNER, WIDTH, LAYERS, HEADS = 64, 192, 4, 6
WAVES = tuple(0.1 * 2.0**octave for octave in range(10))  # metres: 10 cm to 51 m
LEAST_RADIUS = 1e-3  # metres; of a group whose points lie in one place


class PointGroups(nn.Module):
    """A token for each of ``groups`` places of a cloud; what they hold is learned, so the weights are ours."""

    width = WIDTH
    ours = True

    def __init__(self, groups: int = GROUPS) -> None:
        super().__init__()
        self.groups = groups
        self.shape = nn.Linear(4, INNER)
        self.colour = nn.Linear(3, INNER, bias=False)
        self.no_colour = nn.Parameter(torch.empty(INNER).normal_(std=0.02))
        self.point = nn.Sequential(nn.GELU(), nn.Linear(INNER, 2 * INNER))
        self.group = nn.Sequential(nn.Linear(4 * INNER, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
        self.place = nn.Sequential(nn.Linear(4 * 2 * len(WAVES) + 1, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 4 * WIDTH, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, LAYERS, norm=nn.LayerNorm(WIDTH), enable_nested_tensor=False)

    def fingerprint(self) -> str:
        """Hash of weights and preprocessing."""
        settings = (CELL, MOST_POINTS, self.groups, POINTS, SHARE, WAVES, LEAST_RADIUS)
        return fingerprint(self, {"encoder": "point-groups", "settings": settings})

    def prepare(self, medium: PointCloud) -> Tensor:
        """``(G, K, 8)``: x y z and height above the support in metres, r g b in [0, 1], 1 where there is a colour.

        The first point of a group is its centre. Raises MediaError where no point has finite coordinates.
        """
        xyz, colours = coloured_points(medium)
        known = np.zeros((len(xyz), 4), np.float32)
        if colours is not None:
            known[:, :3], known[:, 3] = colours / np.float32(255), 1
        points = thin(np.concatenate([xyz, known], axis=1), CELL, most=MOST_POINTS)
        points = points[farthest_order(points[:, :3], self.groups * SHARE)]
        heights = heights_above_support(points[:, :3])
        # The points are in farthest order, so the first of them are the centres of the groups.
        centres = points[repeated(np.arange(min(self.groups, len(points))), self.groups), :3]
        near = nearest(points[:, :3], centres, count=POINTS)  # (G, K)
        table = np.concatenate([points[:, :3], heights[:, None], points[:, 3:]], axis=1)
        return torch.from_numpy(table[near])  # (G, K, 8)

    def encode(self, prepared: Sequence[Tensor]) -> list[Tensor]:
        """``(G, W)`` for each cloud, in the order of `farthest_order`."""
        weight = self.no_colour
        return list(self(torch.stack(list(prepared)).to(weight.device, weight.dtype)).unbind())

    def forward(self, groups: Tensor) -> Tensor:
        """Tokens ``(B, G, W)`` of prepared clouds ``(B, G, K, 8)``."""
        centre = groups[:, :, :1, :3]
        offset = groups[..., :3] - centre  # (B, G, K, 3)
        radius = offset.norm(dim=-1, keepdim=True).amax(2, keepdim=True).clamp_min(LEAST_RADIUS)  # (B, G, 1, 1)
        height = (groups[..., 3:4] / radius).clamp(-8, 8)  # where the support is, as the group's own size sees it
        colour = torch.where(groups[..., 7:8] > 0, self.colour(groups[..., 4:7]), self.no_colour)
        each = self.point(self.shape(torch.cat([offset / radius, height], -1)) + colour)  # (B, G, K, C)
        whole = each.amax(2, keepdim=True).expand_as(each)
        seen = self.group(torch.cat([each, whole], -1)).amax(2)  # (B, G, W)
        position = torch.cat([waves(groups[:, :, 0, :4]), radius[:, :, 0].log()], -1)
        tokens: Tensor = self.layers(seen + self.place(position))
        return tokens


def waves(metres: Tensor) -> Tensor:
    """Lengths ``(..., n)`` in metres as sines and cosines of ten wavelengths, ``(..., 20 n)``."""
    lengths = torch.tensor(WAVES, device=metres.device, dtype=metres.dtype)
    angles = (metres[..., None] % lengths) * (2 * math.pi / lengths)  # the remainder first: precise far from 0 too
    return torch.cat([angles.sin(), angles.cos()], -1).flatten(-2)


def heights_above_support(xyz: NDArray[np.float32]) -> NDArray[np.float32]:
    """Metres above the table or floor for each point (N, 3), above the lowest point where there is no such plane."""
    support = find_support(xyz)
    heights = support.height(xyz) if support else xyz[:, 2] - xyz[:, 2].min()
    return heights.astype(np.float32)


def build_point_groups(options: Mapping[str, Any], cache: Path) -> PointGroups:
    """The encoder with fresh weights, which a checkpoint then replaces.

    Options: ``groups``, how many tokens a cloud has; ``weights``, a folder with trained `WEIGHTS` to start from.
    Raises ConfigError, WeightsError.
    """
    for key in options:
        if key not in ("groups", "weights"):
            raise ConfigError(f"The encoder 'point-groups' has no option {key!r}. Known: groups, weights.")
    groups = options.get("groups", GROUPS)
    if not isinstance(groups, int) or groups < 1:
        raise ConfigError(f"The option 'groups' of 'point-groups' is {groups!r}; expected a whole number above 0.")
    encoder = PointGroups(groups)
    if "weights" in options:
        path = Path(options["weights"]).expanduser() / WEIGHTS
        remedy = ". Name the folder that holds it as 'weights'."
        load_weights(encoder, path, what="the encoder 'point-groups'", remedy=remedy)
    return encoder.requires_grad_(False).eval()
