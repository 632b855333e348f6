"""The header of a PLY file: its elements, their properties, and where the data begins.

Does not read the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from lamm_core.errors import MediaError

__all__ = ["Element", "Header", "Property", "read_header"]

TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4",
    "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "int64": "i8", "uint64": "u8", "float32": "f4", "float64": "f8",
}  # fmt: skip
ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}
# Real headers have some dozens of lines; splats about seventy.
MAX_LINES = 2_000
MAX_LINE_BYTES = 4_096


@dataclass(frozen=True)
class Property:
    """A number of each row, or with ``count`` (the type of its length) a list of them. Types are NumPy's."""

    name: str
    type: str
    count: str | None = None


@dataclass(frozen=True)
class Element:
    """``rows`` rows with the same properties."""

    name: str
    rows: int
    properties: tuple[Property, ...]

    @property
    def has_lists(self) -> bool:
        return any(property.count is not None for property in self.properties)

    @property
    def least_bytes(self) -> int:
        """What a row needs at least: its numbers, and the length of each list."""
        return sum(np.dtype(property.count or property.type).itemsize for property in self.properties)

    def dtype(self, order: str) -> np.dtype[np.void]:
        """One row without lists, fields by number, since names may repeat."""
        return np.dtype([(str(place), order + part.type) for place, part in enumerate(self.properties)])

    def names(self) -> list[str]:
        return [property.name for property in self.properties]


@dataclass(frozen=True)
class Header:
    """``order`` is "<" or ">", or "=" for text; the data begin at byte ``start``."""

    order: str
    elements: tuple[Element, ...]
    start: int

    @property
    def text(self) -> bool:
        return self.order == "="

    def element(self, name: str) -> Element | None:
        return next((element for element in self.elements if element.name == name), None)


def read_header(file: BinaryIO, name: str) -> Header:
    """Read up to ``end_header``. Raises MediaError for what is no PLY header, naming the line."""
    order = ""
    elements: list[Element] = []
    for number in range(MAX_LINES):
        line = file.readline(MAX_LINE_BYTES)
        if not line:
            raise MediaError(f"{name} is cut short inside its PLY header.")
        words = line.decode("latin-1").split()
        if number == 0 or not words or words[0] in ("comment", "obj_info"):
            continue
        if words[0] == "end_header":
            if not order:
                raise MediaError(f"{name} has no 'format' line in its PLY header.")
            return Header(order, tuple(elements), file.tell())
        try:
            if words[0] == "format":
                order = ORDERS[words[1]]
            elif words[0] == "element":
                elements.append(Element(words[1], row_count(words[2]), ()))
            elif words[0] == "property":
                last = elements[-1]
                elements[-1] = Element(last.name, last.rows, (*last.properties, property_of(words[1:])))
            else:
                raise KeyError(words[0])
        except (KeyError, IndexError, ValueError) as error:
            raise MediaError(f"{name} has a PLY header line that makes no sense: {' '.join(words)[:80]!r}.") from error
    raise MediaError(f"{name} has a PLY header of over {MAX_LINES:,} lines.")


def row_count(word: str) -> int:
    """A whole number of rows, not negative. Raises ValueError."""
    rows = int(word)
    if rows < 0:
        raise ValueError(word)
    return rows


def property_of(words: list[str]) -> Property:
    """``float x`` or ``list uchar int vertex_indices``. Raises KeyError or IndexError."""
    if words[0] != "list":
        return Property(words[1], TYPES[words[0]])
    count = TYPES[words[1]]
    if count.startswith("f"):
        raise KeyError(words[1])
    return Property(words[3], TYPES[words[2]], count)
