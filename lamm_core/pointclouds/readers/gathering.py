"""The points of a file as they stream in: what is not a number is dropped, what is too much is thinned evenly.

Does not know file formats. Memory stays within about twice the points kept, however many come.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamm_core.errors import MediaError
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.readers.limits import Limits

__all__ = ["CHUNK_POINTS", "Gathering"]

# Rows that a reader hands over at once: small against what is kept, large against the cost of a call.
CHUNK_POINTS = 500_000
# Beyond this a float32 step is over a millimetre of a metre: coordinates are kept relative to an origin.
FAR = 10_000.0
# Squared distances between coordinates within this still fit a float32.
ABSURD = 1e18
# Names of columns that are kept, and their letters.
MOST_FIELDS = 200
MOST_NAME = 60
# Points whose middle decides the origin.
ORIGIN_SAMPLE = 10_000

Column = NDArray[Any]


class Gathering:
    """Takes chunks of points and gives one PointCloud.

    Thinning is a sample without replacement: every point draws a key, the smallest ``limits.points`` keys stay. Same
    file and limits, same points; their order is the file's.
    """

    def __init__(self, name: str, limits: Limits) -> None:
        self.name = name
        self.limits = limits
        self.total = 0
        self.invalid = 0
        self._ends = time.monotonic() + limits.seconds
        self._draw = np.random.default_rng(0)
        self._threshold = np.inf
        self._origin: NDArray[np.float64] | None = None
        self._kept: dict[str, list[Column]] = {}
        self._count = 0

    def check_clock(self) -> None:
        """Raise MediaError once the time is over; readers call it wherever they loop."""
        if time.monotonic() > self._ends:
            raise MediaError(
                f"{self.name} took longer than {self.limits.seconds:g} seconds to read. "
                "Thin it, or save it in a binary format such as PLY or LAZ."
            )

    def add(
        self,
        xyz: Column,
        *,
        colours: Column | None = None,
        normals: Column | None = None,
        instance: Column | None = None,
    ) -> None:
        """Take (n, 3) positions in the file's unit and what belongs to them; every call brings the same columns.

        Raises MediaError when the time is over.
        """
        self.check_clock()
        with np.errstate(invalid="ignore", over="ignore"):
            places = np.asarray(xyz, np.float64)
            valid = (np.abs(places) < ABSURD).all(axis=1)
        index = np.flatnonzero(valid)
        self.invalid += len(places) - len(index)
        self.total += len(index)
        if not len(index):
            return
        if self._origin is None:
            self._origin = far_origin(places[index])
        keys = self._draw.random(len(index))
        if self._threshold < np.inf:
            near = keys < self._threshold
            index, keys = index[near], keys[near]
        columns: dict[str, Column] = {"key": keys, "xyz": (places[index] - self._origin).astype(np.float32)}
        if colours is not None:
            # A colour that is no number is black: the point itself is good.
            kept = colours[index]
            columns["colours"] = np.nan_to_num(kept) if kept.dtype.kind == "f" else kept
        if normals is not None:
            with np.errstate(invalid="ignore", over="ignore"):
                columns["normals"] = np.nan_to_num(normals[index].astype(np.float32))
        if instance is not None:
            columns["instance"] = whole(instance[index])
        for name, column in columns.items():
            self._kept.setdefault(name, []).append(column)
        self._count += len(index)
        if self._count > self.limits.points + max(CHUNK_POINTS, self.limits.points // 2):
            self._thin()

    def cloud(self, kind: str, *, fields: Sequence[str] = (), notes: Sequence[str] = ()) -> PointCloud:
        """What came in, as one cloud of format ``kind``. Raises MediaError where not one point is valid."""
        if not self.total:
            found = f"{self.invalid:,} points, none of which has a position" if self.invalid else "no points"
            raise MediaError(f"{self.name} holds {found}; expected at least one point with finite x, y and z.")
        if self._count > self.limits.points:
            self._thin()
        columns = {name: np.concatenate(parts) for name, parts in self._kept.items()}
        self._kept.clear()
        origin = np.zeros(3) if self._origin is None else self._origin
        return PointCloud(
            xyz=np.ascontiguousarray(columns["xyz"], np.float32),
            format=kind,
            colours=columns.get("colours"),
            normals=columns.get("normals"),
            instance=columns.get("instance"),
            origin=(float(origin[0]), float(origin[1]), float(origin[2])),
            fields=tuple(readable(field) for field in fields[:MOST_FIELDS]),
            total=self.total,
            notes=(*notes, *self._notes(len(columns["xyz"]), origin)),
        )

    def _notes(self, kept: int, origin: NDArray[np.float64]) -> list[str]:
        notes = []
        if self.invalid:
            words = "1 point without a position was" if self.invalid == 1 else (
                f"{self.invalid:,} points without a position were")  # fmt: skip
            notes.append(f"{words} left out (not a number, or infinitely far).")
        if kept < self.total:
            notes.append(f"{self.total:,} points were thinned to {kept:,}, drawn evenly over the file.")
        if origin.any():
            x, y, z = origin
            notes.append(
                f"The coordinates lie far from zero; they are kept relative to ({x:,.0f}, {y:,.0f}, {z:,.0f})."
            )
        return notes

    def _thin(self) -> None:
        """Keep the points with the smallest keys; later points with larger keys need not come in at all."""
        keys = np.concatenate(self._kept["key"])
        place = self.limits.points - 1
        self._threshold = float(np.partition(keys, place)[place])
        stay = keys <= self._threshold
        for name, parts in self._kept.items():
            self._kept[name] = [np.concatenate(parts)[stay]]
        self._count = int(stay.sum())


def readable(name: str) -> str:
    """A field's name out of a file, without what a terminal would take as a command."""
    return "".join(sign if sign.isprintable() else "?" for sign in name[:MOST_NAME])


def far_origin(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) whole numbers to count from on the axes that lie far from zero, 0 on the others."""
    middle = np.median(places[:: max(1, len(places) // ORIGIN_SAMPLE)], axis=0)
    return np.where(np.abs(middle) > FAR, np.round(middle), 0.0)


def whole(values: Column) -> NDArray[np.int32]:
    """Object numbers as int32; what is no number or does not fit is background."""
    with np.errstate(invalid="ignore"):
        numbers = np.nan_to_num(values.astype(np.float64))
    return np.where(np.abs(numbers) < 2**31, numbers, 0).astype(np.int32)
