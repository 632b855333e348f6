"""The small stream: what a small picture shows, by a Lite0 of its own that is tuned from its first layer on.

Does not know boxes, joints, tokens nor the training. A picture of 32 pixels enlarged looks like nothing ImageNet
had, so the layers that the other streams leave as ImageNet made them are tuned here; depthwise weights stay.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lamm_core.modalities.perception.trunk import Trunk, build_lite0
from lamm_core.names import PICTURE_CLASSES

__all__ = ["SIDE", "SmallStream"]

SIDE = 96  # pixels; 128 costs twice the time


class SmallStream(nn.Module):
    """A whole Lite0 and a linear classifier over its mean features."""

    def __init__(self, state: dict[str, Tensor] | None = None) -> None:
        super().__init__()
        self.trunk = Trunk(build_lite0(state), 0, 16, stem=True, head=True)
        self.picture_class = nn.Linear(1280, len(PICTURE_CLASSES))

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (B, 3, h, w) of any size, looked at as ``SIDE`` x ``SIDE``; logits (B, 10)."""
        if inputs.shape[2:] != (SIDE, SIDE):
            inputs = functional.interpolate(inputs, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        pooled = self.trunk(inputs.contiguous(memory_format=torch.channels_last))[-1].float().mean((2, 3))
        logits: Tensor = self.picture_class(functional.dropout(pooled, 0.2, self.training))
        return logits
