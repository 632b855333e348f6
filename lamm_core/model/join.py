"""Joins checkpoint folders that were trained on the same language model into one that reads all their modalities.

Does not know weights: files are copied as they are. Each modality has a projector and an adapter of its own, so what
was learned apart works together.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lamm_core.errors import CheckpointError, ConfigError
from lamm_core.model.checkpoint import Record, read_record, write_record
from lamm_core.model.folders import replacing

__all__ = ["join"]


def join(folders: Sequence[Path], out: Path, *, notes: str | None = None) -> Path:
    """Write one checkpoint folder with the modalities of all ``folders`` and return ``out``.

    The card keeps the first folder's licence and language and everybody's notes, unless ``notes`` takes their place.
    Raises CheckpointError where the folders were trained on different base weights, prompts or the same modality.
    """
    if len(folders) < 2:
        raise ConfigError("Joining needs at least two model folders.")
    records = [read_record(folder) for folder in folders]
    for folder, record in zip(folders[1:], records[1:], strict=True):
        _fits(folders[0], records[0], folder, record)
    modalities = {name: settings for record in records for name, settings in record.config.modalities.items()}
    if len(modalities) < sum(len(record.config.modalities) for record in records):
        every = [name for record in records for name in record.config.modalities]
        twice = ", ".join(sorted({name for name in every if every.count(name) > 1}))
        raise CheckpointError(f"More than one of the folders has the modality {twice}. Join folders of different ones.")
    first = records[0]
    told = notes if notes is not None else "\n\n".join(record.card.notes for record in records if record.card.notes)
    whole = Record(
        replace(first.config, modalities=modalities),
        first.base_sha256,
        {name: value for record in records for name, value in record.encoder_fingerprints.items()},
        replace(first.card, notes=told),
    )
    with replacing(out) as temporary:
        for folder, record in zip(folders, records, strict=True):
            for name in record.config.modalities:
                _copy(folder, temporary, name)
        write_record(temporary, whole)
    return out


def _fits(first: Path, expected: Record, other: Path, found: Record) -> None:
    differing = {
        "language model": (expected.config.language_model, found.config.language_model),
        "hash of its weights": (expected.base_sha256, found.base_sha256),
        "template": (expected.config.template, found.config.template),
        "system message": (expected.config.system, found.config.system),
    }
    for what, (one, two) in differing.items():
        if one != two:
            raise CheckpointError(
                f"{first.name} and {other.name} cannot be joined: the {what} is {one!r} in the one and {two!r} in the "
                "other. Train both on the same."
            )


def _copy(folder: Path, target: Path, name: str) -> None:
    projector, adapter = folder / f"projector-{name}.safetensors", folder / f"adapter-{name}"
    for path in (projector, adapter / "adapter_model.safetensors"):
        if not path.is_file():
            raise CheckpointError(f"{folder.name} holds no {path.relative_to(folder)}. The checkpoint is not whole.")
    shutil.copy2(projector, target)
    shutil.copytree(adapter, target / adapter.name)
    encoder = folder / f"encoder-{name}.safetensors"
    if encoder.is_file():
        shutil.copy2(encoder, target)
