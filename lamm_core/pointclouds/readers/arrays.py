"""NumPy's NPY and NPZ: plain arrays of N x 3 and more columns, LAMM's among them, and arrays with named columns.

Does not unpickle anything, ever. An array inside an NPZ is streamed too, so that it cannot unpack to more than it says.
"""

from __future__ import annotations

import dataclasses
import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from lamm_core.errors import MediaError
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.readers.columns import guess_columns, name_columns, settle_colours
from lamm_core.pointclouds.readers.gathering import CHUNK_POINTS, Gathering

__all__ = ["is_npy", "is_zip", "read_npy", "read_npz"]

Column = NDArray[Any]

XYZ_KEYS = (
    "xyz",
    "points",
    "pcd",
    "point_cloud",
    "pointcloud",
    "pc",
    "coords",
    "coord",
    "positions",
    "vertices",
    "pos",
)
COLOUR_KEYS = ("rgb", "colors", "colours", "color", "colour")
NORMAL_KEYS = ("normals", "normal")
INSTANCE_KEYS = ("instance", "instances", "instance_id", "instance_ids")
MOST_MEMBERS = 1_000
# What NumPy's parsing of a header raises, which is that of a Python literal.
HEADER_DAMAGE = (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError, OverflowError)


class Shape(NamedTuple):
    """What an array's header says."""

    shape: tuple[int, ...]
    column_major: bool
    dtype: np.dtype[np.generic]

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def is_npy(head: bytes) -> bool:
    """Whether a file that begins so is NPY."""
    return head.startswith(npy.MAGIC_PREFIX)


def is_zip(head: bytes) -> bool:
    """Whether a file that begins so is a ZIP archive, as NPZ files are."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def read_npy(path: Path, gathering: Gathering) -> PointCloud:
    """The rows of the array. Raises MediaError."""
    name = path.name
    with path.open("rb") as file:
        shape = read_shape(file, name)
        there = path.stat().st_size - file.tell()
        if shape.bytes > there:
            raise MediaError(
                f"{name} is cut short: its header promises {shape.bytes:,} bytes of numbers, and {there:,} are there."
            )
        if not shape.bytes:
            raise MediaError(f"{name} holds an empty array; expected N rows of at least x, y and z.")
        start = file.tell()
    order: Literal["C", "F"] = "F" if shape.column_major else "C"
    array = np.memmap(path, shape.dtype, "r", offset=start, shape=shape.shape, order=order)
    rows = as_rows(array, name)
    fields = add_rows((rows[at : at + CHUNK_POINTS] for at in range(0, len(rows), CHUNK_POINTS)), gathering)
    return finished("npy", fields, gathering)


def read_npz(path: Path, gathering: Gathering) -> PointCloud:
    """Positions by their key, or the only array, with colours, normals and objects. Raises MediaError."""
    name = path.name
    try:
        with zipfile.ZipFile(path) as archive:
            members = {
                info.filename.removesuffix(".npy"): info
                for info in archive.infolist()
                if info.filename.endswith(".npy") and len(archive.infolist()) <= MOST_MEMBERS
            }
            if not members:
                raise MediaError(f"{name} is a ZIP archive without arrays; expected an NPZ file, or a cloud unpacked.")
            return read_members(archive, members, gathering)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise MediaError(f"{name} is a damaged or encrypted NPZ file ({error}).") from error


def read_members(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], gathering: Gathering) -> PointCloud:
    """The cloud in an archive's arrays."""
    name = gathering.name
    key = first_key(XYZ_KEYS, members) or (next(iter(members)) if len(members) == 1 else None)
    if key is None:
        raise MediaError(f"{name} holds {', '.join(list(members)[:12])}; expected the points under 'xyz' or 'points'.")
    beside = {
        role: found
        for role, keys in (("colours", COLOUR_KEYS), ("normals", NORMAL_KEYS), ("instance", INSTANCE_KEYS))
        if (found := first_key(keys, members)) not in (None, key)
    }
    arrays = {role: load_member(archive, members[found], gathering) for role, found in beside.items() if found}
    points = as_rows(load_member(archive, members[key], gathering), name)
    for role, array in arrays.items():
        if array.shape[:1] != (len(points),) or array.dtype.kind not in "biuf":
            raise MediaError(
                f"{name}: {beside[role]!r} has the shape {array.shape} of {array.dtype} for {len(points):,} points."
            )
    extra = {role: columns_of(array, role, name) for role, array in arrays.items()}
    fields = add_rows((points[at : at + CHUNK_POINTS] for at in range(0, len(points), CHUNK_POINTS)), gathering, extra)
    cloud = finished("npz", fields, gathering)
    return dataclasses.replace(cloud, fields=(*cloud.fields, *(found for found in beside.values() if found)))


