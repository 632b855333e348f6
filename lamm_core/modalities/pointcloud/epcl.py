"""EPCL, the point encoder of LAMM: two set abstractions and CLIP's transformer (arXiv 2212.04098), in plain PyTorch.

Does not know how its weights are stored; `epcl_checkpoint` does. Sizes follow from the weights, LAMM's are in brackets.
Legend: B clouds, M local centres (2,048), G tokens (256), K points around a centre (64, then 512), C channels, W width
of a token (1,024).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from lamm_core.errors import ConfigError
from lamm_core.modalities.fingerprint import fingerprint
from lamm_core.modalities.pointcloud.epcl_checkpoint import EpclSizes, read_published, require_fit
from lamm_core.modalities.pointcloud.points import coloured_points
from lamm_core.modalities.pointcloud.sampling import farthest_order, in_ball, repeated, shuffled_order
from lamm_core.pointclouds.cloud import PointCloud

__all__ = ["EpclEncoder", "build_epcl"]

MOST_POINTS = 40_000  # as LAMM samples a scene
RADIUS = 0.2  # metres around a local centre
MEAN_COLOUR = (109.8, 97.2, 83.8)  # of ScanNet, in 0-255
AT_ONCE = 16  # centres of the second abstraction; all 256 together would need a gigabyte
HEAD_WIDTH = 64


class SetAbstraction(nn.Module):
    """A shared perceptron over the points around each centre, and the largest value of every channel."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleDict({"linear": nn.Linear(before, after, bias=False), "norm": nn.BatchNorm1d(after)})
            for before, after in pairwise(channels)
        )

    def forward(self, points: Tensor) -> Tensor:
        """``(M, K, C)`` to ``(M, C')``."""
        flat = points.flatten(0, 1)
        for layer in self.layers:
            parts = cast(nn.ModuleDict, layer)
            flat = parts["norm"](parts["linear"](flat)).relu_()
        return flat.view(*points.shape[:2], -1).amax(1)


