"""The tabs in the order of the loop. Another tab is one file and one line here.

Does not know what is in them.
"""

from __future__ import annotations

from collections.abc import Callable

from app.services import Services
from app.tabs import benchmark, chat2d, chat3d, review, train

__all__ = ["TABS"]

TABS: tuple[tuple[str, Callable[[Services], None]], ...] = (
    ("Chat", chat2d.build),
    ("Point clouds", chat3d.build),
    ("Benchmark", benchmark.build),
    ("Review", review.build),
    ("Train", train.build),
)
