"""Measuring a model: tasks, metrics, records and the runner.

Does not know how a model was trained; importing this package imports no torch.
"""

from __future__ import annotations

__all__: list[str] = []
