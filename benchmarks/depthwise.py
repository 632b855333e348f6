"""Times training the top of EfficientNet-Lite0 with our depthwise backward beside PyTorch's own; random weights.

Does not know what is learned. All sides run the same blocks in bf16 on one thread, and processor time is counted, so
that other programs matter little. PyTorch is timed as everybody uses it, with every weight trained, and with the
depthwise weights frozen as ours are. Usage: python benchmarks/depthwise.py [--pictures 16] [--repeats 3]. The last
line is JSON; ``ratio`` says how many times as many pictures a second ours gives as PyTorch, ``ratio_frozen`` as PyTorch
with frozen depthwise weights.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lamm_core.modalities.perception.trunk import BOTTOM_BLOCKS, Trunk, _FrozenDepthwise, build_lite0

SIDE = 16  # of the bottom's map for a picture of 128 x 128


class PlainDepthwise(nn.Module):
    """The same convolution, its backward left to PyTorch."""

    def __init__(self, ours: _FrozenDepthwise, *, frozen: bool) -> None:
        super().__init__()
        self.weight, self.stride = nn.Parameter(ours.weight.detach(), requires_grad=not frozen), ours.stride

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.weight.shape[-1]
        before = [(kernel - step) // 2 for step in self.stride]
        after = [kernel - step - first for step, first in zip(self.stride, before, strict=True)]
        padded = functional.pad(x, (before[1], after[1], before[0], after[0]))
        return functional.conv2d(padded, self.weight.to(x.dtype), None, self.stride, 0, 1, len(self.weight))


def top(side: str) -> Trunk:
    """Blocks 5 to 15 and the head, as the scene stream tunes them; weights follow from a seed."""
    torch.manual_seed(0)
    network = build_lite0()
    for block in network._blocks:
        if side != "ours":
            block._depthwise_conv = PlainDepthwise(block._depthwise_conv, frozen=side == "pytorch_frozen")
    return Trunk(network, BOTTOM_BLOCKS, 16, head=True)


def step(trunk: Trunk, inputs: Tensor) -> Tensor:
    """Forward and backward; the gradient of the first block's expansion, to compare."""
    trunk.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        output = trunk(inputs)[-1].float()
    (output * torch.linspace(-1, 1, output.numel()).view_as(output)).mean().backward()
    gradient = next(value.grad for value in trunk.parameters() if value.grad is not None)
    return gradient.detach().clone()


def seconds(trunk: Trunk, inputs: Tensor, repeats: int) -> float:
    """The median of the repeats, after one to warm up."""
    step(trunk, inputs)
    times = []
    for _ in range(repeats):
        start = time.process_time()
        step(trunk, inputs)
        times.append(time.process_time() - start)
    return statistics.median(times)


def main() -> None:
    """Measure both sides and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=16, help="in a batch")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    inputs = torch.randn(arguments.pictures, 40, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    trunks = {side: top(side) for side in ("ours", "pytorch", "pytorch_frozen")}
    first, second, _ = (step(trunk, inputs).flatten() for trunk in trunks.values())
    agreement = float(functional.cosine_similarity(first, second, 0))
    speed = {name: arguments.pictures / seconds(trunk, inputs, arguments.repeats) for name, trunk in trunks.items()}
    for name, value in speed.items():
        print(f"{name:<15} {value:7.1f} pictures a second of processor time")
    print(f"cosine of the two gradients: {agreement:.4f}")
    row = {name: round(value, 1) for name, value in speed.items()}
    ratios = {
        key: round(speed["ours"] / speed[name], 2)
        for key, name in (("ratio", "pytorch"), ("ratio_frozen", "pytorch_frozen"))
    }
    print(json.dumps({**row, "agreement": round(agreement, 4), **ratios}))


if __name__ == "__main__":
    main()
