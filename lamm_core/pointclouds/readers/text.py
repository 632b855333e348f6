"""Text with one point a line: XYZ, TXT, CSV, PTS and ASC, with or without names in the first line.

Does not know binary formats. Finds out the delimiter, the header, the decimal sign and which column is what.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lamm_core.errors import MediaError
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.readers.columns import Columns, guess_columns, name_columns, settle_colours
from lamm_core.pointclouds.readers.gathering import Gathering
from lamm_core.pointclouds.readers.rows import Lines, parse_rows_loosely

__all__ = ["is_text", "read_text"]

COMMENTS = (b"#", b"//", b"%", b";", b"!")
# Lines from which the columns are guessed.
SAMPLE = 2_000
MAX_COLUMNS = 500
# Of the lines behind the header, at most this share may be something else than points.
TOLERATED = 0.1


@dataclass(frozen=True)
class Layout:
    """How the lines of one file are written. ``skip`` counts the lines before the first point."""

    columns: Columns
    delimiter: str | None
    decimal_comma: bool
    quoted: bool
    skip: int
    names: tuple[str, ...]


def is_text(head: bytes) -> bool:
    """Whether a file that begins so can be lines of text: it has no zero byte, and is no JSON or XML."""
    return b"\0" not in head and not head.lstrip().startswith((b"{", b"<"))


def read_text(path: Path, gathering: Gathering) -> PointCloud:
    """The points of a text file, streamed. Raises MediaError."""
    name = path.name
    layout: Layout | None = None
    seen = good = 0
    with path.open("rb") as file:
        for lines in Lines(file, name).blocks():
            if layout is None:
                layout = find_layout(lines, name)
                lines = lines[layout.skip :]
            if layout.quoted:
                lines = [line.replace(b'"', b"") for line in lines]
            if layout.decimal_comma:
                lines = [line.replace(b",", b".") for line in lines]
            rows = parse_rows_loosely(lines, layout.columns.used, delimiter=layout.delimiter)
            seen += len(lines)
            good += len(rows)
            gathering.add(**layout.columns.place(rows))
            if seen - good > TOLERATED * seen:
                raise MediaError(
                    f"{name}: {seen - good:,} of {seen:,} lines are no points; expected x, y and z on every line."
                )
    if layout is None:
        raise MediaError(f"{name} holds no lines; expected x, y and z on every line.")
    notes = [f"{seen - good:,} lines that are no points were left out."] if seen > good else []
    cloud = gathering.cloud(path.suffix.lower().lstrip(".") or "text", fields=layout.names, notes=notes)
    return dataclasses.replace(cloud, colours=settle_colours(cloud.colours))


def find_layout(lines: list[bytes], name: str) -> Layout:
    """How these lines, the file's first, are written. Raises MediaError where no line holds three numbers."""
    lines = lines[: SAMPLE + 100]
    quoted = any(b'"' in line for line in lines[:100])
    if quoted:
        lines = [line.replace(b'"', b"") for line in lines]
    for delimiter, decimal_comma in ((None, False), (",", False), (";", False), (";", True), (None, True)):
        written = [line.replace(b",", b".") for line in lines] if decimal_comma else lines
        skip = next((number for number, line in enumerate(written[:100]) if is_point(line, delimiter)), None)
        if skip is not None:
            break
    else:
        raise MediaError(f"{name} is text without points; expected x, y and z on every line.")
    header = header_names(lines[:skip], delimiter)
    columns = name_columns(header) if header else None
    rows = numbers(written[skip : skip + SAMPLE], delimiter)
    if header and (columns is None or max(columns.used) >= rows.shape[1]):
        columns = None
    if columns is None:
        columns = guess_columns(rows, colours_last=name.lower().endswith(".pts"))
        header = ()
    names = header or guessed_names(columns, rows.shape[1])
    return Layout(columns, delimiter, decimal_comma, quoted, skip, names)


def is_point(line: bytes, delimiter: str | None) -> bool:
    """Whether a line begins with three numbers."""
    words = split(line, delimiter)
    return len(words) >= 3 and all(number(word) is not None for word in words[:3])


def split(line: bytes, delimiter: str | None) -> list[bytes]:
    return line.split(delimiter.encode() if delimiter else None)[:MAX_COLUMNS]


def number(word: bytes) -> float | None:
    """The number that a word is, or None."""
    try:
        return float(word)
    except ValueError:
        return None


def numbers(lines: list[bytes], delimiter: str | None) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(n, columns) numbers in lines as wide as the first; NaN for words."""
    width = len(split(lines[0], delimiter))
    rows = [[number(word) for word in split(line, delimiter)[:width]] for line in lines]
    return np.array([row for row in rows if len(row) == width], np.float64)


def header_names(lines: list[bytes], delimiter: str | None) -> tuple[str, ...]:
    """The names in the last line before the points that has any, with or without a comment sign; else none."""
    for line in reversed(lines):
        text = line.strip()
        for sign in COMMENTS:
            text = text.removeprefix(sign).strip()
        # Names may be parted otherwise than numbers are, as in "x y z" over lines with commas.
        for parted in (delimiter, ",", None):
            names = tuple(word.decode("utf-8", "replace").strip() for word in split(text, parted))
            if name_columns(names) is not None:
                return names
    return ()


def guessed_names(columns: Columns, count: int) -> tuple[str, ...]:
    """Names for the columns of a file that has none: what was guessed, else the column's number."""
    names = [f"column {place + 1}" for place in range(count)]
    for triple, words in (
        (columns.xyz, ("x", "y", "z")),
        (columns.colours, ("red", "green", "blue")),
        (columns.normals, ("nx", "ny", "nz")),
    ):
        for place, word in zip(triple or (), words, strict=False):
            names[place] = word
    return tuple(names)
