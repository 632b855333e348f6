"""What a comparison comes to: the difference of A and B with its interval, the exact test, and the sentence in words.

Does not compute any of it; `lamm_core.evaluation.compare` does, from the records that the index found good.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from app.inspection.board import is_percent
from app.inspection.comparison import Comparison
from app.inspection.figures import told, told_difference
from app.inspection.record_index import read_records_of
from lamm_core.errors import LammError

__all__ = ["Verdict", "verdict_of"]


@dataclass(frozen=True)
class Verdict:
    """``rows`` are metric, A, B and difference; ``sentence`` says what may be claimed, or why nothing can be said."""

    sentence: str
    rows: tuple[tuple[str, str, str, str], ...] = ()
    p: str = ""
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As the page reads it."""
        return {
            "sentence": self.sentence,
            "rows": [list(row) for row in self.rows],
            "p": self.p,
            "notes": list(self.notes),
        }


@lru_cache(maxsize=24)
def verdict_of(comparison: Comparison) -> Verdict:
    """A beside B. Seconds for tens of thousands of samples; a comparison is never judged twice."""
    if len(comparison.series) < 2:
        return Verdict("Pick a second series to compare.")
    from lamm_core.evaluation.compare import Side, compare

    try:
        sides = []
        for one, rows in zip(comparison.series[:2], comparison.pairing.rows[:2], strict=True):
            records = {record["id"]: record for record in read_records_of(one.index, rows)}
            sides.append(Side(one.title, one.run.manifest, records))
        found = compare(sides[0], sides[1])
    except LammError as error:
        return Verdict(str(error))
    except (KeyError, TypeError, ValueError) as error:  # records of another program, without what the figures need
        return Verdict(f"These records lack what the figures need ({type(error).__name__}: {error}).")
    percent = is_percent(found.metric, found.higher_is_better)
    row = (
        found.metric,
        told(found.a, percent=percent),
        told(found.b, percent=percent),
        told_difference(found.difference, found.low, found.high, percent=percent),
    )
    p = f"{found.p:.2g}" if found.p >= 0.0001 else "below 0.0001"
    return Verdict(found.sentence, (row,), p, found.notes)
