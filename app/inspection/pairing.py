"""Samples that several series share, which of them each got right, and filters and orders over them.

Does not know files nor how a sample is shown. Where the main metric gives every sample one point or none, that is what
right means; else a sample is right from a score of RIGHT on, and one that could not be parsed is not right. Samples of
which one series has no answer at all, or could not open the picture, are in no cell but the one that says so.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.inspection.record_columns import BASELINES, BETWEEN, Columns

__all__ = ["CELLS", "ORDERS", "RIGHT", "Cell", "Order", "Pairing", "Rows", "cells", "pair", "rows_of", "select"]

RIGHT = 0.5

Cell = Literal["", "both", "a", "b", "neither", "unparsed", "failed"]
Order = Literal["difference", "a", "b", "worst", "file"]
CELLS: Mapping[Cell, str] = {
    "": "all samples",
    "both": "both right",
    "a": "only A right",
    "b": "only B right",
    "neither": "neither right",
    "unparsed": "not parsed",
    "failed": "no answer",
}
ORDERS: Mapping[Order, str] = {
    "difference": "largest difference first",
    "a": "A ahead first",
    "b": "B ahead first",
    "worst": "lowest scores first",
    "file": "as in the file",
}


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one series in its file's columns, each sample once; ``repeats`` counts rows left out for that."""

    columns: Columns
    rows: NDArray[np.int64]
    repeats: int


@dataclass(frozen=True, eq=False)
class Pairing:
    """The samples that all series have, in the order of the first one's file.

    ``rows`` (S, N) finds each in each series' columns, ``score`` (S, N) is NaN where there is none, ``right`` (S, N)
    says which count as right, ``failed`` (N,) which some series has no answer to. ``alone`` (S,) is how many samples
    each series has that another one lacks.
    """

    series: tuple[Rows, ...]
    rows: NDArray[np.int64]
    score: NDArray[np.float32]
    right: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    alone: tuple[int, ...]
    searched: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.rows.shape[1])

    def find(self, identity: int) -> int | None:
        """Where the sample of this identity stands."""
        if not len(self):
            return None
        places = np.flatnonzero(self.series[0].columns.identity[self.rows[0]] == np.uint64(identity))
        return int(places[0]) if len(places) else None


def rows_of(columns: Columns, baseline: str | None) -> Rows:
    """The rows of one series. Of several records with the same id the last one counts, as a run's summary has it."""
    mine = np.flatnonzero(columns.baseline == BASELINES.index(baseline))
    _, last = np.unique(columns.identity[mine][::-1], return_index=True)
    kept = mine[np.sort(len(mine) - 1 - last)]
    return Rows(columns, kept, len(mine) - len(kept))


def pair(series: Sequence[Rows], metric: str = "", *, higher_is_better: bool = True) -> Pairing:
    """Align series by sample; ``metric`` is the main one, which says what is right if more of it is better."""
    names = [one.columns.identity[one.rows] for one in series]
    shared = names[0]
    for other in names[1:]:
        shared = shared[np.isin(shared, other)]
    rows = []
    for one, mine in zip(series, names, strict=True):
        order = np.argsort(mine, kind="stable")
        rows.append(one.rows[order[np.searchsorted(mine, shared, sorter=order)]] if len(shared) else one.rows[:0])
    both = list(zip(series, rows, strict=True))
    failed = np.any([one.columns.trouble[mine] > 0 for one, mine in both], axis=0)
    return Pairing(
        series=tuple(series),
        rows=np.stack(rows).astype(np.int64),
        right=np.stack([_right(one.columns, mine, failed, metric if higher_is_better else "") for one, mine in both]),
        failed=failed,
        score=np.stack([one.columns.score[mine] for one, mine in both]),
        alone=tuple(len(mine) - len(shared) for mine in names),
    )


def _right(columns: Columns, rows: NDArray[np.int64], failed: NDArray[np.bool_], metric: str) -> NDArray[np.bool_]:
    """As `lamm_core.evaluation.compare.rights` counts it."""
    if metric in columns.gained:
        gained, possible = columns.gained[metric][rows], columns.possible[metric][rows]
        if ((possible == 1) & ((gained == 0) | (gained == 1)) | failed).all():
            return np.asarray(gained == 1)
    return np.nan_to_num(columns.score[rows], nan=-1.0) >= RIGHT


def cells(pairing: Pairing) -> Mapping[Cell, int]:
    """How many samples each cell holds; with one series "a" and "neither" are its right and wrong ones."""
    return {name: int(_in_cell(pairing, name).sum()) for name in CELLS}


def select(pairing: Pairing, *, cell: Cell = "", words: str = "", order: Order = "difference") -> NDArray[np.int64]:
    """The samples of a cell whose id, prompt, target or answer holds the words, in order, as places in the pairing."""
    kept = _in_cell(pairing, cell)
    wanted = words.replace(BETWEEN, "").strip().lower()
    if wanted:
        kept = kept & _holding(pairing, wanted)
    places = np.flatnonzero(kept)
    score = np.nan_to_num(pairing.score[:, places], nan=0.0)  # for the order alone: no answer stands with wrong ones
    first, second = score[0], score[min(1, len(score) - 1)]
    keys = {
        "difference": -np.abs(first - second),
        "a": second - first,
        "b": first - second,
        "worst": score.sum(axis=0),
        "file": places,
    }
    return places[np.argsort(keys[order], kind="stable")]


def _in_cell(pairing: Pairing, cell: Cell) -> NDArray[np.bool_]:
    right, answered = pairing.right, ~pairing.failed
    first = right[0]
    second = right[1] if len(right) > 1 else np.zeros_like(first)
    match cell:
        case "both":
            return first & second & answered
        case "a":
            return first & ~second & answered
        case "b":
            return second & ~first & answered
        case "neither":
            return ~first & ~second & answered
        case "unparsed":
            return np.isnan(pairing.score).any(axis=0) & answered
        case "failed":
            return pairing.failed
    return np.ones(len(pairing), np.bool_)


def _holding(pairing: Pairing, words: str) -> NDArray[np.bool_]:
    """The samples of which one series' record holds the words; the newest searches are remembered."""
    known = pairing.searched.get(words)
    if known is None:
        known = np.zeros(len(pairing), np.bool_)
        seen: dict[int, NDArray[np.bool_]] = {}
        for one, rows in zip(pairing.series, pairing.rows, strict=True):
            key = id(one.columns)
            if key not in seen:
                seen[key] = _records_holding(one.columns, words.encode("utf-8", "replace"))
            known |= seen[key][rows]
        while len(pairing.searched) >= 16:
            pairing.searched.pop(next(iter(pairing.searched)))
        pairing.searched[words] = known
    return known


def _records_holding(columns: Columns, wanted: bytes) -> NDArray[np.bool_]:
    found = np.zeros(len(columns), np.bool_)
    starts = columns.word_start.tolist()
    position, row = columns.words.find(wanted), 0
    while position >= 0:
        row = bisect_right(starts, position, row) - 1
        found[row] = True
        position = columns.words.find(wanted, starts[row + 1])
    return found
