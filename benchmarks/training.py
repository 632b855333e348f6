"""Samples a second of our training loop beside other ways to write it: same pictures, model, LoRA and optimiser.

Does not know what is a good answer. The peers (training_peers.py) have the encoder in the loop, batches padded to the
longest, and logits at every position. Ours takes features from the cache; filling it once, before the first epoch, is
not in its time and is printed beside it. Each side runs for at most 40 seconds. Processor ratios compare samples for
each second of processor time: beside other work they are the ones to believe, with one thread. Then our side learns
the same batches as the peers did, from the same weights: the losses of the first steps are compared, and the last one
is taken apart. Needs the weights that ``lamm fetch`` brings.

Usage: python benchmarks/training.py [--cache FOLDER] [--seconds 30]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.training_peers import measure_nanovlm, measure_trainer, now
from lamm_core.conversation import Media, Sample, Turn
from lamm_core.data.collate import collate, make_example
from lamm_core.data.instructions import read_samples, write_records
from lamm_core.grounding import Box2D, format_box
from lamm_core.model.adapters import active
from lamm_core.model.lamm import LammModel
from lamm_core.training.optim import build_optimizer, trainable
from lamm_core.training.progress import RunFiles, read_events
from lamm_core.training.recipe import TrainingRecipe
from lamm_core.training.trainer import batch_loss, build_model, train

PICTURES = 192
BATCH = 16
SAME_STEPS = 3
DEFAULT_CACHE = Path.home() / ".cache" / "lamm-studio"
COLOURS = ("red", "green", "blue", "yellow", "black", "orange")
SHAPES = ("circle", "square", "bar")


def draw_samples(folder: Path) -> Path:
    """Pictures of shapes with answers from a word to a list of boxes, as instruction data are."""
    choose = random.Random(0)
    samples = []
    for index in range(PICTURES):
        width, height = choose.randint(200, 420), choose.randint(200, 420)
        picture = Image.new("RGB", (width, height), "white")
        pen = ImageDraw.Draw(picture)
        boxes = []
        for _ in range(choose.choice((1, 1, 2, 2, 3, 5))):
            colour, shape = choose.choice(COLOURS), choose.choice(SHAPES)
            left, top = choose.randint(0, width - 60), choose.randint(0, height - 60)
            right, bottom = left + choose.randint(20, 60), top + choose.randint(20, 60)
            (pen.ellipse if shape == "circle" else pen.rectangle)((left, top, right, bottom), fill=colour)
            boxes.append(Box2D(f"{colour} {shape}", left / width, top / height, right / width, bottom / height))
        picture.save(folder / f"{index}.png")
        question, answer = choose.choice(
            (
                ("How many shapes are there?", str(len(boxes))),
                ("Name one shape.", boxes[0].label),
                ("What does the picture show?", "It shows " + ", ".join(f"a {box.label}" for box in boxes) + "."),
                ("Find all shapes and give their boxes.", "; ".join(map(format_box, boxes))),
            )
        )
        media = (Media("image", folder / f"{index}.png"),)
        samples.append(Sample(str(index), (Turn("user", question, media), Turn("assistant", answer))))
    path = folder / "shapes.json"
    write_records(samples, path, media_root=folder)
    return path


def recipe_for(data: Path) -> TrainingRecipe:
    """What both sides train: SmolLM2-135M with r=16 LoRA on q, k, v, o and a two-layer projector on Lite0 tokens."""
    return TrainingRecipe.from_dict(
        {
            "model": {
                "language_model": "smollm2-135m-instruct",
                "modalities": {"image": {"encoder": "efficientnet-lite0"}},
            },
            "data": [str(data)],
            "eval_fraction": 0.0,
            "batch_tokens": None,
            "batch_size": BATCH,
            "max_steps": 1000,
            "checkpoint_minutes": 600,
        }
    )


def measure_ours(recipe: TrainingRecipe, folder: Path, cache: Path, seconds: float) -> dict[str, float]:
    """Samples a second after the first step, and how long encoding the pictures took."""
    started = time.perf_counter()

    def stop_later() -> None:
        while not any(read_events(folder / "run")) and time.perf_counter() - started < 300:
            time.sleep(0.2)
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGTERM)  # the loop finishes its step, saves and returns

    threading.Thread(target=stop_later, daemon=True).start()
    encoding = 0.0
    encode = LammModel.encode

    def timed(model: LammModel, media: Sequence[Media]) -> list[torch.Tensor]:
        nonlocal encoding
        begun = time.perf_counter()
        features = encode(model, media)
        encoding += time.perf_counter() - begun
        return features

    LammModel.encode = timed  # type: ignore
    times: list[tuple[float, float]] = []
    event = RunFiles.event

    def noting(files: RunFiles, values: Mapping[str, Any]) -> None:
        event(files, values)
        times.append(now())

    RunFiles.event = noting  # type: ignore
    # A cache of its own, so that every run of this file measures the same; the weights are those of the given one.
    own = folder / "cache"
    own.mkdir()
    for weights in cache.iterdir():
        if weights.name != "features":
            (own / weights.name).symlink_to(weights)
    train(recipe, run=folder / "run", cache=own, progress=False)
    assert len(times) > 1, "more than one step fits into the time"
    samples = BATCH * (len(times) - 1)
    clock, processor = (last - first for first, last in zip(times[0], times[-1], strict=True))
    return {
        "samples_per_second": samples / clock,
        "samples_per_processor_second": samples / processor,
        "steps": len(times) - 1,
        "encoding_seconds": encoding,
    }


def losses_of_ours(recipe: TrainingRecipe, cache: Path, steps: int) -> tuple[list[float], dict[str, float]]:
    """Our batches, loss and optimiser over the samples in the order of their file.

    Gives the loss of each step, and what the processor did in the last one, as shares of its time.
    """
    model = build_model(recipe, cache=cache)
    samples = list(read_samples(recipe.data[0].path))
    encoded = {sample.id: model.encode(sample.media)[0].bfloat16() for sample in samples[: BATCH * steps]}
    examples = [
        make_example(sample.id, rendered, [("image", sample.id)])
        for sample in samples[: BATCH * steps]
        for rendered in [model.prompts.build(sample.turns, [len(encoded[sample.id])], for_training=True)]
    ]
    parameters = trainable(model)
    optimizer = build_optimizer(
        parameters,
        learning_rate=recipe.learning_rate,
        projector_learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
    )
    losses = []
    for start in range(0, len(examples), BATCH):
        chosen = examples[start : start + BATCH]
        batch = collate(chosen, model.prompts.pad_id, lambda _, keys: torch.cat([encoded[key] for key in keys]))
        last = start + BATCH >= len(examples)
        meter = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) if last else nullcontext()
        with meter:
            with active(model.language_model, batch.modalities), torch.autocast("cpu", torch.bfloat16):
                loss = batch_loss(model, batch).loss
                loss.backward()
            torch.nn.utils.clip_grad_norm_(list(parameters.values()), recipe.clip)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
    assert isinstance(meter, torch.profiler.profile)
    return losses, shares(meter)


PARTS = {
    "products with weights": ("aten::mm", "aten::addmm", "aten::addmm_"),
    "attention": ("aten::bmm", "aten::baddbmm", "aten::_softmax", "aten::_softmax_backward_data"),
    "softmax over words": ("aten::_log_softmax", "aten::_log_softmax_backward_data"),
}


def shares(meter: torch.profiler.profile) -> dict[str, float]:
    """The processor's time by parts; the rest is element-wise: norms, gates, rotations, copies."""
    own = {event.key: event.self_cpu_time_total for event in meter.key_averages()}
    total = sum(own.values())
    found = {part: round(sum(own.get(name, 0.0) for name in names) / total, 3) for part, names in PARTS.items()}
    return found | {"the rest": round(1 - sum(found.values()), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where the weights are")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each side is measured, at most 40")
    options = parser.parse_args()
    seconds = min(options.seconds, 40.0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recipe = recipe_for(draw_samples(folder))
        peers = {}
        # Before our side: that one changes how this process's memory is handed out.
        for called, measure in (("trainer", measure_trainer), ("nanovlm_style", measure_nanovlm)):
            peers[called] = found = measure(recipe, folder, options.cache, seconds=seconds, steps=1000)
            print(f"{called}: {found.samples_per_second:.2f} samples/s over {found.steps} steps", flush=True)
        ours = measure_ours(recipe, folder, options.cache, seconds)
        print(f"ours: {ours['samples_per_second']:.2f} samples/s over {ours['steps']} steps", flush=True)
        print(f"      after encoding {PICTURES} pictures once, in {ours['encoding_seconds']:.1f} s", flush=True)
        losses, parts = losses_of_ours(recipe, options.cache, SAME_STEPS)
    apart = [abs(one - theirs) for peer in peers.values() for one, theirs in zip(losses, peer.losses, strict=False)]
    rate = ours["samples_per_second"]
    print(
        json.dumps(
            {
                **{f"ratio_{name}": round(rate / peer.samples_per_second, 2) for name, peer in peers.items()},
                **{
                    f"processor_ratio_{name}": round(
                        ours["samples_per_processor_second"] / peer.samples_per_processor_second, 2
                    )
                    for name, peer in peers.items()
                },
                "ours": round(rate, 2),
                **{name: round(peer.samples_per_second, 2) for name, peer in peers.items()},
                "unit": "samples/s",
                "encoding_seconds": round(ours["encoding_seconds"], 1),
                "step": parts,
                "losses": [round(one, 4) for one in losses],
                "losses_apart_at_most": round(max(apart), 4),
            }
        )
    )


if __name__ == "__main__":
    main()
