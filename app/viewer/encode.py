"""The bytes of a cloud as the viewer reads them: 10 a point, the first points a picture of the whole.

Does not know who may see them nor how they travel. ``js/format.js`` reads what this module writes:

    "LPC1" | u32 points | u32 flags | u32 blocks | f32 lowest[3] | f32 step[3] | u32 points of each block
    then for each block: u16 xyz[3n], zeros to a multiple of 4, u8 rgba[4n]

A coordinate is ``lowest + step * integer``: an axis of 8 m is told to 0.12 mm. The fourth colour byte is the number of
the point's object, 0 for none; over 255 the numbers start again. Flag 1: there are colours. Flag 2: there are objects.
Flag 4: object bytes are object numbers, none has started again.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lamm_core.errors import MediaError

__all__ = ["MOST_POINTS", "PREVIEW_POINTS", "EncodedCloud", "decode_positions", "encode_cloud", "preview_order"]

MOST_POINTS = 1_000_000
PREVIEW_POINTS = 50_000
_HEADER = struct.Struct("<4sIII3f3f")
_COLOURED, _NUMBERED, _EXACT = 1, 2, 4
_TRIED_POINTS = 100_000  # enough to see how many cells of a size are occupied
_BLOCKS = (PREVIEW_POINTS, 150_000, 300_000)  # and a last one with the rest


@dataclass(frozen=True, eq=False)
class EncodedCloud:
    """``content`` for the browser; ``order`` (count,) says which point of the cloud each sent point is."""

    content: bytes
    order: NDArray[np.intp]

    @property
    def count(self) -> int:
        """How many points are sent."""
        return len(self.order)


def encode_cloud(
    xyz: NDArray[np.float32],
    rgb: NDArray[np.uint8] | None,
    instance: NDArray[np.int32] | None = None,
    *,
    most: int = MOST_POINTS,
) -> EncodedCloud:
    """Order, thin to ``most`` and pack.

    ``xyz`` (N, 3) metres, ``rgb`` (N, 3), ``instance`` (N,) the number of each point's object, 0 for none. Points with
    coordinates that are not finite are left out. Raises MediaError when none is left.
    """
    finite = np.flatnonzero(np.isfinite(xyz).all(axis=1))
    if not len(finite):
        raise MediaError("The cloud has no point with finite coordinates, so nothing can be drawn. Open another file.")
    order = finite[preview_order(xyz[finite])][:most]
    points = xyz[order].astype(np.float64)
    lowest = points.min(axis=0).astype("<f4")
    step = ((points.max(axis=0) - lowest) / 65535).astype("<f4")
    step[step <= 0] = 1e-9
    whole = np.round((points - lowest) / step).clip(0, 65535).astype("<u2")
    rgba = np.zeros((len(order), 4), np.uint8)
    flags = 0
    if rgb is not None:
        rgba[:, :3], flags = rgb[order], flags | _COLOURED
    if instance is not None:
        numbers = instance[order].astype(np.int64)
        rgba[:, 3] = np.where(numbers > 0, (numbers - 1) % 255 + 1, 0)
        flags |= _NUMBERED | (_EXACT if numbers.max() <= 255 else 0)
    blocks = _block_sizes(len(order))
    parts = [_HEADER.pack(b"LPC1", len(order), flags, len(blocks), *lowest, *step), np.array(blocks, "<u4").tobytes()]
    start = 0
    for size in blocks:
        parts += [whole[start : start + size].tobytes(), b"\0" * (-6 * size % 4), rgba[start : start + size].tobytes()]
        start += size
    return EncodedCloud(b"".join(parts), order)


def decode_positions(content: bytes) -> NDArray[np.float32]:
    """The coordinates (count, 3) in metres that `encode_cloud` packed, in the order of sending."""
    _, count, _, blocks, *numbers = _HEADER.unpack_from(content)
    lowest, step = np.array(numbers[:3], np.float32), np.array(numbers[3:], np.float32)
    place = _HEADER.size + 4 * blocks
    whole = []
    for size in np.frombuffer(content, "<u4", blocks, _HEADER.size).tolist():
        whole.append(np.frombuffer(content, "<u2", 3 * size, place).reshape(-1, 3))
        place += 6 * size + -6 * size % 4 + 4 * size
    positions: NDArray[np.float32] = np.concatenate(whole).astype(np.float32) * step + lowest
    assert len(positions) == count
    return positions


def preview_order(xyz: NDArray[np.float32], preview: int = PREVIEW_POINTS, *, seed: int = 0) -> NDArray[np.intp]:
    """An order (N,) of finite points: first at most ``preview`` of them, spread evenly over space, then all others.

    The first are one of each occupied cell of a grid, and the others are shuffled, so that any beginning shows the
    whole. The same cloud gives the same order.
    """
    shuffled = np.random.default_rng(seed).permutation(len(xyz))
    if len(xyz) <= preview:
        return shuffled
    points = xyz[shuffled]
    low = points.min(axis=0)
    cells = _cells(points, low, _cell_side(points[:_TRIED_POINTS], low, preview))
    # np.unique gives the first of each cell; in the shuffled order that is any of them.
    _, first = np.unique(cells, return_index=True)
    early = np.sort(first)[:preview]
    late = np.ones(len(xyz), bool)
    late[early] = False
    return np.concatenate([shuffled[early], shuffled[late]])


def _cell_side(points: NDArray[np.float32], low: NDArray[np.float32], wanted: int) -> float:
    """The side for which about half as many cells as wanted are occupied by a part of the points, by bisection."""
    high = float((points.max(axis=0) - low).max()) or 1.0
    small, large = high / 2**20, high
    for _ in range(12):
        middle = (small * large) ** 0.5
        if len(np.unique(_cells(points, low, middle))) > wanted // 2:
            small = middle
        else:
            large = middle
    return large


def _cells(points: NDArray[np.float32], low: NDArray[np.float32], side: float) -> NDArray[np.int64]:
    place = ((points.astype(np.float64) - low) / side).astype(np.int64)
    cells: NDArray[np.int64] = (place[:, 0] << 42) + (place[:, 1] << 21) + place[:, 2]
    return cells


def _block_sizes(count: int) -> list[int]:
    sizes: list[int] = []
    for size in _BLOCKS:
        sizes.append(min(size, count - sum(sizes)))
    sizes.append(count - sum(sizes))
    return [size for size in sizes if size]