class Block(nn.Module):
    """One layer of CLIP's transformer, its activation x · sigmoid(1.702 x)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, width // HEAD_WIDTH, batch_first=True)
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """``(B, n, W)`` to the same."""
        normed = self.ln_1(tokens)
        tokens = tokens + self.attn(normed, normed, normed, need_weights=False)[0]
        inner = self.c_fc(self.ln_2(tokens))
        output: Tensor = tokens + self.c_proj(inner * (1.702 * inner).sigmoid())
        return output


class EpclEncoder(nn.Module):
    """256 tokens of a scene in metres, as LAMM's 3D models read them; trained by others on ScanNet, and frozen."""

    ours = False

    def __init__(self, sizes: EpclSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.width = sizes.width
        first, second = sizes.abstractions
        self.abstractions = nn.ModuleList([SetAbstraction(first), SetAbstraction(second)])
        self.place = nn.Sequential(nn.Linear(3, sizes.place), nn.GELU(), nn.Linear(sizes.place, sizes.width))
        self.start = nn.LayerNorm(sizes.width)
        self.tasks = nn.Embedding(sizes.tasks, sizes.width)
        self.task = nn.Sequential(nn.Linear(sizes.width, sizes.width), nn.GELU(), nn.Linear(sizes.width, sizes.width))
        self.blocks = nn.Sequential(*(Block(sizes.width) for _ in range(sizes.layers)))

    def fingerprint(self) -> str:
        """Hash of weights and preprocessing."""
        settings = (asdict(self.sizes), MOST_POINTS, RADIUS, MEAN_COLOUR)
        return fingerprint(self, {"encoder": "epcl", "settings": settings})

    def prepare(self, medium: PointCloud) -> Tensor:
        """``(M, 1 + K, 3 or 6)``: each local centre, then points around it; metres, and colours where they are read.

        Raises MediaError where no point has finite coordinates.
        """
        xyz, colours = coloured_points(medium)
        order = shuffled_order(xyz)[:MOST_POINTS]
        points = xyz[order]
        centres = farthest_order(points, self.sizes.centres)
        near = in_ball(points, points[centres], RADIUS, count=self.sizes.neighbours)  # (M, K)
        table = points
        if self.sizes.coloured:
            shade = np.zeros_like(points)  # the mean colour, where the cloud has none
            if colours is not None:
                shade = ((colours[order] - np.asarray(MEAN_COLOUR)) / 256).astype(np.float32)
            table = np.concatenate([points, shade], axis=1)
        rows = np.concatenate([centres[:, None], near], axis=1)
        return torch.from_numpy(table[rows[repeated(np.arange(len(rows)), self.sizes.centres)]])

    def encode(self, prepared: Sequence[Tensor]) -> list[Tensor]:
        """``(G, W)`` for each cloud, in the order of `farthest_order`; CLIP's last layer before its final norm."""
        weight = self.tasks.weight
        clouds = [self._abstract(cloud.to(weight.device, weight.dtype)) for cloud in prepared]
        features, places = (torch.stack(parts) for parts in zip(*clouds, strict=True))
        start = self.start(features + self.place(places))  # (B, G, W)
        tasks = self.task(weight).expand(len(start), -1, -1)
        return list(self.blocks(torch.cat([start, tasks], 1))[:, : start.shape[1]].unbind())

    def _abstract(self, groups: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``(G, W)`` of one cloud and where they are, ``(G, 3)``."""
        centres = groups[:, 0, :3]  # (M, 3)
        offsets = (groups[:, 1:, :3] - centres[:, None]) / RADIUS
        local = self.abstractions[0](torch.cat([offsets, groups[:, 1:, 3:]], -1))  # (M, C)
        # The local centres are in farthest order already: the first of them are what sampling among them would give.
        chosen = centres[: self.sizes.tokens]
        radius, count = RADIUS * self.sizes.ratio, self.sizes.neighbours * self.sizes.ratio
        features = []
        for some in chosen.split(AT_ONCE):
            near = first_within(centres, some, radius, count=count)  # (at most 16, K)
            offsets = (centres[near] - some[:, None]) / radius
            features.append(self.abstractions[1](torch.cat([offsets, local[near]], -1)))
        return torch.cat(features), chosen


def first_within(points: Tensor, centres: Tensor, radius: float, *, count: int) -> Tensor:
    """For each of the centres ``(m, 3)`` the first ``count`` points ``(n, 3)`` within ``radius``; ``(m, K)``.

    K is at most n. Where fewer are within, the first of them stands in for the rest.
    """
    inside = (points - centres[:, None]).square().sum(-1) <= radius**2  # (m, n)
    places = torch.arange(len(points), device=points.device).expand_as(inside)
    places = places.where(inside, len(points)).sort(-1).values[:, :count]
    return places.where(places < len(points), places[:, :1])


def build_epcl(options: Mapping[str, Any], cache: Path) -> EpclEncoder:
    """EPCL with the weights of the file that the option ``checkpoint`` names. Raises ConfigError, WeightsError."""
    for key in options:
        if key != "checkpoint":
            raise ConfigError(f"The encoder 'epcl' has no option {key!r}. Known: checkpoint.")
    if "checkpoint" not in options:
        raise ConfigError(
            "The encoder 'epcl' needs the option 'checkpoint': the path of the file that LAMM's authors released, "
            "epcl_scannet_vit-L-14_256tokens_latest.pth. The encoder 'point-groups' needs no file."
        )
    path = Path(options["checkpoint"]).expanduser()
    sizes, state = read_published(path)
    with torch.device("meta"):  # 300 million numbers need not be drawn only to be replaced
        encoder = EpclEncoder(sizes)
    require_fit(state, encoder.state_dict(), path.name)
    encoder.load_state_dict(state, assign=True)
    return encoder.requires_grad_(False).eval()
