"""The trunk computes what the package computes, and its backward what PyTorch's own computes."""

from __future__ import annotations

import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import nn
from torch.nn import functional

from lamm_core.modalities.perception.trunk import BOTTOM_BLOCKS, Trunk, _FrozenDepthwise, build_lite0, pixels_to_input


@pytest.mark.parametrize("size", [(8, 8), (10, 14), (9, 7)], ids=str)
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (2, 1)], ids=str)
@pytest.mark.parametrize("kernel", [3, 5])
def test_depthwise_gradient_is_that_of_pytorch(kernel: int, stride: tuple[int, int], size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    ours = _FrozenDepthwise(nn.Conv2d(6, 6, kernel, stride, groups=6, bias=False)).double()
    x = torch.randn(2, 6, *size, dtype=torch.float64, requires_grad=True)
    before = [(kernel - step) // 2 for step in stride]
    after = [kernel - step - first for step, first in zip(stride, before, strict=True)]
    padded = functional.pad(x, (before[1], after[1], before[0], after[0]))
    expected = functional.conv2d(padded, ours.weight, None, stride, 0, 1, 6)
    found = ours(x)
    torch.testing.assert_close(found, expected)
    push = torch.randn_like(expected)
    [wanted] = torch.autograd.grad(expected, x, push)
    [gradient] = torch.autograd.grad(found, x, push)
    torch.testing.assert_close(gradient, wanted)
    assert ours.weight.grad is None


def test_trunk_gives_what_the_package_gives() -> None:
    torch.manual_seed(0)
    network = EfficientNet.from_name("efficientnet-lite0").eval()
    ours = build_lite0(network.state_dict())
    inputs = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        expected = network.extract_features(inputs)
        whole = Trunk(ours, 0, 16, stem=True, head=True)(inputs)
        low = Trunk(ours, 0, BOTTOM_BLOCKS, stem=True)(inputs)[-1]
        split = Trunk(ours, BOTTOM_BLOCKS, 16, head=True)(low)
    torch.testing.assert_close(whole[-1], expected, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(split[-1], whole[-1], atol=1e-4, rtol=1e-3)
    assert low.shape == (1, 40, 8, 12) and len(split) == 16 - BOTTOM_BLOCKS + 1


def test_batch_statistics_never_move() -> None:
    trunk = Trunk(build_lite0(), 0, 2, stem=True).train()
    before = {name: value.clone() for name, value in trunk.named_buffers()}
    trunk(torch.randn(2, 3, 32, 32))
    assert not any(module.training for module in trunk.modules())
    assert all(torch.equal(value, before[name]) for name, value in trunk.named_buffers())


def test_pixels_are_scaled_as_lite0_was_trained() -> None:
    pixels = torch.tensor([[[[127, 255, 0]]]], dtype=torch.uint8)
    assert pixels_to_input(pixels).flatten().tolist() == [0.0, 1.0, -127 / 128]
