"""Tunes the scene stream of the perception encoder: picture classes, boxes and joints in turn, for a given time.

Does not know where the pictures came from, nor the language model that will read the tokens.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lamm_core.modalities.perception.scene import Scene, SceneStream, cell_centres, joint_positions
from lamm_core.modalities.perception.trunk import Trunk, pixels_to_input
from lamm_core.training.perception_data import Bytes, Labelled, crop

__all__ = ["detection_loss", "joint_loss", "train_scene"]

PICTURE_SIDE = 128
SHAPES = ((224, 224), (256, 192), (192, 256), (288, 160), (160, 288))  # width, height: about 49 cells of 32 pixels


def small_batch(pixels: Bytes, labels: Bytes, chosen: Sequence[int], rng: random.Random) -> tuple[Tensor, Tensor]:
    """Random windows of small pictures, mirrored and recoloured, enlarged to ``PICTURE_SIDE``: (B, 3, S, S), (B,)."""
    batch = torch.from_numpy(pixels[chosen]).permute(0, 3, 1, 2).float()
    count = len(chosen)
    theta = torch.zeros(count, 2, 3)
    for row in range(count):
        zoom = rng.uniform(0.75, 1.05)
        angle = rng.uniform(-0.2, 0.2)
        mirror = rng.choice((-1, 1))
        room = abs(1 - zoom)
        theta[row] = torch.tensor(
            [
                [zoom * mirror * math.cos(angle), -zoom * math.sin(angle), rng.uniform(-room, room)],
                [zoom * mirror * math.sin(angle), zoom * math.cos(angle), rng.uniform(-room, room)],
            ]
        )
    grid = functional.affine_grid(theta, [count, 3, PICTURE_SIDE, PICTURE_SIDE], align_corners=False)
    batch = functional.grid_sample(batch, grid, "bilinear", "reflection", align_corners=False)
    gain = 1 + 0.25 * (torch.rand(count, 1, 1, 1) - 0.5) * 2
    grey = batch.mean(1, keepdim=True)
    batch = grey + (batch - grey) * (1 + 0.3 * (torch.rand(count, 1, 1, 1) - 0.5) * 2)
    batch = (batch - 127) * gain + 40 * (torch.rand(count, 1, 1, 1) - 0.5)
    for row in range(count):  # cut out a square
        if rng.random() < 0.5:
            side = rng.randint(16, 56)
            y, x = rng.randint(0, PICTURE_SIDE - side), rng.randint(0, PICTURE_SIDE - side)
            batch[row, :, y : y + side, x : x + side] = 0
    batch = batch.clamp(-127, 128) / 128
    return batch.contiguous(memory_format=torch.channels_last), torch.from_numpy(labels[chosen]).long()


def photo_batch(
    items: Sequence[Labelled], chosen: Sequence[int], shape: tuple[int, int], rng: random.Random
) -> tuple[Tensor, list[Labelled]]:
    """Crops of one shape: (B, 3, H, W) and their labels, boxes and joints now as shares of the crop."""
    crops = [crop(items[index], shape, rng, least=0.7 if items[index].joints is not None else 0.35) for index in chosen]
    pixels = torch.from_numpy(np.stack([np.asarray(item.picture) for item in crops]))
    return pixels_to_input(pixels), crops


def joint_loss(scene: Scene, crops: Sequence[Labelled]) -> Tensor:
    """Distance of the soft-argmax from the visible joints, in shares of the picture, and cross entropy of the peak."""
    rows = [row for row, item in enumerate(crops) if item.joints is not None]
    if not rows:
        return scene.joints.sum() * 0
    height, width = scene.joints.shape[2:]
    truth = torch.from_numpy(np.stack([item.joints for item in crops if item.joints is not None])).float()
    size = torch.tensor(crops[0].picture.size, dtype=torch.float32)
    target = truth[..., :2] / size
    visible = ((target > 0) & (target < 1)).all(-1).float()
    logits = scene.joints[rows]
    found, _ = joint_positions(logits)
    distance = ((found - target).abs().sum(-1) * visible).sum() / visible.sum().clamp(min=1)
    column = (target[..., 0] * width).long().clamp(0, width - 1)
    row = (target[..., 1] * height).long().clamp(0, height - 1)
    entropy = functional.cross_entropy(logits.flatten(2).flatten(0, 1),
                                       (row * width + column).flatten(), reduction="none")  # fmt: skip
    return 5 * distance + 0.3 * (entropy * visible.flatten()).sum() / visible.sum().clamp(min=1)


def detection_loss(scene: Scene, crops: Sequence[Labelled]) -> dict[str, Tensor]:
    """Gaussian focal loss of the centres (CornerNet's), generalised IoU of the boxes and cross entropy of the class."""
    batch, height, width = scene.objectness.shape
    size = np.asarray([*crops[0].picture.size] * 2, dtype=np.float32)
    centres = cell_centres(height, width)
    heat = torch.zeros(batch, height, width)
    weight = torch.zeros(batch, height, width)
    box = torch.zeros(batch, height, width, 4)
    label = torch.zeros(batch, height, width, dtype=torch.long)
    ignore = torch.ones(batch, height, width)
    for row, item in enumerate(crops):
        if not item.exhaustive:
            ignore[row] = 0.1
        shares = torch.from_numpy(item.boxes / size)
        order = ((shares[:, 2] - shares[:, 0]) * (shares[:, 3] - shares[:, 1])).argsort(descending=True)
        for number in order.tolist():  # small boxes last: they win their cells
            x1, y1, x2, y2 = shares[number].tolist()
            centre = torch.tensor([(x1 + x2) / 2, (y1 + y2) / 2])
            column, line = min(int(centre[0] * width), width - 1), min(int(centre[1] * height), height - 1)
            middle = centres[line, column]
            spread = torch.tensor([max((x2 - x1) / 6, 0.35 / width), max((y2 - y1) / 6, 0.35 / height)])
            bump = torch.exp(-(((centres - middle) / spread) ** 2).sum(-1) / 2)
            heat[row] = torch.maximum(heat[row], bump)
            inside = bump > 0.4
            weight[row][inside] = bump[inside]
            box[row][inside] = shares[number]
            label[row][inside] = item.labels[number]
    logits = scene.objectness
    positive = heat > 0.999
    probability = logits.sigmoid().clamp(1e-4, 1 - 1e-4)
    gain = ((1 - probability) ** 2 * torch.log(probability))[positive].sum()
    cost = (((1 - heat) ** 4) * ignore * probability**2 * torch.log(1 - probability))[~positive].sum()
    count = positive.sum().clamp(min=1)
    total = weight.sum().clamp(min=1)
    mask = weight > 0
    overlap = 1 - _generalised_iou(scene.boxes[mask], box[mask])
    entropy = functional.cross_entropy(scene.object_class.permute(0, 2, 3, 1)[mask], label[mask], reduction="none")
    return {
        "centre": -(gain + cost) / count,
        "box": 2 * (overlap * weight[mask]).sum() / total,
        "class": (entropy * weight[mask]).sum() / total,
    }


def _generalised_iou(first: Tensor, second: Tensor) -> Tensor:
    low, high = torch.maximum(first[:, :2], second[:, :2]), torch.minimum(first[:, 2:], second[:, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    union = (first[:, 2:] - first[:, :2]).prod(-1) + (second[:, 2:] - second[:, :2]).prod(-1) - shared
    around_low, around_high = torch.minimum(first[:, :2], second[:, :2]), torch.maximum(first[:, 2:], second[:, 2:])
    around = (around_high - around_low).prod(-1).clamp(min=1e-6)
    return shared / union.clamp(min=1e-6) - (around - union) / around


def _shuffled(count: int, rng: random.Random) -> Iterator[int]:
    while True:
        order = list(range(count))
        rng.shuffle(order)
        yield from order


def train_scene(
    stream: SceneStream,
    bottom: Trunk,
    *,
    small: tuple[Bytes, Bytes],
    photos: Sequence[tuple[float, Sequence[Labelled]]],
    seconds: float,
    out: Path,
    small_share: float = 0.5,
    learning_rate: float = 5e-4,
    batch: tuple[int, int] = (64, 16),
    seed: int = 0,
    evaluate: Callable[[SceneStream], dict[str, float]] | None = None,
    evaluate_seconds: float = 600,
) -> None:
    """Train for ``seconds`` of wall clock with a cosine learning rate; ``out`` gets the averaged weights.

    ``photos`` are (weight, pictures) groups; ``small_share`` is the share of the steps that see small pictures.
    """
    rng = random.Random(seed)
    torch.manual_seed(seed)
    top = list(stream.top.parameters())
    known = {id(parameter) for parameter in top}
    heads = [parameter for parameter in stream.parameters() if id(parameter) not in known]
    groups = [
        {"params": [p for p in top if p.requires_grad], "lr": learning_rate, "peak": learning_rate},
        {"params": heads, "lr": 2 * learning_rate, "peak": 2 * learning_rate},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.02, betas=(0.9, 0.99))
    average = {name: tensor.detach().clone() for name, tensor in stream.state_dict().items()}
    order = _shuffled(len(small[1]), rng)
    orders = [_shuffled(len(items), rng) for _, items in photos]
    weights = [weight for weight, _ in photos]
    start, step, evaluated = time.monotonic(), 0, 0.0
    means: dict[str, float] = {}
    stream.train()
    while (elapsed := time.monotonic() - start) < seconds:
        share = elapsed / seconds
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * share))
        losses: dict[str, Tensor]
        if rng.random() < small_share:
            inputs, labels = small_batch(*small, [next(order) for _ in range(batch[0])], rng)
        else:
            labels = None
            group_number = rng.choices(range(len(photos)), weights)[0]
            chosen = [next(orders[group_number]) for _ in range(batch[1])]
            inputs, crops = photo_batch(photos[group_number][1], chosen, rng.choice(SHAPES), rng)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                low = bottom(inputs)[-1]
            scene = stream(low)
        if labels is not None:
            losses = {"small": functional.cross_entropy(scene.picture_class.float(), labels, label_smoothing=0.1)}
        else:
            losses = {**detection_loss(scene, crops), "joints": joint_loss(scene, crops)}
        total = torch.stack(list(losses.values())).sum()
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(stream.parameters(), 5.0)
        optimiser.step()
        optimiser.zero_grad()
        step += 1
        decay = min(0.998, step / (step + 20))
        with torch.no_grad():
            for name, tensor in stream.state_dict().items():
                if tensor.is_floating_point():
                    average[name].lerp_(tensor, 1 - decay)
        for name, value in losses.items():
            number = float(value.detach())
            if name != "joints" or number > 0:
                means[name] = 0.95 * means.get(name, number) + 0.05 * number
        if step % 50 == 0:
            _log(out, {"step": step, "seconds": round(elapsed), **{key: round(v, 4) for key, v in means.items()}})
        if elapsed - evaluated > evaluate_seconds:
            evaluated = elapsed
            _save(average, out)
            if evaluate is not None:
                current = {name: tensor.detach().clone() for name, tensor in stream.state_dict().items()}
                stream.load_state_dict(average)
                stream.eval()
                _log(out, {"step": step, **evaluate(stream)})
                stream.load_state_dict(current)
                stream.train()
    _save(average, out)
    stream.load_state_dict(average)
    stream.eval()
    if evaluate is not None:
        _log(out, {"step": step, "final": True, **evaluate(stream)})


def _save(state: dict[str, Tensor], out: Path) -> None:
    partial = out.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(out)


def _log(out: Path, row: dict[str, object]) -> None:
    line = json.dumps(row)
    print(line, flush=True)
    with out.with_suffix(".jsonl").open("a") as file:
        file.write(line + "\n")
