"""E57 by pye57, which is an extra: all scans of the file in one frame, streamed.

Does not know the XML inside. Pictures in the file are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamm_core.errors import MediaError, MissingDependencyError
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.readers.gathering import CHUNK_POINTS, Gathering

__all__ = ["is_e57", "read_e57"]

CARTESIAN = ("cartesianX", "cartesianY", "cartesianZ")
SPHERICAL = ("sphericalRange", "sphericalAzimuth", "sphericalElevation")
COLOURS = ("colorRed", "colorGreen", "colorBlue")
INVALID = ("cartesianInvalidState", "sphericalInvalidState")


def is_e57(head: bytes) -> bool:
    """Whether a file that begins so is E57."""
    return head.startswith(b"ASTM-E57")


def read_e57(path: Path, gathering: Gathering) -> PointCloud:
    """The points of every scan, moved by its pose. Raises MissingDependencyError and MediaError."""
    try:
        import pye57
    except ImportError as error:
        raise MissingDependencyError(
            f"{path.name} is an E57 file, which needs one more package: pip install 'lamm-studio[e57]'"
        ) from error
    try:
        with pye57.E57(str(path)) as file:
            headers = [file.get_header(number) for number in range(file.scan_count)]
            coloured = bool(headers) and all(set(COLOURS) <= set(header.point_fields) for header in headers)
            for header in headers:
                for xyz, colours in chunks(file, header, coloured=coloured):
                    gathering.add(xyz, colours=colours)
            fields = tuple(headers[0].point_fields) if headers else ()
    except MediaError:
        raise
    except Exception as error:  # whatever the library meets in a damaged file
        words = " ".join(str(error).split())[:120] or type(error).__name__
        raise MediaError(
            f"{path.name} is cut short or damaged ({words.rstrip('.')}); expected a whole E57 file."
        ) from error
    notes = [f"{len(headers)} scans were put together by their poses."] if len(headers) > 1 else []
    return gathering.cloud("e57", fields=fields, notes=notes)


def chunks(file: Any, header: Any, *, coloured: bool) -> Iterator[tuple[NDArray[np.float64], NDArray[np.uint8] | None]]:
    """Positions in the file's frame and colours of one scan; points marked invalid are left out by the scanner."""
    present = set(header.point_fields)
    places = CARTESIAN if set(CARTESIAN) <= present else SPHERICAL
    if not set(places) <= present:
        raise MediaError(f"a scan has only {', '.join(sorted(present)[:12])}; expected x, y and z")
    flag = next((name for name in INVALID if name in present), None)
    wanted = [*places, *(COLOURS if coloured else ()), *([flag] if flag else [])]
    data, buffers = file.make_buffers(wanted, min(CHUNK_POINTS, max(1, header.point_count)))
    turn, shift = header.rotation_matrix, header.translation
    moved = header.has_pose()
    reader = header.points.reader(buffers)
    while count := reader.read():
        xyz = np.stack([data[name][:count] for name in places], axis=1)
        if places == SPHERICAL:
            xyz = from_spherical(xyz)
        if moved:
            xyz = xyz @ turn.T + shift
        good = slice(None) if flag is None else data[flag][:count] == 0
        colours = np.stack([data[name][:count] for name in COLOURS], axis=1)[good] if coloured else None
        yield xyz[good], colours
    reader.close()


def from_spherical(polar: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) x, y, z out of range, azimuth and elevation in radians, as E57 defines them."""
    distance, azimuth, elevation = polar.T
    level = distance * np.cos(elevation)
    return np.stack([level * np.cos(azimuth), level * np.sin(azimuth), distance * np.sin(elevation)], axis=1)
