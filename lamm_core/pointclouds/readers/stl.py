"""STL meshes, binary and as text, read block by block so that reading can be given up at any time.

Does not know the colours that some programs hide in the two spare bytes of a triangle.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from lamm_core.errors import MediaError
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.readers.gathering import Gathering
from lamm_core.pointclouds.readers.mesh import MAX_TRIANGLES, Mesh, check_mesh_size, gather_meshes

__all__ = ["is_stl_text", "read_stl"]

HEADER = 84  # 80 bytes of anything, then how many triangles there are
TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")])  # 50 bytes
BLOCK_TRIANGLES = 200_000
BLOCK_BYTES = 4_000_000
CORNER = re.compile(rb"\bvertex\s+(\S+[ \t]+\S+[ \t]+\S+)")


def is_stl_text(head: bytes) -> bool:
    """Whether a file that begins so is STL as text; binary STL begins with anything."""
    return head.lstrip()[:5].lower() == b"solid" and b"facet" in head.lower()


def read_stl(path: Path, gathering: Gathering) -> PointCloud:
    """Points on the triangles. Raises MediaError."""
    check_mesh_size(path, gathering.limits)
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEADER)
        count = int.from_bytes(head[80:84], "little") if len(head) == HEADER else 0
        whole = len(head) == HEADER and size == HEADER + count * TRIANGLE.itemsize
        if not whole and is_stl_text(head + file.read(1000)):
            file.seek(0)
            blocks = text_blocks(file, gathering)
        else:
            promised = HEADER + count * TRIANGLE.itemsize
            if len(head) < HEADER or promised > size:
                raise MediaError(
                    f"{path.name} is damaged or cut short: it promises {count:,} triangles, {promised:,} bytes, "
                    f"and has {size:,}."
                )
            file.seek(HEADER)
            blocks = binary_blocks(file, count, gathering)
        found = list(blocks)
    corners = np.concatenate(found) if found else np.empty((0, 3), np.float32)
    if not len(corners):
        raise MediaError(f"{path.name} holds no surface and no points; expected a mesh or a cloud.")
    triangles = np.arange(len(corners), dtype=np.int64).reshape(-1, 3)
    return gather_meshes([Mesh(corners, triangles)], gathering, "stl", fields=["x", "y", "z"])


def binary_blocks(file: IO[bytes], count: int, gathering: Gathering) -> Iterator[NDArray[np.float32]]:
    """Corners (n, 3), three for each triangle, some triangles at a time."""
    if count > MAX_TRIANGLES:
        raise MediaError(f"{gathering.name} has over {MAX_TRIANGLES:,} triangles. Simplify it, or save it as a cloud.")
    for first in range(0, count, BLOCK_TRIANGLES):
        gathering.check_clock()
        wanted = min(BLOCK_TRIANGLES, count - first)
        rows = np.frombuffer(file.read(wanted * TRIANGLE.itemsize), TRIANGLE)
        yield rows["corners"].reshape(-1, 3)


def text_blocks(file: IO[bytes], gathering: Gathering) -> Iterator[NDArray[np.float32]]:
    """Corners (n, 3) of the lines that begin with the word vertex; the rest of the text does not matter."""
    rest, total = b"", 0
    while True:
        gathering.check_clock()
        block = file.read(BLOCK_BYTES)
        text = rest + block
        end = text.replace(b"\r", b"\n").rfind(b"\n") + 1 if block else len(text)
        rest = text[end:]
        if len(rest) > BLOCK_BYTES:
            raise MediaError(f"{gathering.name} is damaged: a line of over {BLOCK_BYTES:,} bytes stands in it.")
        corners = parse_corners(CORNER.findall(text[:end].lower()), gathering.name)
        total += len(corners)
        if len(corners):
            yield corners
        if not block:
            break
    if total % 3:
        raise MediaError(f"{gathering.name} is damaged or cut short: its last triangle has not three corners.")


def parse_corners(found: list[bytes], name: str) -> NDArray[np.float32]:
    """(n, 3) out of texts of three numbers each. Raises MediaError where one is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # numpy's word for text that is no number
            numbers = np.fromstring(b" ".join(found), np.float32, sep=" ")
        return numbers.reshape(len(found), 3)
    except (ValueError, DeprecationWarning) as error:
        raise MediaError(f"{name} is damaged: a corner is no three numbers.") from error
