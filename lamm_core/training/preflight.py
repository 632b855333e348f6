"""Looks at a recipe before any time is spent on it: files, samples, tokens, and the first batch as the model sees it.

Does not train. Every sample's form is read and every file looked for; a few of each source are opened, encoded and
laid out as tokens by the code that training uses. With a probe, the longest sample is trained on, to measure memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lamm_core.conversation import Media, Sample
from lamm_core.data.instructions import HUB_PREFIX, read_samples
from lamm_core.data.pinned import verify_pinned
from lamm_core.errors import DataError, LammError, PromptTooLongError
from lamm_core.training.memory import BatchShape, Device, EncoderSizes, MemoryEstimate, estimate, sizes_of, worst_batch
from lamm_core.training.recipe import DataSource, TrainingRecipe

__all__ = ["CheckReport", "Piece", "SeenSample", "check", "check_files", "note_worst"]

SHOWN = 4  # samples of the first batch
LISTED = 20  # problems
LEAST_APART = 2  # media to be expected, for some to be held apart likely


@dataclass(frozen=True)
class Piece:
    """A stretch of what the model reads: text, or the place of a medium; ``learned`` is what the loss is taken of."""

    text: str
    learned: bool = False
    medium: str = ""
    tokens: int = 0


@dataclass(frozen=True)
class SeenSample:
    """One sample of the first batch, piece by piece."""

    name: str
    pieces: tuple[Piece, ...]


@dataclass
class CheckReport:
    """What was found. ``problems`` would end or spoil the run; ``remarks`` are worth knowing."""

    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    samples: int = 0
    media: int = 0
    text_tokens: list[int] = field(default_factory=list)
    media_tokens: list[int] = field(default_factory=list)
    first_batch: list[SeenSample] = field(default_factory=list)
    memory: dict[str, float] = field(default_factory=dict)
    memory_device: str = ""
    memory_batch: str = ""
    probed_bytes: int | None = None
    probed_seconds: float | None = None

    @property
    def fine(self) -> bool:
        """Whether the run may start."""
        return not self.problems

    def to_json(self) -> str:
        """The report as text for another process."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> CheckReport:
        """The report that `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        shown = [SeenSample(one["name"], tuple(Piece(**p) for p in one["pieces"])) for one in values["first_batch"]]
        return cls(**{**values, "first_batch": shown})

    def problem(self, text: str) -> None:
        """Note what would end the run; the first of many are enough."""
        if len(self.problems) < LISTED:
            self.problems.append(text)


def check_files(recipe: TrainingRecipe, report: CheckReport) -> list[tuple[str, Sample]]:
    """Read every sample's form and look for every file, loading nothing; gives a few samples of each source.

    They are spread over the source, and the one with the longest text of all is the last.
    """
    chosen: list[tuple[str, Sample]] = []
    longest: tuple[int, str, Sample] | None = None
    shown: set[int] = set()  # which media, by a hash of the path
    for number, source in enumerate((*recipe.data, *recipe.eval_data)):
        count, name, broken = 0, Path(source.path).name, False
        missing: set[Path] = set()
        try:
            if source.sha256 is not None:
                verify_pinned(Path(source.path), source.sha256)
            for index, sample in enumerate(_samples(source)):
                count += 1
                for medium in sample.media:
                    report.media += 1
                    shown.add(hash(medium.path))
                    if medium.path not in missing and not medium.path.exists():
                        missing.add(medium.path)
                named = f"{name}[{index}] {sample.id}"
                size = sum(len(turn.text) for turn in sample.turns)
                if longest is None or size > longest[0]:
                    longest = size, named, sample
                if index & (index - 1) == 0:  # 0, 1, 2, 4, 8 ...: spread over a file whose length nobody knows yet
                    chosen.append((named, sample))
        except (LammError, OSError) as error:
            report.problem(str(error) if isinstance(error, LammError) else f"{source.path}: {error.strerror}.")
            broken = True
        if number < len(recipe.data):
            report.samples += count * source.repeat
        if missing:
            first = sorted(missing)[0]
            report.problem(
                f"{name}: {len(missing):,} of its media are missing, the first is {first}. Set media_root to the "
                "folder that they lie in, or put them there."
            )
        elif not count and not broken:
            report.problem(f"{name} holds no samples.")
    if report.fine and not recipe.eval_data and len(shown) * recipe.eval_fraction < LEAST_APART:
        report.remarks.append(
            f"A share of {recipe.eval_fraction:g} of {len(shown):,} media may hold none apart, and then nothing is "
            "measured while it runs: raise eval_fraction, or name eval_data."
        )
    return [*chosen, (longest[1], longest[2])] if longest else chosen


def _samples(source: DataSource) -> Iterator[Sample]:
    if not source.path.startswith(HUB_PREFIX) and not Path(source.path).is_file():
        raise DataError(f"There is no file {source.path}. Relative paths start where the command is run.")
    root = Path(source.media_root) if source.media_root is not None else None
    yield from read_samples(source.path, media_root=root, split=source.split)


def check(recipe: TrainingRecipe, *, cache: Path, device: str = "cpu", probe: bool = False) -> CheckReport:
    """Look at everything. What cannot be used becomes a problem in the report, not an error."""
    report = CheckReport()
    chosen = check_files(recipe, report)
    if not chosen or not report.fine:
        return report
    try:
        _look_closer(recipe, chosen, report, cache=cache, device=device, probe=probe)
    except LammError as error:
        report.problem(str(error))
    return report


def _look_closer(
    recipe: TrainingRecipe,
    chosen: Sequence[tuple[str, Sample]],
    report: CheckReport,
    *,
    cache: Path,
    device: str,
    probe: bool,
) -> None:
    from lamm_core.data.collate import Example, collate, make_example
    from lamm_core.training.trainer import build_model

    model = build_model(recipe, cache=cache, device=device)
    limit = min(model.context_tokens, recipe.max_tokens or model.context_tokens)
    examples: list[Example] = []
    features: dict[str, Any] = {}
    media_of: dict[str, tuple[Media, ...]] = {}
    for name, sample in chosen:
        try:
            if not sample.media:
                raise DataError("shows no medium: it would be left out, for without one no adapter is trained")
            encoded = model.encode(sample.media)
            counts = [len(tokens) for tokens in encoded]
            rendered = model.prompts.build(sample.turns, counts, for_training=True, context_tokens=limit)
        except PromptTooLongError as error:
            report.remarks.append(f"{name} has {error.prompt_tokens:,} tokens, {limit:,} are allowed: left out.")
            continue
        except LammError as error:
            report.remarks.append(f"{name}: {error}")
            continue
        keys = [(medium.modality, f"{name}#{place}") for place, medium in enumerate(sample.media)]
        features |= {key: tokens for (_, key), tokens in zip(keys, encoded, strict=True)}
        media_of[name] = sample.media
        examples.append(make_example(name, rendered, keys))
        report.media_tokens.append(sum(counts))
        report.text_tokens.append(len(rendered.input_ids) - sum(counts))
    if not examples:
        report.problem(f"None of the {len(chosen)} samples that were opened can be learned from. {report.remarks[0]}")
        return
    tokenizer, pad = model.tokenizer, model.prompts.pad_id
    report.first_batch = [_seen(one, media_of[one.sample_id], tokenizer) for one in examples[:SHOWN]]
    longest = max(examples, key=lambda one: len(one.input_ids))
    size = len(longest.input_ids)
    count = recipe.batch_size or max(1, (recipe.batch_tokens or size) // size)
    import torch

    batch = collate([longest] * count, pad, lambda _, keys: torch.cat([features[key] for key in keys]))
    slots = sum(length for _, length in longest.slots)
    encoders = {
        name: EncoderSizes(sum(one.numel() for one in encoder.parameters()), model.encoder(name).width, slots)
        for name, encoder in model.encoders.items()
    }
    shape = BatchShape(size * count, slots * count, batch.label_tokens)
    sizes = sizes_of(model.config.language_model, cache)
    if sizes is not None:
        kind: Device = "cuda" if device.startswith("cuda") else "cpu"
        _note(report, estimate(recipe, model.config, sizes, shape, device=kind, encoders=encoders))
    if probe:
        from lamm_core.training.probe import probe as measure

        measured = measure(recipe, model, batch)
        report.probed_bytes, report.probed_seconds = measured.peak_bytes, measured.step_seconds


def note_worst(recipe: TrainingRecipe, report: CheckReport, *, cache: Path) -> None:
    """The estimate of the largest batch the recipe allows, on a CUDA card, from the recipe alone."""
    if isinstance(recipe.model, str):
        return
    sizes = sizes_of(recipe.model.language_model, cache)
    if sizes is not None:
        _note(report, estimate(recipe, recipe.model, sizes, worst_batch(recipe, recipe.model)))


def _note(report: CheckReport, guess: MemoryEstimate) -> None:
    report.memory = dict(guess.parts)
    report.memory_device = guess.device
    shape = guess.batch
    report.memory_batch = f"{shape.tokens:,} tokens, {shape.media_tokens:,} of media, {shape.labelled:,} learned"


def _seen(example: Any, media: Sequence[Media], tokenizer: Any) -> SeenSample:
    """The example cut where it changes between read, learned and media."""
    slots = {start: (length, place) for place, (start, length) in enumerate(example.slots)}
    pieces: list[Piece] = []
    position, end = 0, len(example.input_ids)
    while position < end:
        if position in slots:
            length, place = slots[position]
            pieces.append(Piece("", medium=str(media[place].path), tokens=length))
            position += length
            continue
        learned, start = bool(example.learned[position]), position
        while position < end and position not in slots and bool(example.learned[position]) == learned:
            position += 1
        text = tokenizer.decode(example.input_ids[start:position].tolist())
        pieces.append(Piece(text, learned=learned, tokens=position - start))
    return SeenSample(example.sample_id, tuple(pieces))
