"""Figures quoted from LAMM's paper and repository, by set: the row's name, then our name of the metric to its value.

Does not know our own runs. They were computed by the published protocol, so each stands under the ``lamm_`` metric that
follows it step by step, as a share where the paper prints per cent. "Failed" in the paper is left out: it is no figure.
"v1" is the paper of June 2023; "repository" is the readme after its code and data were renewed in September 2023. "Best
known" is what the paper gives as state of the art: models trained on the set, most by another metric than the
column's.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["PAPER"]

Rows = Mapping[str, Mapping[str, float]]

_ROWS = (
    "Best known, task-trained, by its own metric", "LLaVA", "MiniGPT-4", "mPLUG-owl", "LAMM-13B v1",
    "LAMM-13B repository",
)  # fmt: skip


def _rows(metric: str, *values: float | None, tuned: float | None = None) -> Rows:
    rows = {name: {metric: value} for name, value in zip(_ROWS, values, strict=True) if value is not None}
    return rows if tuned is None else rows | {"LAMM-13B fine-tuned": {metric: tuned}}


PAPER: Mapping[str, Rows] = {
    "cifar10": _rows("lamm_accuracy", 0.995, 0.6083, 0.4622, 0.425, 0.345, 0.379, tuned=0.912),
    "voc2012": _rows("lamm_recall_50", 0.972, 0.0142, 0.0092, 0.00158, 0.0482, 0.072, tuned=0.1348),
    "sqaimage": _rows("lamm_accuracy", 0.9253, 0.405, 0.4343, 0.3639, 0.4715, 0.4988, tuned=0.7427),
    "ai2d": _rows("lamm_accuracy", None, 0.1813, None, 0.1931, 0.195, 0.2092),
    "flickr30k": _rows("lamm_bleu_4", 0.301, 0.0665, 0.051, 0.0274, 0.007, 0.0256),
    "ucmerced": _rows("lamm_accuracy", 1.0, 0.47, 0.336, 0.325, 0.13, 0.1823),
    "fsc147": _rows("lamm_mae", 10.79, 56.2, None, 60.67, 53.97, 46.88),
    "svt": _rows("lamm_word_accuracy", 0.979, 0.3778, 0.1697, 0.3039, 0.042, 0.2914),
    "celeba_smile": _rows("lamm_accuracy", None, None, 0.6636, None, 0.513, 0.576),
    "celeba_hair": _rows("lamm_accuracy", None, 0.4642, 0.4347, 0.4093, 0.3048, 0.5696),
    "locating": _rows("binary_loc", None, 0.1473, 0.1312, 0.0442, 0.312, 0.3653),
    "scannet": _rows("lamm_recall_50", 0.632, None, None, None, 0.093, 0.082, tuned=0.1189),
    "scanrefer": _rows("lamm_acc_50", 0.5459, None, None, None, None, None, tuned=0.0338),
    "scanqa": _rows("lamm_accuracy", None, None, None, None, 0.2654, 0.249, tuned=0.9989),
}
