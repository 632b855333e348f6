"""Looking a name up in an explicit mapping, with a helpful answer when it is not there.

Does not know what is registered; standard library only.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from lamm_core.errors import ConfigError

__all__ = ["lookup", "nearest"]

Entry = TypeVar("Entry")


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name most like ``name``, case aside; None where nothing comes close."""
    by_lower = {candidate.lower(): candidate for candidate in valid}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[close[0]] if close else None


def lookup(entries: Mapping[str, Entry], name: str, *, kind: str) -> Entry:
    """The entry called ``name``. Raises ConfigError naming the nearest valid name and all the others.

    ``kind`` says what is looked up ("backbone", "task") and opens the message.
    """
    if name in entries:
        return entries[name]
    close = nearest(name, entries)
    hint = f" Did you mean {close!r}?" if close else ""
    known = ", ".join(sorted(entries)) or "none"
    raise ConfigError(f"There is no {kind} called {name!r}.{hint} Known: {known}.")
