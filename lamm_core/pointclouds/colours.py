"""The range that a cloud's colours were written in, and the same colours as bytes.

Does not know what the colours are of.

Files say 0 to 1 or 0 to 255 or 0 to 65,535 and mean the same; nothing in most formats tells which, and reading one as
another makes a cloud black or white without a word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["RANGES", "bytes_of", "colour_range", "stretch"]

RANGES = {"0-1": (0.0, 1.0), "-1-1": (-1.0, 1.0), "0-255": (0.0, 255.0), "16-bit": (0.0, 65535.0), "0 or 1": (0.0, 1.0)}


def colour_range(colours: NDArray[np.generic] | None) -> str:
    """One of RANGES, ``none`` or ``black``, of colours (N, 3) of any type; what is not finite counts for nothing.

    "0 or 1" are whole numbers stored where shares of one were meant: the shades are lost.
    """
    if colours is None or not colours.size:
        return "none"
    values = colours.astype(np.float64, copy=False) if colours.dtype.kind not in "fiu" else colours
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
        if not values.size:
            return "none"
    low, high = float(values.min()), float(values.max())
    if low == high == 0:
        return "black"
    whole = values.dtype.kind in "iu" or not np.any(values % 1)
    if low < 0:
        return "-1-1" if low >= -1.001 and high <= 1.001 and not whole else "unknown"
    if high <= 1:
        return "0 or 1" if whole else "0-1"
    if high <= 1.01 and not whole:  # a rounding or a filter went over
        return "0-1"
    if high <= 255.5:
        return "0-255"
    return "16-bit" if high <= 65535.5 else "unknown"


def stretch(colours: NDArray[np.generic], *, low: float, high: float) -> NDArray[np.uint8]:
    """Bytes (N, 3): ``low`` becomes 0, ``high`` 255, what lies outside the nearer of the two, what is no number 0."""
    if colours.dtype == np.uint8 and (low, high) == (0.0, 255.0):
        return colours.astype(np.uint8)
    shares = (colours.astype(np.float32) - np.float32(low)) / np.float32(high - low)
    return np.rint(np.clip(np.nan_to_num(shares, nan=0.0), 0, 1) * 255).astype(np.uint8)


def bytes_of(colours: NDArray[np.generic] | None) -> NDArray[np.uint8] | None:
    """The colours (N, 3) as bytes by the range they are found to have; None where they are none, black or odd."""
    limits = RANGES.get(colour_range(colours))
    if colours is None or limits is None:
        return None
    return stretch(colours, low=limits[0], high=limits[1])
