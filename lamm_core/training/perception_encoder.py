"""Tunes the perception encoder as a recipe says: folders of pairs in, the weights of its streams out.

Does not know the losses, nor the language model. The folder written holds scene.safetensors, small.safetensors and
reading.safetensors, a .checkpoint beside each, recipe.yaml, events.jsonl and state.json; as ``weights`` of the encoder
"perception" it can be trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from safetensors.torch import load_file
from torch import Tensor

from lamm_core.backbones import fetch
from lamm_core.errors import ConfigError, DataError, LammError
from lamm_core.modalities.perception.encoder import READING_WEIGHTS, SCENE_WEIGHTS, SMALL_WEIGHTS
from lamm_core.modalities.perception.reading import ReadingStream
from lamm_core.modalities.perception.scene import SceneStream
from lamm_core.modalities.perception.small import SIDE, SmallStream
from lamm_core.modalities.perception.trunk import BOTTOM_BLOCKS, Trunk, build_lite0
from lamm_core.run_files import replace_text
from lamm_core.training.perception_checkpoint import finished
from lamm_core.training.perception_data import (
    Kind,
    Small,
    part,
    pictures,
    read_annotated,
    read_small,
    read_words,
)
from lamm_core.training.perception_loop import Watch, tune
from lamm_core.training.perception_measure import box_recall, class_accuracy, joints_near, word_accuracy
from lamm_core.training.perception_reading import ReadingSteps
from lamm_core.training.perception_recipe import (
    EncoderRecipe,
    PicturesFolder,
    ReadingSettings,
    SceneSettings,
    SmallSettings,
)
from lamm_core.training.perception_scene import PICTURE_SIDE, SceneSteps
from lamm_core.training.perception_small import SmallSteps
from lamm_core.training.progress import RunFiles
from lamm_core.training.stopping import StopSignal

__all__ = ["train_encoder", "train_reading", "train_scene", "train_small"]

RECIPE = "recipe.yaml"
Read = TypeVar("Read")


def train_encoder(
    recipe: EncoderRecipe | Path, *, out: Path, cache: Path, resume: bool = False, progress: bool = True
) -> Path:
    """Carry out a recipe; SIGTERM and Ctrl-C end it early with what was learned so far. Returns ``out``.

    With ``resume`` a run that was stopped or killed goes on from its newest checkpoint for the time that is left.
    Raises ConfigError for a recipe that does not fit or a folder in use, DataError for folders that do not.
    """
    recipe = recipe if isinstance(recipe, EncoderRecipe) else EncoderRecipe.from_yaml(recipe)
    check_folder(out, recipe, resume=resume)
    base = load_file(fetch("efficientnet-lite0", cache) / "model.safetensors")
    files = RunFiles(out)
    replace_text(out / RECIPE, recipe.to_yaml())
    files.state("preparing")
    with _state_of(files), _bars(progress) as bars, StopSignal() as stop:
        watch = Watch(files, bars, stop)
        if recipe.scene is not None and not finished(out / SCENE_WEIGHTS):
            train_scene(recipe, recipe.scene, base, out=out / SCENE_WEIGHTS, watch=watch)
        if recipe.small is not None and not stop.requested and not finished(out / SMALL_WEIGHTS):
            train_small(recipe, recipe.small, base, out=out / SMALL_WEIGHTS, watch=watch)
        if recipe.reading is not None and not stop.requested and not finished(out / READING_WEIGHTS):
            train_reading(recipe, recipe.reading, base, out=out / READING_WEIGHTS, watch=watch)
        files.state("stopped" if stop.requested else "done")
    return out


def check_folder(out: Path, recipe: EncoderRecipe, *, resume: bool) -> None:
    """Raise ConfigError where the folder holds a run and none is to go on, or one of another recipe."""
    if not (out / RECIPE).exists():
        return
    if not resume:
        raise ConfigError(f"{out} already holds a run. Choose another folder, or resume.")
    if EncoderRecipe.from_yaml(out / RECIPE) != recipe:
        raise ConfigError(f"{out} was begun with another recipe. Go on with {out / RECIPE}, or choose another folder.")


def train_scene(
    recipe: EncoderRecipe, settings: SceneSettings, base: dict[str, Tensor] | None, *, out: Path, watch: Watch
) -> SceneStream:
    """Tune a scene stream over the base weights; ``out`` gets its state."""
    torch.manual_seed(recipe.seed)
    bottom = Trunk(build_lite0(base), 0, BOTTOM_BLOCKS, stem=True).requires_grad_(False)
    stream = SceneStream(base)
    cast(Any, stream).to(memory_format=torch.channels_last)  # the layout that convolutions on a CPU are fast in
    photos = [*_parts(recipe, "people", read_annotated, watch), *_parts(recipe, "objects", read_annotated, watch)]
    smalls, held = _small(recipe, watch)

    def name(inputs: Tensor) -> Tensor:
        return stream.name_picture(bottom(inputs)[-1])

    steps = SceneSteps(
        stream, bottom, small=smalls, photos=[(folder.weight, train) for folder, train, _ in photos],
        small_share=settings.small_share, small_batch=settings.small_batch, photo_batch=settings.batch,
        seed=recipe.seed,
    )  # fmt: skip

    def evaluate() -> dict[str, float]:
        figures = {} if held is None else {"class_accuracy": class_accuracy(name, held, PICTURE_SIDE)}
        for folder, _, apart in photos:
            where = Path(folder.path).name
            if apart and folder.kind == "people":
                figures[f"joints_near {where}"] = joints_near(stream, bottom, apart)
            elif apart:
                any_class, right_class = box_recall(stream, bottom, apart)
                figures |= {f"box_recall {where}": any_class, f"box_recall_named {where}": right_class}
        return figures

    # What is new learns twice as fast as what ImageNet has taught already.
    rates = {"top.": settings.learning_rate, "": 2 * settings.learning_rate}
    tune(stream, steps, rates=rates, seconds=settings.seconds, out=out, watch=watch, evaluate=evaluate,
         evaluate_seconds=recipe.evaluate_seconds, checkpoint_seconds=recipe.checkpoint_seconds)  # fmt: skip
    return stream


def train_small(
    recipe: EncoderRecipe, settings: SmallSettings, base: dict[str, Tensor] | None, *, out: Path, watch: Watch
) -> SmallStream:
    """Tune a small stream over the base weights; ``out`` gets its state."""
    torch.manual_seed(recipe.seed)
    stream = SmallStream(base)
    cast(Any, stream).to(memory_format=torch.channels_last)
    train, apart = _small(recipe, watch)
    assert train is not None, "a recipe with small settings has a folder of kind small"
    steps = SmallSteps(stream, train, batch=settings.batch, seed=recipe.seed)

    def evaluate() -> dict[str, float]:
        return {} if apart is None else {"class_accuracy": class_accuracy(stream, apart, SIDE)}

    rates = {"": settings.learning_rate, "picture_class.": 2 * settings.learning_rate}
    tune(stream, steps, rates=rates, seconds=settings.seconds, out=out, watch=watch, evaluate=evaluate,
         evaluate_seconds=recipe.evaluate_seconds, checkpoint_seconds=recipe.checkpoint_seconds)  # fmt: skip
    return stream


def train_reading(
    recipe: EncoderRecipe, settings: ReadingSettings, base: dict[str, Tensor] | None, *, out: Path, watch: Watch
) -> ReadingStream:
    """Train a reading stream over the base weights; ``out`` gets its state."""
    torch.manual_seed(recipe.seed)
    stream = ReadingStream(base)
    groups = _parts(recipe, "words", read_words, watch)
    weighted = [(folder.weight, train) for folder, train, _ in groups]
    steps = ReadingSteps(stream, weighted, batch=settings.batch, seed=recipe.seed)

    def evaluate() -> dict[str, float]:
        return {f"word_accuracy {Path(folder.path).name}": word_accuracy(stream, apart)
                for folder, _, apart in groups if apart}  # fmt: skip

    tune(stream, steps, rates={"": settings.learning_rate}, seconds=settings.seconds, out=out, watch=watch,
         evaluate=evaluate, evaluate_seconds=recipe.evaluate_seconds, checkpoint_seconds=recipe.checkpoint_seconds,
         warmup_steps=200, clip=2.0)  # fmt: skip
    return stream


def _parts(
    recipe: EncoderRecipe, kind: Kind, read: Callable[[Path, list[Mapping[str, Any]]], Read], watch: Watch
) -> list[tuple[PicturesFolder, Read, Read]]:
    """The folders of one kind, each with what it holds for training and what is held apart."""
    found = []
    for folder in recipe.folders:
        if folder.kind == kind:
            bar = watch.bars.add_task(f"reading {Path(folder.path).name}", total=None)
            train, apart = part(pictures(Path(folder.path), kind), recipe.held_apart)
            if not train:
                raise DataError(f"{folder.path} has too few pictures to hold {recipe.held_apart} of them apart.")
            found.append((folder, read(Path(folder.path), train), read(Path(folder.path), apart)))
            watch.bars.remove_task(bar)
    return found


def _small(recipe: EncoderRecipe, watch: Watch) -> tuple[Small | None, Small | None]:
    """The small pictures of all folders: for training, and held apart."""
    parts = _parts(recipe, "small", read_small, watch)
    return _joined([train for _, train, _ in parts]), _joined([apart for _, _, apart in parts])


def _joined(parts: list[Small]) -> Small | None:
    if not sum(len(each.labels) for each in parts):
        return None
    return Small(np.concatenate([each.pixels for each in parts]), np.concatenate([each.labels for each in parts]))


def _bars(progress: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("left"))
    return Progress(*columns, TimeRemainingColumn(), disable=not progress)


@contextmanager
def _state_of(files: RunFiles) -> Iterator[None]:
    """However the run ends, state.json says so."""
    try:
        yield
    except LammError as error:
        files.state("failed", reason=str(error))
        raise
    except BaseException as error:
        files.state("failed", reason=f"{type(error).__name__}: {error}")
        raise
