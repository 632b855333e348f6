"""LAS, LAZ and COPC by laspy and lazrs, chunk by chunk.

Does not know how thinning works (`gathering`). What a header promises is checked here before the libraries believe it.
"""

from __future__ import annotations

import dataclasses
import logging
import struct
from pathlib import Path
from typing import Any

import numpy as np

from lamm_core.errors import MediaError
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.readers.gathering import CHUNK_POINTS, Gathering
from lamm_core.pointclouds.readers.las_chunks import check_chunks

__all__ = ["is_las", "read_las"]

# Of the public header block of LAS 1.0 to 1.4 (ASPRS): its size, where the points begin, how many records before them.
SIZES = struct.Struct("<HII")
SIZES_AT = 94
VLR_BYTES = 54
# Of LAS 1.4: where the extended records begin, and how many.
EXTENDED = struct.Struct("<QI")
EXTENDED_AT = 235
EXTENDED_BYTES = 60
# A chunk of points in memory; records may be up to 65,535 bytes long.
CHUNK_BYTES = 64_000_000
# LASzip writes chunks of 50,000 points; whole chunks are held when several are unpacked side by side.
MOST_PARALLEL_CHUNK = 2_000_000


def is_las(head: bytes) -> bool:
    """Whether a file that begins so is LAS or LAZ."""
    return head.startswith(b"LASF")


def read_las(path: Path, gathering: Gathering) -> PointCloud:
    """The points with their colours, in the coordinates of the file's projection. Raises MediaError."""
    check_header(path)
    try:
        return read_checked(path, gathering)
    except MediaError:
        raise
    except Exception as error:  # whatever the two libraries meet in a damaged file
        raise damaged(path, error) from error
    except BaseException as error:
        # lazrs raises some damage as a Rust panic, which Python does not count among the exceptions.
        if type(error).__name__ != "PanicException":
            raise
        raise damaged(path, error) from error


def damaged(path: Path, error: BaseException) -> MediaError:
    """The error for a file on which the libraries gave up."""
    words = " ".join(str(error).split())[:120] or type(error).__name__
    return MediaError(f"{path.name} is cut short or damaged ({words.rstrip('.')}); expected a whole LAS or LAZ file.")


def check_header(path: Path) -> None:
    """Raise MediaError where the header promises more records than the file can hold."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(375)
    if len(head) < 227:
        raise MediaError(f"{path.name} is cut short inside its LAS header.")
    header_bytes, points_at, records = SIZES.unpack_from(head, SIZES_AT)
    if not header_bytes <= points_at <= size or records * VLR_BYTES > points_at:
        raise MediaError(f"{path.name} is cut short or damaged: its LAS header points beyond the end of the file.")
    if head[25] >= 4 and len(head) >= EXTENDED_AT + EXTENDED.size:
        start, count = EXTENDED.unpack_from(head, EXTENDED_AT)
        if count and (start > size or count * EXTENDED_BYTES > size - start):
            raise MediaError(f"{path.name} is cut short: its extended records lie beyond the end of the file.")


def read_checked(path: Path, gathering: Gathering) -> PointCloud:
    """The points of a file whose header is plausible; the libraries may still raise anything."""
    import laspy

    logging.getLogger("laspy").addHandler(logging.NullHandler())  # what it would print comes as our error
    with laspy.open(path, laz_backend=laspy.LazBackend.Lazrs) as probe:
        header = probe.header
        backend = check_points(path, header)
    names = tuple(header.point_format.dimension_names)
    coloured = "red" in names
    scales, offsets = np.asarray(header.scales, np.float64), np.asarray(header.offsets, np.float64)
    chunk_points = max(1, min(CHUNK_POINTS, CHUNK_BYTES // header.point_format.size))
    bright = False
    with laspy.open(path, laz_backend=backend, read_evlrs=False) as reader:
        for chunk in reader.chunk_iterator(chunk_points):
            with np.errstate(invalid="ignore", over="ignore"):
                xyz = np.stack([chunk.X, chunk.Y, chunk.Z], axis=1) * scales + offsets
            colours = np.stack([chunk["red"], chunk["green"], chunk["blue"]], axis=1) if coloured else None
            bright = bright or (colours is not None and bool(colours.any()))
            gathering.add(xyz, colours=colours)
    notes = ["The colours of this file are all black; it is read as one without colours."] if coloured > bright else []
    cloud = gathering.cloud(kind_of(header), fields=names, notes=notes)
    return cloud if bright else dataclasses.replace(cloud, colours=None)


def check_points(path: Path, header: Any) -> Any:
    """Which of laspy's backends shall unpack the points. Raises MediaError where they cannot all be there."""
    import laspy

    there = path.stat().st_size - header.offset_to_point_data
    count, size = header.point_count, header.point_format.size
    if not header.are_points_compressed:
        if count * size > there:
            raise MediaError(
                f"{path.name} is cut short: its header promises {count:,} points of {size} bytes, "
                f"and {there:,} bytes are there."
            )
        return laspy.LazBackend.Lazrs
    record = header.vlrs.get("LasZipVlr")[0].record_data
    packing = check_chunks(path, record, points_at=header.offset_to_point_data, points=count)
    if packing.item_size() != size:
        packed = packing.item_size()
        raise MediaError(f"{path.name} is damaged: its points are {size} bytes long and packed as {packed}.")
    small = packing.uses_variable_size_chunks() or packing.chunk_size() <= MOST_PARALLEL_CHUNK
    return laspy.LazBackend.LazrsParallel if small else laspy.LazBackend.Lazrs


def kind_of(header: Any) -> str:
    """ "copc", "laz" or "las"."""
    if any(record.user_id == "copc" for record in header.vlrs):
        return "copc"
    return "laz" if header.are_points_compressed else "las"
