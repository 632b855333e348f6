"""Samples a second of our training loop beside the plain way to write it: same pictures, model, LoRA and optimiser.

Does not know what is a good answer; only time is measured. The plain way is transformers' Trainer with the encoder in
the loop, random batches padded to the longest, and logits at every position. Ours takes features from the cache;
filling it once, before the first epoch, is not in its time and is printed beside it. Each side runs for at most 40
seconds. Needs the weights that ``lamm fetch`` brings.

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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lamm_core.conversation import Media, Sample, Turn
from lamm_core.data.instructions import read_samples, write_records
from lamm_core.grounding import Box2D, format_box
from lamm_core.modalities import modality
from lamm_core.model.lamm import LammModel
from lamm_core.training.progress import read_events
from lamm_core.training.recipe import TrainingRecipe
from lamm_core.training.trainer import train

PICTURES = 192
BATCH = 16
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
    # A cache of its own, so that every run of this file measures the same; the weights are those of the given one.
    own = folder / "cache"
    own.mkdir()
    for weights in cache.iterdir():
        if weights.name != "features":
            (own / weights.name).symlink_to(weights)
    train(recipe, run=folder / "run", cache=own, progress=False)
    events = list(read_events(folder / "run"))[1:]
    spent = sum(event["seconds"] for event in events)
    samples = sum(event["samples_per_second"] * event["seconds"] for event in events)
    return {"samples_per_second": samples / spent, "steps": len(events), "encoding_seconds": encoding}


class PlainModel(nn.Module):
    """The same parts, put together the obvious way."""

    def __init__(self, model: LammModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Any, attention_mask: Any, labels: Any, prepared: Any, slots: Any) -> dict[str, Any]:
        embeddings = self.model.embeddings(input_ids)
        with torch.no_grad():
            features = self.model.encoder("image").encode(list(prepared))
        rows = []
        for row, (start, length), feature in zip(embeddings, slots.tolist(), features, strict=True):
            rows.append(torch.cat([row[:start], self.model.project("image", feature), row[start + length :]]))
        output = self.model.language_model(
            inputs_embeds=torch.stack(rows), attention_mask=attention_mask, labels=labels
        )
        return {"loss": output.loss}


def measure_plain(recipe: TrainingRecipe, folder: Path, cache: Path, seconds: float) -> dict[str, float]:
    """Samples a second after the first step."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    torch.manual_seed(0)
    model = LammModel.build(recipe.model, cache=cache, dtype=torch.bfloat16)  # type: ignore[arg-type]
    model.encoders.requires_grad_(False)
    samples = list(read_samples(recipe.data[0].path))
    image = modality("image")
    tokens = len(model.encode(samples[0].media)[0])

    def collate(chosen: Sequence[Sample]) -> dict[str, torch.Tensor]:
        rendered = [model.prompts.build(sample.turns, [tokens], for_training=True) for sample in chosen]
        longest = max(len(one.input_ids) for one in rendered)
        gaps = [longest - len(one.input_ids) for one in rendered]
        pairs = list(zip(rendered, gaps, strict=True))
        opened = [image.load(sample.media[0].path) for sample in chosen]
        return {
            "input_ids": torch.tensor([one.input_ids + [model.prompts.pad_id] * gap for one, gap in pairs]),
            "labels": torch.tensor([one.labels + [-100] * gap for one, gap in pairs]),
            "attention_mask": torch.tensor([[1] * len(one.input_ids) + [0] * gap for one, gap in pairs]),
            "prepared": torch.stack([model.encoder("image").prepare(picture) for picture in opened]),
            "slots": torch.tensor([[one.slots[0].start, one.slots[0].length] for one in rendered]),
        }

    times: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            times.append(time.perf_counter())
            control.should_training_stop = times[-1] - times[0] >= seconds

    arguments = TrainingArguments(
        output_dir=str(folder / "plain"),
        per_device_train_batch_size=BATCH,
        max_steps=1000,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        adam_beta1=0.9,
        adam_beta2=0.95,
        optim="adamw_torch_fused",
        max_grad_norm=recipe.clip,
        bf16=True,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    Trainer(PlainModel(model), arguments, data_collator=collate, train_dataset=samples, callbacks=[Clock()]).train()
    return {"samples_per_second": BATCH * (len(times) - 1) / (times[-1] - times[0]), "steps": len(times) - 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--cache", type=Path, default=Path.home() / ".cache" / "lamm-studio", help="where the weights are"
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each side is measured, at most 40")
    options = parser.parse_args()
    seconds = min(options.seconds, 40.0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recipe = recipe_for(draw_samples(folder))
        # Before our side: that one changes how this process's memory is handed out.
        plain = measure_plain(recipe, folder, options.cache, seconds)
        print(f"plain: {plain['samples_per_second']:.2f} samples/s over {plain['steps']} steps", flush=True)
        ours = measure_ours(recipe, folder, options.cache, seconds)
        print(f"ours:  {ours['samples_per_second']:.2f} samples/s over {ours['steps']} steps", flush=True)
        print(f"       after encoding {PICTURES} pictures once, in {ours['encoding_seconds']:.1f} s", flush=True)
    ratio = ours["samples_per_second"] / plain["samples_per_second"]
    print(
        json.dumps(
            {
                "ratio": round(ratio, 2),
                "ours": round(ours["samples_per_second"], 2),
                "plain": round(plain["samples_per_second"], 2),
                "unit": "samples/s",
                "encoding_seconds": round(ours["encoding_seconds"], 1),
            }
        )
    )


if __name__ == "__main__":
    main()
