"""Instruction data: pairs made from annotated pictures, and what reviews them.

Does not know models: nothing here imports torch, and of lamm_core only its standard-library modules.
"""

from __future__ import annotations

__all__: list[str] = []
