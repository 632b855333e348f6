"""Reading a set of sources: counted as it goes, its broken items listed, empty sets refused.

Does not know any format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from annotation.sources.source import Broken, Source
from lamm_core.errors import DataError

__all__ = ["Reading"]

LISTED = 1000  # broken items kept in memory; ``on_broken`` is told of all


class Reading:
    """Iterates over the sources of a set; ``given`` and ``broken`` count, ``listed`` holds the first broken items.

    ``on_broken`` is called for each broken item, ``progress`` with both counts after each item. Raises DataError at the
    end where there was no item at all: then the file is of another format.
    """

    def __init__(
        self,
        items: Iterable[Source | Broken],
        *,
        name: str,
        limit: int | None = None,
        on_broken: Callable[[Broken], None] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.name = name
        self.given = 0
        self.broken = 0
        self.listed: list[Broken] = []
        self._items = items
        self._limit = limit
        self._on_broken = on_broken
        self._progress = progress

    def __iter__(self) -> Iterator[Source]:
        if self._limit == 0:
            return
        for item in self._items:
            if isinstance(item, Broken):
                self._note(item)
            else:
                self.given += 1
            if self._progress:
                self._progress(self.given, self.broken)
            if isinstance(item, Source):
                yield item
                if self._limit is not None and self.given >= self._limit:
                    return
        if not self.given and not self.broken:
            raise DataError(f"{self.name} holds no item of this format. Is it the right file for this reader?")

    def _note(self, item: Broken) -> None:
        self.broken += 1
        if len(self.listed) < LISTED:
            self.listed.append(item)
        if self._on_broken:
            self._on_broken(item)