def columns_of(array: Column, role: str, name: str) -> Column:
    """The array as (n, 3), or (n,) for objects. Raises MediaError for another shape."""
    if role == "instance":
        flat = array.reshape(len(array), -1)
        if flat.shape[1] == 1:
            return flat[:, 0]
    elif array.ndim == 2 and array.shape[1] >= 3:
        return array[:, :3]
    raise MediaError(f"{name}: the {role} have the shape {array.shape}; expected a row for each point.")


def first_key(keys: tuple[str, ...], members: dict[str, zipfile.ZipInfo]) -> str | None:
    """The first of the keys that is there, whatever its case."""
    plain = {member.lower(): member for member in members}
    return next((plain[key] for key in keys if key in plain), None)


def load_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, gathering: Gathering) -> Column:
    """An array out of an archive, once its header was found to be reasonable. Raises MediaError."""
    with archive.open(info) as file:
        shape = read_shape(file, f"{gathering.name} ({info.filename})")
        most = gathering.limits.bytes // 2  # it is held whole, beside the cloud made of it
        if shape.bytes > most or shape.bytes > info.file_size:
            raise MediaError(
                f"{gathering.name}: {info.filename} promises {shape.bytes:,} bytes of numbers, "
                f"{'more than it holds' if shape.bytes <= most else f'expected at most {most:,}'}."
            )
        data = np.empty(shape.bytes, np.uint8)
        at = 0
        while at < shape.bytes:
            gathering.check_clock()
            part = file.read(min(shape.bytes - at, 1 << 24))
            if not part:
                raise MediaError(f"{gathering.name} is cut short inside {info.filename}.")
            data[at : at + len(part)] = np.frombuffer(part, np.uint8)
            at += len(part)
    flat = data.view(shape.dtype)
    return flat.reshape(shape.shape, order="F" if shape.column_major else "C")


def read_shape(file: IO[bytes], name: str) -> Shape:
    """The header of an NPY file; the data come next. Raises MediaError for objects and for what is no array."""
    try:
        version = npy.read_magic(file)
        if version == (1, 0):
            header = npy.read_array_header_1_0(file)
        elif version == (2, 0):
            header = npy.read_array_header_2_0(file)
        else:
            raise MediaError(f"{name} is NPY version {version[0]}.{version[1]}; expected 1.0 or 2.0.")
    except HEADER_DAMAGE as error:
        raise MediaError(f"{name} is damaged: its NPY header cannot be read.") from error
    shape = Shape(*header)
    if shape.dtype.hasobject:
        raise MediaError(
            f"{name} holds Python objects, which are never unpickled since they may run a program; "
            "expected numbers. Save it as a plain array of N rows."
        )
    if any(length < 0 for length in shape.shape):
        raise MediaError(f"{name} is damaged: its NPY header has a negative length.")
    return shape


def as_rows(array: Column, name: str) -> Column:
    """(N, columns) out of any array whose last axis holds x, y and z, or (N,) with named columns. Raises MediaError."""
    if array.dtype.names is not None:
        return array.reshape(-1)
    if array.dtype.kind not in "biuf":
        raise MediaError(f"{name} holds {array.dtype}; expected numbers.")
    if array.ndim == 2 and array.shape[0] in (3, 6) and array.shape[1] not in (3, 6):
        return array.T  # x, y and z as rows
    if array.ndim < 2 or array.shape[-1] < 3:
        raise MediaError(f"{name} holds an array of shape {array.shape}; expected N rows of at least x, y and z.")
    return array.reshape(-1, array.shape[-1])


def add_rows(chunks: Iterator[Column], gathering: Gathering, extra: dict[str, Column] | None = None) -> tuple[str, ...]:
    """Hand the rows over and say what their columns are."""
    extra = extra or {}
    fields: tuple[str, ...] = ()
    columns = None
    at = 0
    for rows in chunks:
        names = rows.dtype.names
        if columns is None:
            with np.errstate(invalid="ignore"):
                columns = name_columns(names) if names else guess_columns(rows[:2000, :16].astype(np.float64))
            if columns is None:
                raise MediaError(f"{gathering.name} has columns {', '.join((names or ())[:12])}; expected x, y and z.")
            fields = names or ("x", "y", "z", *[f"column {place + 1}" for place in range(3, rows.shape[1])])
        picked = {
            role: np.stack([rows[names[place]] if names else rows[:, place] for place in triple], axis=1)
            for role, triple in (("xyz", columns.xyz), ("colours", columns.colours), ("normals", columns.normals))
            if triple is not None
        }
        if columns.instance is not None and names:
            picked["instance"] = rows[names[columns.instance]]
        picked |= {role: array[at : at + len(rows)] for role, array in extra.items()}
        at += len(rows)
        gathering.add(picked.pop("xyz"), **picked)
    return fields


def finished(kind: str, fields: tuple[str, ...], gathering: Gathering) -> PointCloud:
    """The cloud; colours that are whole numbers in floats become bytes."""
    cloud = gathering.cloud(kind, fields=fields)
    return dataclasses.replace(cloud, colours=settle_colours(cloud.colours))
