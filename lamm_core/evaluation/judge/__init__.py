"""Answers judged by a language model: which of two is better, and how good one is from 0 to 10.

Does not know how answers came about. LAMM's paper reports such a win rate beside its other metrics; here both orders
are asked, ties are kept, and a judge that fails is counted.
"""

from __future__ import annotations

__all__: list[str] = []
