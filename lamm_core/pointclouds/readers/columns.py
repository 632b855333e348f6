"""Which column of a table is what: by its name where it has one, by its values where not.

Does not know file formats.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Columns", "guess_columns", "name_columns", "settle_colours"]

Triple = tuple[int, int, int]

POSITIONS = (
    ("x", "y", "z"),
    ("easting", "northing", "height"),
    ("easting", "northing", "elevation"),
    ("east", "north", "up"),
    ("px", "py", "pz"),
    ("pos_x", "pos_y", "pos_z"),
    ("x_coord", "y_coord", "z_coord"),
)
COLOURS = (
    ("red", "green", "blue"),
    ("r", "g", "b"),
    ("diffuse_red", "diffuse_green", "diffuse_blue"),
    ("rf", "gf", "bf"),  # CloudCompare's colours as fractions
)
NORMALS = (("nx", "ny", "nz"), ("normal_x", "normal_y", "normal_z"), ("normalx", "normaly", "normalz"))
INSTANCES = ("instance", "instance_id", "instanceid", "object", "object_id", "objectid")

# A normal is one unit long; six digits in text and 8-bit normals stay within this.
UNIT = 0.02
# Share of the rows that must agree before a guess is one.
AGREE = 0.95


@dataclass(frozen=True)
class Columns:
    """Column numbers; None for what the table lacks."""

    xyz: Triple
    colours: Triple | None = None
    normals: Triple | None = None
    instance: int | None = None

    @property
    def used(self) -> tuple[int, ...]:
        """Every column needed, in the order that `place` expects."""
        triples = [triple for triple in (self.xyz, self.colours, self.normals) if triple is not None]
        return tuple(place for triple in triples for place in triple) + (
            () if self.instance is None else (self.instance,)
        )

    def place(self, rows: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
        """The arguments of `Gathering.add` out of rows (n, len(used)) that hold the columns ``used``."""
        taken = {"xyz": rows[:, :3]}
        start = 3
        if self.colours is not None:
            taken["colours"] = rows[:, start : start + 3].astype(np.float32)
            start += 3
        if self.normals is not None:
            taken["normals"] = rows[:, start : start + 3]
            start += 3
        if self.instance is not None:
            taken["instance"] = rows[:, start]
        return taken


def name_columns(names: Sequence[str]) -> Columns | None:
    """The columns by their names, in any case and with units in brackets; None where there is no x, y and z."""
    plain = [re.sub(r"[\[(].*", "", name).strip(" \t\"'#/").lower() for name in names]
    xyz = triple_of(plain, POSITIONS)
    if xyz is None:
        return None
    instance = next((plain.index(name) for name in INSTANCES if name in plain), None)
    return Columns(xyz, triple_of(plain, COLOURS), triple_of(plain, NORMALS), instance)


def triple_of(names: Sequence[str], spellings: Sequence[tuple[str, str, str]]) -> Triple | None:
    """Where the first spelling stands whose three names are all there."""
    for first, second, third in spellings:
        if first in names and second in names and third in names:
            return names.index(first), names.index(second), names.index(third)
    return None


def guess_columns(rows: NDArray[np.float64], *, colours_last: bool = False) -> Columns:
    """The columns of a table without names, from some of its rows (n, columns >= 3).

    The first three are the position. Unit vectors are normals; whole numbers up to 255 or 65535, or fractions, are
    colours. ``colours_last``: with seven columns the fourth is an intensity, as in PTS files.
    """
    count = rows.shape[1]
    colours: Triple | None = None
    normals: Triple | None = None
    start = 4 if colours_last and count == 7 else 3
    while start + 3 <= count:
        triple = (start, start + 1, start + 2)
        values = rows[:, start : start + 3]
        if normals is None and are_normals(values):
            normals = triple
        elif colours is None and are_colours(values):
            colours = triple
        else:
            start += 1
            continue
        start += 3
    return Columns((0, 1, 2), colours, normals)


def are_normals(values: NDArray[np.float64]) -> bool:
    """Whether nearly all rows are one unit long; zero vectors, which some programs write, do not count."""
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.linalg.norm(values, axis=1)
    lengths = lengths[np.isfinite(lengths) & (lengths > 0)]
    # Pure red, green or blue is one unit long as well: normals have a negative side somewhere or are no corner colours.
    corners = bool(((values == 0) | (values == 1)).all())
    return len(lengths) > 0 and not corners and float((np.abs(lengths - 1) < UNIT).mean()) >= AGREE


def are_colours(values: NDArray[np.float64]) -> bool:
    """Whether the values are whole and fit 16 bits, or lie in [0, 1]."""
    finite = values[np.isfinite(values).all(axis=1)]
    if not len(finite) or finite.min() < 0:
        return False
    return bool(finite.max() <= 1) or bool(finite.max() <= 65535 and (finite == np.round(finite)).all())


def settle_colours(colours: NDArray[Any] | None) -> NDArray[Any] | None:
    """Colours that came without a type, as uint8 or uint16 where all are whole and go beyond 1, else as they are."""
    if colours is None or colours.dtype.kind != "f" or not len(colours):
        return colours
    low, high = float(colours.min()), float(colours.max())
    if low < 0 or not 1 < high <= 65535 or not (colours == np.round(colours)).all():
        return colours
    return colours.astype(np.uint8 if high <= 255 else np.uint16)
