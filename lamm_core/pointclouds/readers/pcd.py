"""PCD: the Point Cloud Library's format as text, binary and binary_compressed.

Does not know LZF (`lzf`). The sensor's pose in the header moves nothing, as in the library itself.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lamm_core.errors import MediaError
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.readers.columns import name_columns
from lamm_core.pointclouds.readers.gathering import CHUNK_POINTS, Gathering
from lamm_core.pointclouds.readers.lzf import MOST_EXPANSION, decompress
from lamm_core.pointclouds.readers.rows import Lines, parse_rows

__all__ = ["is_pcd", "read_pcd"]

Column = NDArray[Any]

KINDS = {"F": "f", "I": "i", "U": "u"}
SIZES = {"f": (4, 8), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8)}
MAX_LINES = 200
MAX_LINE_BYTES = 65_536


@dataclass(frozen=True)
class Field:
    """One number of each point. ``place`` is its column in text; ``offset`` its byte in a binary row."""

    name: str
    type: str
    place: int
    offset: int


@dataclass(frozen=True)
class Header:
    """``columns`` numbers a point, ``stride`` bytes a point in binary; the data begin at byte ``start``."""

    fields: tuple[Field, ...]
    names: tuple[str, ...]
    columns: int
    stride: int
    points: int
    data: str
    start: int


def is_pcd(head: bytes) -> bool:
    """Whether a file that begins so is PCD."""
    lines = [line.strip() for line in head.splitlines()]
    words = [line.split()[0] for line in lines if line and not line.startswith(b"#")]
    return head.startswith((b"# .PCD", b"#.PCD")) or (
        words[:1] == [b"VERSION"] and any(word in (b"FIELDS", b"COLUMNS") for word in words)
    )


def read_pcd(path: Path, gathering: Gathering) -> PointCloud:
    """The points of the file. Raises MediaError."""
    with path.open("rb") as file:
        header = read_header(file, path.name)
        there = path.stat().st_size - header.start
        need = header.points * (header.stride if header.data == "binary" else 2 * header.columns)
        if header.data != "binary_compressed" and need - (header.data == "ascii") > there:
            raise MediaError(
                f"{path.name} is cut short: its header promises {header.points:,} points, which take at least "
                f"{need:,} bytes, and {there:,} are there."
            )
        if header.data == "ascii":
            read_ascii(file, header, gathering)
        elif header.data == "binary":
            read_binary(file, header, gathering)
        else:
            read_compressed(file, header, there, gathering)
    return gathering.cloud("pcd", fields=header.names)


def read_header(file: BinaryIO, name: str) -> Header:
    """Read up to the DATA line. Raises MediaError, naming the line."""
    entries: dict[str, list[str]] = {}
    for _ in range(MAX_LINES):
        line = file.readline(MAX_LINE_BYTES)
        if not line:
            raise MediaError(f"{name} is cut short inside its PCD header.")
        words = line.decode("latin-1").split()
        if not words or words[0].startswith("#"):
            continue
        entries[words[0].upper()] = words[1:]
        if words[0].upper() == "DATA":
            break
    try:
        return header_of(entries, file.tell())
    except (KeyError, IndexError, ValueError) as error:
        raise MediaError(f"{name} has a PCD header that makes no sense ({error}).") from error


def header_of(entries: dict[str, list[str]], start: int) -> Header:
    """The header out of its lines. Raises KeyError, IndexError or ValueError."""
    names = entries["FIELDS"] if "FIELDS" in entries else entries["COLUMNS"]
    sizes = [int(word) for word in entries.get("SIZE", ["4"] * len(names))]
    kinds = [KINDS[word.upper()] for word in entries.get("TYPE", ["F"] * len(names))]
    counts = [int(word) for word in entries.get("COUNT", ["1"] * len(names))]
    if not len(names) == len(sizes) == len(kinds) == len(counts):
        raise ValueError("FIELDS, SIZE, TYPE and COUNT differ in length")
    if any(size not in SIZES[kind] for size, kind in zip(sizes, kinds, strict=True)):
        raise ValueError("a SIZE that does not go with its TYPE")
    if min(counts) < 0 or max(counts) > 65_536:
        raise ValueError("a COUNT out of range")
    fields, place, offset = [], 0, 0
    for name, size, kind, count in zip(names, sizes, kinds, counts, strict=True):
        fields.append(Field(name if count else "", f"<{kind}{size}", place, offset))
        place += count
        offset += size * count
    width, height = int(entries["WIDTH"][0]), int(entries.get("HEIGHT", ["1"])[0])
    points = int(entries["POINTS"][0]) if "POINTS" in entries else width * height
    if points < 0:
        raise ValueError("POINTS below 0")
    data = entries["DATA"][0].lower()
    if data not in ("ascii", "binary", "binary_compressed"):
        raise ValueError(f"DATA {data[:40]!r}; expected ascii, binary or binary_compressed")
    shown = tuple(name for name in names if name != "_")
    return Header(tuple(fields), shown, place, offset, points, data, start)


def read_ascii(file: BinaryIO, header: Header, gathering: Gathering) -> None:
    """Points as text."""
    places = [field.place for field in header.fields]
    for lines in Lines(file, gathering.name).take(header.points):
        try:
            rows = parse_rows(lines, places)
        except ValueError as error:
            raise MediaError(f"{gathering.name} is damaged: a line does not hold the numbers of a point.") from error
        with np.errstate(invalid="ignore", over="ignore"):
            columns = [rows[:, number].astype(field.type) for number, field in enumerate(header.fields)]
        add(columns, header, gathering)


def read_binary(file: BinaryIO, header: Header, gathering: Gathering) -> None:
    """Points as rows of bytes."""
    dtype = np.dtype(
        {
            "names": [str(number) for number in range(len(header.fields))],
            "formats": [field.type for field in header.fields],
            "offsets": [field.offset for field in header.fields],
            "itemsize": header.stride,
        }
    )
    for first in range(0, header.points, CHUNK_POINTS):
        rows = np.fromfile(file, dtype, min(CHUNK_POINTS, header.points - first))
        add([rows[str(number)] for number in range(len(header.fields))], header, gathering)


def read_compressed(file: BinaryIO, header: Header, there: int, gathering: Gathering) -> None:
    """Points as columns of bytes, one field after the other, under LZF."""
    name = gathering.name
    sizes = file.read(8)
    packed, unpacked = struct.unpack("<II", sizes) if len(sizes) == 8 else (0, 0)
    if packed > there - 8 or len(sizes) < 8:
        raise MediaError(f"{name} is cut short: {packed:,} compressed bytes are promised, {max(0, there - 8):,} there.")
    if unpacked != header.points * header.stride or unpacked > packed * MOST_EXPANSION + 264:
        raise MediaError(
            f"{name} is damaged: {packed:,} compressed bytes cannot hold {header.points:,} points "
            f"of {header.stride:,} bytes."
        )
    if unpacked > gathering.limits.bytes:
        raise MediaError(
            f"{name} unpacks to {unpacked / 1e9:,.1f} GB; expected at most {gathering.limits.bytes / 1e9:g}."
        )
    try:
        data = decompress(file.read(packed), unpacked, gathering.check_clock)
    except ValueError as error:
        raise MediaError(f"{name} is damaged: its compressed points do not unpack ({error}).") from error
    # Field by field, every point's numbers of the field together.
    columns: list[Column] = []
    for number, field in enumerate(header.fields):
        following = header.fields[number + 1].offset if number + 1 < len(header.fields) else header.stride
        width = following - field.offset
        block = np.frombuffer(data, np.uint8, header.points * width, header.points * field.offset)
        columns.append(block.reshape(header.points, width)[:, : np.dtype(field.type).itemsize] if width else block)
    for first in range(0, header.points, CHUNK_POINTS):
        chunk = slice(first, first + CHUNK_POINTS)
        add(
            [
                np.ascontiguousarray(column[chunk]).view(field.type).reshape(-1)
                for column, field in zip(columns, header.fields, strict=True)
            ],
            header,
            gathering,
        )


def add(columns: list[Column], header: Header, gathering: Gathering) -> None:
    """Hand over one chunk of points, given field by field."""
    names = [field.name.lower() for field in header.fields]
    found = name_columns(names)
    if found is None:
        raise MediaError(f"{gathering.name} has points without x, y and z, only {', '.join(header.names[:12])}.")
    packed = next((names.index(name) for name in ("rgb", "rgba") if name in names), None)
    colours = None if packed is None else unpack(columns[packed])
    if colours is None and found.colours is not None:
        colours = np.stack([columns[place] for place in found.colours], axis=1)
    gathering.add(
        np.stack([columns[place] for place in found.xyz], axis=1),
        colours=colours,
        normals=None if found.normals is None else np.stack([columns[place] for place in found.normals], axis=1),
        instance=None if found.instance is None else columns[found.instance],
    )


def unpack(packed: Column) -> NDArray[np.uint8] | None:
    """(n, 3) colours out of 0x00RRGGBB in 32 bits, which a float field carries as its bits, not its value."""
    if packed.dtype.kind == "f":
        with np.errstate(invalid="ignore", over="ignore"):
            bits = packed.astype(np.float32).view(np.uint32)
    elif packed.dtype.itemsize >= 4:
        bits = packed.astype(np.int64).astype(np.uint32)
    else:
        return None
    return np.stack([bits >> 16 & 255, bits >> 8 & 255, bits & 255], axis=1).astype(np.uint8)
