"""Readers of the raw sets, one form a file: the published benchmark's records, Hub Parquet, Pascal VOC, COCO, CSV.

Does not know what is asked about them.
"""

from __future__ import annotations

__all__: list[str] = []
