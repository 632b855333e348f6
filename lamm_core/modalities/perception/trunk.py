"""EfficientNet-Lite0 as a trunk with a frozen bottom, a tunable top and depthwise convolutions whose backward is fast.

Does not know what the features are used for.

Why not PyTorch's own depthwise backward: on a CPU in bf16 it takes most of a training step of the top, and most of that
goes into the gradient of a few of the weights. Ours leaves those weights as they are and computes the input gradient as
one more forward convolution with the flipped kernel: 4.6 times as many pictures a second on one core, and still 1.4
times as many as PyTorch with the same weights frozen (benchmarks/depthwise.py --pictures 64).
"""

from __future__ import annotations

from typing import Any

import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["BOTTOM_BLOCKS", "Trunk", "build_lite0", "pixels_to_input"]

BOTTOM_BLOCKS = 5  # stem and blocks 0-4: stride 8, 40 channels


class _Depthwise(torch.autograd.Function):
    """Depthwise convolution with frozen weights and explicit padding; stride 1 or 2, by axis."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: tuple[int, int], padding: tuple[int, ...]) -> Tensor:
        padded = functional.pad(x, padding) if any(padding) else x
        ctx.save_for_backward(weight)
        ctx.stride, ctx.padding, ctx.size = stride, padding, padded.shape[2:]
        return functional.conv2d(padded, weight, None, stride, 0, 1, weight.shape[0])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (weight,) = ctx.saved_tensors
        gradient = gradients[0]
        left, right, top, bottom = ctx.padding
        height, width = ctx.size
        kernel = weight.shape[-1]
        if ctx.stride != (1, 1):  # spread the gradient over the places that the stride skipped
            spread = gradient.new_zeros(*gradient.shape[:2], height - kernel + 1, width - kernel + 1)
            spread = spread.contiguous(memory_format=torch.channels_last)
            spread[:, :, :: ctx.stride[0], :: ctx.stride[1]] = gradient
            gradient = spread
        full = functional.conv2d(gradient, weight.flip(2, 3), None, 1, kernel - 1, 1, weight.shape[0])
        return full[:, :, top : height - bottom, left : width - right], None, None, None


class _FrozenDepthwise(nn.Module):
    """Stands where the package's depthwise convolution stood; same weights under the same name."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight = nn.Parameter(convolution.weight.detach().clone(), requires_grad=False)
        self.stride = (convolution.stride[0], convolution.stride[-1])

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.weight.shape[-1]
        # TensorFlow's "same" for even inputs: a stride of 2 pads one less on the left and top
        before = [(kernel - step) // 2 for step in self.stride]
        after = [kernel - step - first for step, first in zip(self.stride, before, strict=True)]
        padding = (before[1], after[1], before[0], after[0])
        output: Tensor = _Depthwise.apply(x, self.weight.to(x.dtype), self.stride, padding)
        return output


def build_lite0(state: dict[str, Tensor] | None = None) -> EfficientNet:
    """The package's Lite0 with fast depthwise convolutions; batch statistics always stay those of ImageNet."""
    network = EfficientNet.from_name("efficientnet-lite0")
    if state is not None:
        network.load_state_dict(state)
    for block in network._blocks:
        block._depthwise_conv = _FrozenDepthwise(block._depthwise_conv)
    return network.eval().to(memory_format=torch.channels_last)


class Trunk(nn.Module):
    """A run of Lite0 blocks. Batch normalisation keeps its running statistics; its scale and shift are tunable."""

    def __init__(self, network: EfficientNet, first: int, last: int, *, stem: bool = False, head: bool = False) -> None:
        super().__init__()
        self.stem = nn.ModuleList([network._conv_stem, network._bn0]) if stem else None
        self.blocks = nn.ModuleList(network._blocks[first:last])
        self.head = nn.ModuleList([network._conv_head, network._bn1]) if head else None

    def train(self, mode: bool = True) -> Trunk:
        return super().train(False)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Outputs of every block, and of the head as the last one; (B, C, H, W) each."""
        outputs = []
        if self.stem is not None:
            x = functional.relu6(self.stem[1](self.stem[0](x)))
        for block in self.blocks:
            x = block(x)
            outputs.append(x)
        if self.head is not None:
            outputs.append(functional.relu6(self.head[1](self.head[0](x))))
        return outputs


def pixels_to_input(pixels: Tensor) -> Tensor:
    """(B, H, W, 3) uint8 to the (B, 3, H, W) floats that Lite0 was trained on: (x - 127) / 128."""
    return ((pixels.permute(0, 3, 1, 2).float() - 127.0) / 128.0).contiguous(memory_format=torch.channels_last)
