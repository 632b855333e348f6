"""Rows of numbers out of text, block by block.

Does not know what the columns mean, nor headers; a line is never held back for longer than one block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from lamm_core.errors import MediaError

__all__ = ["BLOCK_BYTES", "Lines", "parse_rows", "parse_rows_loosely"]

BLOCK_BYTES = 1 << 23
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Lines:
    """The lines of a text file that are not blank, in lists of some thousands; ``comments`` may begin with #."""

    def __init__(self, file: BinaryIO, name: str, *, comments: bool = False) -> None:
        self._file = file
        self._name = name
        self._comments = comments
        self._rest = b""
        self._begun = False
        self._ready: list[bytes] = []

    def blocks(self) -> Iterator[list[bytes]]:
        """All lines that are left. Raises MediaError for a line longer than a block."""
        while self._fill():
            lines, self._ready = self._ready, []
            yield lines

    def take(self, count: int) -> Iterator[list[bytes]]:
        """The next ``count`` lines. Raises MediaError where the file ends before."""
        wanted = count
        while wanted > 0:
            if not self._fill():
                raise MediaError(f"{self._name} is cut short: {wanted:,} of {count:,} promised lines are missing.")
            lines, self._ready = self._ready[:wanted], self._ready[wanted:]
            wanted -= len(lines)
            yield lines

    def _fill(self) -> bool:
        """Read until lines are ready; False at the end of the file."""
        while not self._ready:
            block = self._file.read(BLOCK_BYTES)
            text = self._rest + (block if self._begun else block.removeprefix(BYTE_ORDER_MARK))
            self._begun = True
            if not text:
                return False
            end = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1 if block else len(text)
            if not end and len(text) > BLOCK_BYTES:
                raise MediaError(f"{self._name} has a line of over {BLOCK_BYTES:,} bytes; expected one point a line.")
            self._rest = text[end:]
            self._ready = [line for line in text[:end].splitlines() if line.strip()]
            if self._comments:
                self._ready = [line for line in self._ready if not line.lstrip().startswith(b"#")]
        return True


def parse_rows(lines: Sequence[bytes], columns: Sequence[int], *, delimiter: str | None = None) -> NDArray[np.float64]:
    """(n, len(columns)) numbers of these columns, NaN spelled as usual. Raises ValueError where one is no number."""
    return np.loadtxt(lines, comments=None, delimiter=delimiter, usecols=columns, ndmin=2, dtype=np.float64)


def parse_rows_loosely(
    lines: Sequence[bytes], columns: Sequence[int], *, delimiter: str | None = None
) -> NDArray[np.float64]:
    """As `parse_rows`, with the lines left out that do not have numbers there."""
    try:
        return parse_rows(lines, columns, delimiter=delimiter)
    except ValueError:
        rows = [row for line in lines if (row := parse_line(line, columns, delimiter)) is not None]
        return np.array(rows, np.float64).reshape(-1, len(columns))


def parse_line(line: bytes, columns: Sequence[int], delimiter: str | None) -> list[float] | None:
    """The numbers of one line, or None."""
    parts = line.split(delimiter.encode() if delimiter else None)
    try:
        return [float(parts[column]) for column in columns]
    except (ValueError, IndexError):
        return None
