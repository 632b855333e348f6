"""Metrics under their true names, one noun a file: boxes, average precision, BLEU, ROUGE-L, CIDEr-D, reading.

Does not know tasks; parsing.py turns answers into labels, numbers, boxes and points.
"""

from __future__ import annotations

__all__: list[str] = []
