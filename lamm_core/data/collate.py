"""Examples ready for the model, and how they are put into batches: by adapters, by length, within a token budget.

Does not know the model, files of instructions or how features were computed. Legend: B batch, L tokens of the longest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lamm_core.data.tokenize import IGNORED, Rendered

__all__ = ["Batch", "Example", "collate", "make_example", "plan_batches"]

# Batches sorted together by length: enough for little padding, few enough that an epoch's order stays random.
WINDOW_BATCHES = 64


@dataclass(frozen=True)
class Example:
    """One conversation to learn from, compact: tens of thousands stay in memory."""

    sample_id: str
    input_ids: NDArray[np.int32]
    learned: NDArray[np.bool_]  # which tokens are labels
    slots: tuple[tuple[int, int], ...]  # start and length
    media: tuple[tuple[str, str], ...]  # modality and key of the features, for each slot

    @property
    def modalities(self) -> tuple[str, ...]:
        """The adapters this example trains."""
        return tuple(sorted({modality for modality, _ in self.media}))


@dataclass(frozen=True)
class Batch:
    """Examples of one set of modalities, padded on the right.

    ``features`` are all tokens of a modality in the batch, one after the other, and ``positions`` their rows in the
    flattened ``(B * L)`` sequence. Padding comes after everything that is scored, so no attention mask is needed.
    """

    sample_ids: tuple[str, ...]
    modalities: tuple[str, ...]
    input_ids: torch.Tensor  # (B, L)
    labels: torch.Tensor  # (B, L)
    features: Mapping[str, torch.Tensor]  # (n, width)
    positions: Mapping[str, torch.Tensor]  # (n,)
    label_tokens: int
    tokens: int  # without padding

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        return Batch(
            self.sample_ids,
            self.modalities,
            self.input_ids.to(device, non_blocking=True),
            self.labels.to(device, non_blocking=True),
            {name: features.to(device, non_blocking=True) for name, features in self.features.items()},
            {name: positions.to(device, non_blocking=True) for name, positions in self.positions.items()},
            self.label_tokens,
            self.tokens,
        )


def make_example(sample_id: str, rendered: Rendered, media: Sequence[tuple[str, str]]) -> Example:
    """Pack a rendered conversation; what follows the last label teaches nothing and is left out."""
    labels = np.asarray(rendered.labels, dtype=np.int32)
    learned = labels != IGNORED
    end = int(np.flatnonzero(learned)[-1]) + 1
    return Example(
        sample_id,
        np.asarray(rendered.input_ids[:end], dtype=np.int32),
        learned[:end],
        tuple((slot.start, slot.length) for slot in rendered.slots),
        tuple(media[slot.media_index] for slot in rendered.slots),
    )


def plan_batches(
    lengths: Sequence[int],
    groups: Sequence[object],
    *,
    seed: int,
    epoch: int,
    batch_tokens: int | None = None,
    batch_size: int | None = None,
) -> list[NDArray[np.int64]]:
    """Indexes of the examples of each batch of an epoch: every example once, in an order of seed and epoch alone.

    A batch takes examples of one group only, at most ``batch_size`` of them and at most ``batch_tokens`` tokens with
    padding (a longer example stands alone). Windows of the shuffled data are sorted by length, then batches shuffled.
    """
    order = np.random.default_rng((seed, epoch)).permutation(len(lengths))
    length = np.asarray(lengths, dtype=np.int64)
    typical = max(1, int(length.mean())) if len(length) else 1
    in_batch = batch_size or max(1, (batch_tokens or typical) // typical)
    batches: list[NDArray[np.int64]] = []
    by_group: dict[object, list[int]] = {}
    for index in order.tolist():
        by_group.setdefault(groups[index], []).append(index)
    for group in sorted(by_group, key=str):
        members = np.asarray(by_group[group], dtype=np.int64)
        for start in range(0, len(members), in_batch * WINDOW_BATCHES):
            window = members[start : start + in_batch * WINDOW_BATCHES]
            window = window[np.argsort(length[window], kind="stable")]
            batches += _cut(window, length, batch_tokens, batch_size)
    shuffled = np.random.default_rng((seed, epoch, 1)).permutation(len(batches))
    return [batches[index] for index in shuffled]


def _cut(
    window: NDArray[np.int64], length: NDArray[np.int64], batch_tokens: int | None, batch_size: int | None
) -> list[NDArray[np.int64]]:
    batches = []
    start = 0
    for end in range(1, len(window) + 1):
        count = end - start
        full = batch_size is not None and count > batch_size
        # The window is sorted, so its newest member is the longest.
        heavy = batch_tokens is not None and count > 1 and count * int(length[window[end - 1]]) > batch_tokens
        if full or heavy:
            batches.append(window[start : end - 1])
            start = end - 1
    return [*batches, window[start:]]


def collate(examples: Sequence[Example], pad_id: int, gather: Callable[[str, Sequence[str]], torch.Tensor]) -> Batch:
    """One batch of examples; ``gather(modality, keys)`` gives the features of several media, one after the other."""
    longest = max(len(example.input_ids) for example in examples)
    ids = np.full((len(examples), longest), pad_id, dtype=np.int64)
    labels = np.full((len(examples), longest), IGNORED, dtype=np.int64)
    keys: dict[str, list[str]] = {}
    rows: dict[str, list[NDArray[np.int64]]] = {}
    for row, example in enumerate(examples):
        size = len(example.input_ids)
        ids[row, :size] = example.input_ids
        labels[row, :size][example.learned] = example.input_ids[example.learned]
        for (start, count), (modality, key) in zip(example.slots, example.media, strict=True):
            keys.setdefault(modality, []).append(key)
            first = row * longest + start
            rows.setdefault(modality, []).append(np.arange(first, first + count))
    scored = labels[:, 1:] != IGNORED  # the first token of a sequence is nobody's successor
    return Batch(
        tuple(example.sample_id for example in examples),
        examples[0].modalities,
        torch.from_numpy(ids),
        torch.from_numpy(labels),
        {modality: gather(modality, found) for modality, found in keys.items()},
        {modality: torch.from_numpy(np.concatenate(found)) for modality, found in rows.items()},
        int(scored.sum()),
        sum(len(example.input_ids) for example in examples),
    )
