"""Metrics under their true names, one noun a file: boxes, average precision, BLEU, ROUGE-L, CIDEr-D, reading.

Does not know tasks; parsing.py turns answers into labels, numbers, boxes and points.
"""

from __future__ import annotations

from lamm_core.evaluation.metrics.tally import interval, ratio, summary

__all__ = ["interval", "ratio", "summary"]
