"""From a recipe's data to examples: read, hold apart what is measured on, encode media, tokenise.

Does not know optimisers or steps. What cannot be used is left out and listed with its reason, never cut or skipped
silently.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from accelerate import Accelerator
from accelerate.utils import gather_object
from rich.progress import Progress

from lamm_core.conversation import Media, Sample
from lamm_core.data.collate import Example, make_example
from lamm_core.data.features import FeatureCache, compute_features
from lamm_core.data.instructions import read_samples
from lamm_core.data.pinned import verify_pinned
from lamm_core.errors import DataError, PromptTooLongError
from lamm_core.model.lamm import LammModel
from lamm_core.training.recipe import DataSource, TrainingRecipe

__all__ = ["Prepared", "prepare"]


class Prepared(NamedTuple):
    """What a run needs of its data; ``dropped`` gives the reason for each sample left out, by file and id."""

    train: list[Example]
    evaluation: list[Example]
    dropped: dict[str, str]
    caches: dict[str, FeatureCache]


class Item(NamedTuple):
    """A sample with a name that is unique among all files, and how often an epoch shows it."""

    name: str
    sample: Sample
    repeat: int


def prepare(
    recipe: TrainingRecipe, model: LammModel, *, cache: Path, accelerator: Accelerator, bars: Progress
) -> Prepared:
    """Examples of both sides. Raises DataError for files that break their format or leave nothing to learn from."""
    dropped: dict[str, str] = {}
    items = _read(recipe.data, bars)
    measured = _read(recipe.eval_data, bars)
    caches = {name: FeatureCache.of(model.encoder(name), name, cache) for name in model.encoders}
    media = [medium for item in (*items, *measured) for medium in item.sample.media]
    keys, failures = _encode(media, caches, model, accelerator, bars)
    items, measured = _hold_apart(items, measured, recipe, keys, dropped)
    build = _Builder(model, caches, keys, failures, recipe.max_tokens, dropped)
    measured = [item._replace(repeat=1) for item in measured[: recipe.eval_samples]]
    advance = partial(bars.advance, bars.add_task("Tokenising", total=len(items) + len(measured)))
    train, evaluation = build(items, advance), build(measured, advance)
    if not train:
        first = next(iter(dropped.items()), ("", "the files are empty."))
        raise DataError(f"No sample is left to learn from; {len(dropped)} were left out. {first[0]}: {first[1]}")
    return Prepared(train, evaluation, dropped, caches)


def _read(sources: Iterable[DataSource], bars: Progress) -> list[Item]:
    items = []
    for source in sources:
        task = bars.add_task(f"Reading {Path(source.path).name}", total=None)
        if source.sha256 is not None:
            verify_pinned(Path(source.path), source.sha256)
        root = Path(source.media_root) if source.media_root is not None else None
        for index, sample in enumerate(read_samples(source.path, media_root=root, split=source.split)):
            items.append(Item(f"{Path(source.path).name}[{index}] {sample.id}", sample, source.repeat))
            bars.advance(task)
        bars.update(task, total=len(items))
    return items


def _encode(
    media: list[Media], caches: dict[str, FeatureCache], model: LammModel, accelerator: Accelerator, bars: Progress
) -> tuple[dict[Media, str], dict[Media, str]]:
    """The feature key of each medium, and why others have none. Processes divide the work and share what they find."""
    keys: dict[Media, str] = {}
    failures: dict[Media, str] = {}
    for name, feature_cache in caches.items():
        own = [medium for medium in dict.fromkeys(media) if medium.modality == name]
        if not own:
            continue
        task = bars.add_task(f"Encoding {name}s (once; kept in the cache)", total=len(own))

        share = (accelerator.process_index, accelerator.num_processes)
        compute_features(own, feature_cache, model.encode, share=share, advance=partial(bars.advance, task))
        accelerator.wait_for_everyone()
        feature_cache.reload()
        # What another machine's process encoded into a folder that is not shared is still missing here.
        found = compute_features(own, feature_cache, model.encode)
        keys |= found.keys
        failures |= found.failures
    for shared in gather_object([failures]):
        failures |= shared
    for medium in media:
        if medium.modality not in caches:
            failures[medium] = f"this model has no modality {medium.modality!r}"
    return {medium: key for medium, key in keys.items() if medium not in failures}, failures


def _hold_apart(
    items: list[Item],
    measured: list[Item],
    recipe: TrainingRecipe,
    keys: dict[Media, str],
    dropped: dict[str, str],
) -> tuple[list[Item], list[Item]]:
    """Split so that no picture is on both sides, whatever its file is called."""

    def marks(sample: Sample) -> set[str]:
        own = {keys[medium] for medium in sample.media if medium in keys}
        text = "\n".join(turn.text for turn in sample.turns)
        return own or {hashlib.sha256(text.encode()).hexdigest()}

    if measured:
        taken = set().union(*(marks(item.sample) for item in measured))
        mixed = [bool(marks(item.sample) & taken) for item in items]
        reason = "shows a medium that is measured on"
        kept = [item for item, touches in zip(items, mixed, strict=True) if not touches]
        dropped |= {item.name: reason for item, touches in zip(items, mixed, strict=True) if touches}
        return kept, measured
    # Order and number of samples do not matter: a picture's side follows from its content and the seed.
    limit = int(recipe.eval_fraction * 2**32)

    def is_apart(mark: str) -> bool:
        return int(hashlib.sha256(f"{recipe.seed} {mark}".encode()).hexdigest()[:8], 16) < limit

    train: list[Item] = []
    evaluation: list[Item] = []
    for item in items:
        sides = {is_apart(mark) for mark in marks(item.sample)}
        if len(sides) == 2:
            dropped[item.name] = "shows media of both sides, learned from and measured on"
        else:
            (evaluation if sides == {True} else train).append(item)
    # The file's order often goes by task; what is measured on is taken from all over it.
    evaluation.sort(key=lambda item: hashlib.sha256(item.name.encode()).hexdigest())
    return train, evaluation


class _Builder:
    """Turns items into examples; what cannot be one goes to ``dropped``."""

    def __init__(
        self,
        model: LammModel,
        caches: dict[str, FeatureCache],
        keys: dict[Media, str],
        failures: dict[Media, str],
        max_tokens: int | None,
        dropped: dict[str, str],
    ) -> None:
        self.model = model
        self.caches = caches
        self.keys = keys
        self.failures = failures
        self.limit = min(model.context_tokens, max_tokens or model.context_tokens)
        self.dropped = dropped

    def __call__(self, items: list[Item], advance: Callable[[], None]) -> list[Example]:
        examples: list[Example] = []
        for item in items:
            try:
                examples += [self._example(item)] * item.repeat
            except DataError as error:
                self.dropped[item.name] = str(error)
            except PromptTooLongError as error:
                self.dropped[item.name] = f"{error.prompt_tokens} tokens long, and {self.limit} are allowed"
            advance()
        return examples

    def _example(self, item: Item) -> Example:
        media = item.sample.media
        if not media:
            raise DataError("shows no medium: without one no adapter is active and nothing is trained")
        for medium in media:
            if medium not in self.keys:
                raise DataError(self.failures[medium])
        named = [(medium.modality, self.keys[medium]) for medium in media]
        counts = [self.caches[modality].tokens(key) for modality, key in named]
        rendered = self.model.prompts.build(item.sample.turns, counts, for_training=True, context_tokens=self.limit)
        return make_example(item.name, rendered, named)
