"""The scene stream: a tuned Lite0 top with heads for what a picture shows, where objects are and where joints are.

Does not know text crops, tokens or the language model.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from lamm_core.modalities.perception.trunk import BOTTOM_BLOCKS, Trunk, build_lite0
from lamm_core.names import JOINTS, OBJECTS, PICTURE_CLASSES

__all__ = ["Scene", "SceneStream", "joint_positions"]

NECK = 128  # channels of the stride-16 map that the dense heads read


class Scene(NamedTuple):
    """What the heads say; B pictures, h x w cells of 16 pixels.

    Boxes are x1, y1, x2, y2 as shares of the picture's width and height.
    """

    picture_class: Tensor  # (B, 10) logits
    pooled: Tensor  # (B, 1280)
    dense: Tensor  # (B, NECK, h, w)
    objectness: Tensor  # (B, h, w) logits
    boxes: Tensor  # (B, h, w, 4)
    object_class: Tensor  # (B, len(OBJECTS), h, w) logits
    joints: Tensor  # (B, 14, h, w) logits


def _conv(width_in: int, width_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(width_in, width_out, 3, padding=1), nn.GroupNorm(8, width_out), nn.ReLU())


class SceneStream(nn.Module):
    """Frozen bottom, tuned top (blocks 5 to 15 and the 1280-channel head), a two-level neck and five heads."""

    def __init__(self, state: dict[str, Tensor] | None = None) -> None:
        super().__init__()
        network = build_lite0(state)
        self.top = Trunk(network, BOTTOM_BLOCKS, 16, head=True)
        self.lateral16 = nn.Conv2d(112, NECK, 1)
        self.lateral32 = nn.Conv2d(1280, NECK, 1)
        self.neck = nn.Sequential(_conv(NECK, NECK), _conv(NECK, NECK))
        self.detection = _conv(NECK, NECK)
        self.objectness = nn.Conv2d(NECK, 1, 1)
        self.box = nn.Conv2d(NECK, 4, 1)
        self.object_class = nn.Conv2d(2 * NECK, len(OBJECTS), 1)
        self.pose = _conv(NECK, NECK)
        self.joints = nn.Conv2d(NECK, len(JOINTS), 1)
        self.picture_class = nn.Linear(1280, len(PICTURE_CLASSES))
        nn.init.constant_(self.objectness.get_parameter("bias"), -3.0)  # focal loss wants a rare positive at the start

    def name_picture(self, bottom: Tensor) -> Tensor:
        """Only the logits of the picture's class, (B, 10)."""
        logits: Tensor = self.picture_class(self.top(bottom)[-1].float().mean((2, 3)))
        return logits

    def forward(self, bottom: Tensor) -> Scene:
        """``bottom`` is the frozen bottom's (B, 40, 2h, 2w) map."""
        outputs = self.top(bottom)
        middle, last = outputs[10 - BOTTOM_BLOCKS], outputs[-1]
        pooled = last.float().mean((2, 3))
        lateral = self.lateral32(last)
        up = functional.interpolate(lateral, size=middle.shape[2:], mode="bilinear", align_corners=False)
        dense = self.neck(functional.relu(self.lateral16(middle) + up))
        detection = self.detection(dense)
        return Scene(
            picture_class=self.picture_class(functional.dropout(pooled, 0.2, self.training)),
            pooled=pooled,
            dense=dense,
            objectness=self.objectness(detection).float()[:, 0],
            boxes=_decode_boxes(self.box(detection).float()),
            object_class=self.object_class(torch.cat([detection, up], 1)).float(),
            joints=self.joints(self.pose(dense)).float(),
        )


def cell_centres(height: int, width: int) -> Tensor:
    """(h, w, 2) x, y of the cells' centres as shares of the picture."""
    y = (torch.arange(height) + 0.5) / height
    x = (torch.arange(width) + 0.5) / width
    return torch.stack([x[None, :].expand(height, width), y[:, None].expand(height, width)], -1)


def _decode_boxes(raw: Tensor) -> Tensor:
    # raw (B, 4, h, w): centre offset in cells, log of width and height relative to a third of the picture
    height, width = raw.shape[2:]
    cells = torch.tensor([width, height], dtype=torch.float32, device=raw.device)
    offset, size = raw.permute(0, 2, 3, 1).split(2, -1)
    centre = cell_centres(height, width).to(raw.device) + offset.clamp(-4, 4) / cells
    half = torch.exp(size.clamp(-5, 1.2)) / 6
    return torch.cat([centre - half, centre + half], -1)


def joint_positions(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Soft-argmax: (B, J, h, w) logits to (B, J, 2) x, y shares of the picture and (B, J) peak probability."""
    height, width = logits.shape[2:]
    weight = logits.flatten(2).softmax(-1)
    centres = cell_centres(height, width).to(logits.device).reshape(-1, 2)
    return weight @ centres, weight.amax(-1)
