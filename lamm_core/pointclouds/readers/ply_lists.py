"""Rows of a PLY file that hold lists, such as the corners of its faces.

Does not know what the lists mean, but for polygons, which it cuts into triangles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lamm_core.errors import MediaError
from lamm_core.pointclouds.readers.gathering import Gathering
from lamm_core.pointclouds.readers.ply_header import Element
from lamm_core.pointclouds.readers.rows import Lines, parse_rows

__all__ = ["Rows", "fan", "read_lists", "read_text_lists"]

# Rows of one shape are looked for in windows that double while they hold, up to this.
MAX_WINDOW = 1 << 20
MIN_WINDOW = 64


@dataclass(frozen=True)
class Rows:
    """The single numbers of each row by the place of their property, and the triangles (n, 3) of one list."""

    single: dict[int, NDArray[Any]]
    triangles: NDArray[np.int64]


def read_lists(
    file: BinaryIO, element: Element, order: str, gathering: Gathering, *, triangles: int | None = None
) -> Rows:
    """The next ``element.rows`` rows of a binary file; the file stands behind them afterwards.

    With ``triangles`` the list at that place is cut into triangles. Raises MediaError where the file ends before.
    """
    start = file.tell()
    data = np.memmap(file, np.uint8, "r", offset=0) if element.rows else np.empty(0, np.uint8)
    at, row, window = start, 0, MIN_WINDOW
    single: dict[int, list[NDArray[Any]]] = {
        place: [] for place, part in enumerate(element.properties) if part.count is None
    }
    found: list[NDArray[np.int64]] = []
    while row < element.rows:
        gathering.check_clock()
        shape, lengths = row_shape(data, at, element, order, gathering.name)
        fits = min(window, element.rows - row, (len(data) - at) // shape.itemsize)
        rows = np.frombuffer(data, shape, count=fits, offset=at)
        same = np.ones(fits, bool)
        for place, length in lengths.items():
            same &= rows[f"{place}n"] == length
        run = fits if same.all() else int(np.argmin(same))
        for place, parts in single.items():
            parts.append(rows[str(place)][:run].copy())
        if triangles is not None and lengths[triangles] >= 3:
            found.append(fan(rows[str(triangles)][:run].astype(np.int64)))
        at += run * shape.itemsize
        row += run
        window = min(window * 2, MAX_WINDOW) if run == fits else MIN_WINDOW
    file.seek(at)
    return Rows(
        {place: np.concatenate(parts) for place, parts in single.items() if parts},
        np.concatenate(found) if found else np.empty((0, 3), np.int64),
    )


def row_shape(
    data: NDArray[np.uint8], at: int, element: Element, order: str, name: str
) -> tuple[np.dtype[np.void], dict[int, int]]:
    """The type of the row at byte ``at`` and the length of each of its lists. Raises MediaError past the file's end."""
    parts: list[tuple[str, str] | tuple[str, str, tuple[int]]] = []
    lengths: dict[int, int] = {}
    end = at
    for place, part in enumerate(element.properties):
        width = np.dtype(part.type).itemsize
        if part.count is None:
            parts.append((str(place), order + part.type))
            end += width
            continue
        counter = np.dtype(order + part.count)
        raw = data[end : end + counter.itemsize].tobytes()
        length = int(np.frombuffer(raw, counter)[0]) if len(raw) == counter.itemsize else -1
        if length < 0 or end + counter.itemsize + length * width > len(data):
            raise MediaError(f"{name} is cut short or damaged: a list in its {element.name} goes beyond its end.")
        parts.append((f"{place}n", order + part.count))
        parts.append((str(place), order + part.type, (length,)))
        lengths[place] = length
        end += counter.itemsize + length * width
    if end > len(data):
        raise MediaError(f"{name} is cut short among its {element.rows:,} rows of {element.name}.")
    return np.dtype(parts), lengths


def read_text_lists(lines: Lines, element: Element, place: int, gathering: Gathering) -> NDArray[np.int64]:
    """Triangles out of the list at ``place`` in the next lines of a text file. Raises MediaError for damaged lines."""
    found: list[NDArray[np.int64]] = []
    for block in lines.take(element.rows):
        gathering.check_clock()
        try:
            found.append(triangles_of(block, element, place))
        except (ValueError, IndexError, OverflowError) as error:
            raise MediaError(
                f"{gathering.name} is damaged: a line of {element.name} is not what its header says."
            ) from error
    return np.concatenate(found) if found else np.empty((0, 3), np.int64)


def triangles_of(block: list[bytes], element: Element, place: int) -> NDArray[np.int64]:
    """Triangles out of lines; lists of three in front of everything else, the usual case, go at once."""
    if place == 0 and all(line.lstrip()[:2] in (b"3 ", b"3\t") for line in block):
        with np.errstate(invalid="ignore"):
            return parse_rows(block, (1, 2, 3)).astype(np.int64)
    polygons: dict[int, list[list[int]]] = {}
    for line in block:
        words = line.split()
        at = 0
        for number, part in enumerate(element.properties):
            length = 1 if part.count is None else int(words[at]) + 1
            if length < 1:
                raise ValueError("a list of negative length")
            if number == place:
                corners = [int(word) for word in words[at + 1 : at + length]]
                if len(corners) < length - 1:
                    raise IndexError("a list beyond the end of its line")
                if len(corners) >= 3:
                    polygons.setdefault(len(corners), []).append(corners)
                break
            at += length
    fans = [fan(np.array(group, np.int64)) for group in polygons.values()]
    return np.concatenate(fans) if fans else np.empty((0, 3), np.int64)


def fan(polygons: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n * (corners - 2), 3) triangles around the first corner of each of n polygons (n, corners)."""
    if polygons.shape[1] == 3:
        return polygons
    first = np.broadcast_to(polygons[:, :1, None], (len(polygons), polygons.shape[1] - 2, 1))
    pairs = np.stack([polygons[:, 1:-1], polygons[:, 2:]], axis=2)
    return np.concatenate([first, pairs], axis=2).reshape(-1, 3)
