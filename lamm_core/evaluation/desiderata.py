"""What ChEF asks of a model beyond being right: knowing how sure to be, following instructions, standing disturbance.

Does not know how answers come about; it is given confidences, records and scores. Source of the three: ChEF,
arXiv 2311.02692.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from lamm_core.errors import TaskError

__all__ = ["BINS", "calibration", "chance", "expected_calibration_error", "match_ratio", "relative_robustness"]

BINS = 10
Record = Mapping[str, Any]


def expected_calibration_error(
    confidences: Sequence[float], right: Sequence[bool], *, bins: int = BINS, equal: Literal["count", "width"] = "count"
) -> float | None:
    """The distance between how sure and how right, averaged over bins by their size; None without answers.

    Bins hold equally many answers ("count", ChEF's; the first ones one more where it does not come out even), or are
    equally wide from 0 to 1 ("width"), open below and closed above.
    """
    if not len(confidences):
        return None
    sure, hits = np.asarray(confidences, dtype=float), np.asarray(right, dtype=float)
    order = np.argsort(sure, kind="stable")
    sure, hits = sure[order], hits[order]
    if equal == "count":
        pieces = np.array_split(np.arange(len(sure)), bins)
    else:
        places = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
        pieces = [np.flatnonzero(places == place) for place in range(bins)]
    gaps = [len(piece) * abs(sure[piece].mean() - hits[piece].mean()) for piece in pieces if len(piece)]
    return float(sum(gaps) / len(sure))


def calibration(records: Sequence[Record]) -> dict[str, float | None]:
    """Both calibration errors of records that hold a confidence; empty where none does."""
    sure = [record for record in records if "confidence" in record["detail"]]
    if not sure:
        return {}
    confidences = [record["detail"]["confidence"] for record in sure]
    right = [record["score"] == 1.0 for record in sure]
    return {
        "ece_equal_count": expected_calibration_error(confidences, right),
        "ece_equal_width": expected_calibration_error(confidences, right, equal="width"),
    }


def chance(records: Sequence[Record]) -> float:
    """The score of choosing blindly: the mean of one over the number of options; 0 where none were offered."""
    shares = [1 / len(options) if (options := record["detail"].get("options")) else 0.0 for record in records]
    return sum(shares) / len(shares) if shares else 0.0


def relative_robustness(score: float, disturbed: float, *, chance: float) -> float:
    """RRM: how much of what a model is better than chance is left under disturbance, 1 for all.

    Raises TaskError where the undisturbed model is not better than chance: there is nothing to lose then.
    """
    if score <= chance:
        raise TaskError(
            f"Undisturbed the score is {score:.3f}, and choosing blindly gives {chance:.3f}: robustness is undefined."
        )
    return (disturbed - chance) / (score - chance)


def match_ratio(plain: Sequence[Record], remapped: Sequence[Record]) -> float | None:
    """MR: the share of questions where the same option is meant with and without a remap; None without common ones.

    An answer that names no option matches nothing.
    """
    meant = {record["id"]: record["parsed"] for record in plain}
    both = [(meant[record["id"]], record["parsed"]) for record in remapped if record["id"] in meant]
    return sum(one is not None and one == other for one, other in both) / len(both) if both else None
