"""How close the points are, how evenly, and which are far from all others.

Does not know units.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lamm_core.pointclouds.findings import Finding
from lamm_core.pointclouds.fixes import DropStrays
from lamm_core.pointclouds.survey import CROWD, Survey

__all__ = ["density_finding", "outlier_finding"]

UNEVEN = 3.0  # times; a depth camera on a table gives 1.5 to 2, a laser in a room 2 to 40


def density_finding(measured: Survey) -> Finding:
    """In words; there is nothing to mend: sampling evens the points out."""
    grain = float(np.spacing(np.float32(np.abs(measured.points).max(initial=0.0))))
    limit = 0.2 * measured.spacing if measured.spacing else 0.01 * measured.reach
    coarse = f"; so far from zero 32 bits keep only steps of {grain:.2g}" if 0 < limit < grain else ""
    if measured.count < CROWD:
        return Finding("density", "too few", 1.0, f"The cloud has {measured.count:,} points that can be used.")
    if not len(measured.gaps):
        together = f"{measured.count:,} points are in so few places that each has eight others on it{coarse}."
        return Finding("density", "too few", 1.0, together)
    ratio = _spread_of(measured.eighths)
    evidence = (
        f"{measured.count:,} points, the nearest neighbour {measured.spacing:.3g} away in the middle; "
        f"the eighth is {ratio:.1f} times as far where they are sparse as where they are dense"
    )
    if measured.duplicates > 0.01:
        evidence += f"; {measured.duplicates:.0%} lie exactly on another"
    guess, far = ("uneven" if ratio > UNEVEN else "even"), abs(float(np.log(ratio / UNEVEN)))
    return Finding("density", guess, min(0.95, 0.5 + far / 2), f"{evidence}{coarse}.")


def _spread_of(eighths: NDArray[np.float64]) -> float:
    """How many times further the neighbours are in the sparsest tenth of the surface than in the densest, by area.

    By area, since the points of a sparse half are too few to show among all points.
    """
    ordered = np.sort(eighths)
    covered = np.cumsum(ordered**2)
    if not ordered[0] > 0 or not 0 < covered[-1] < np.inf:
        return np.inf
    close, wide = ordered[np.searchsorted(covered / covered[-1], [0.1, 0.9])]
    return float(wide / close)


def outlier_finding(measured: Survey) -> Finding:
    """In words; the fix leaves out what is on its own."""
    if measured.count < CROWD:
        return Finding("outliers", "none", 0.3, f"{measured.count:,} points are too few to say.")
    alone = f"groups of under {measured.fewest} points with nothing within {measured.cell:.3g}"
    if not measured.strays:
        return Finding("outliers", "none", 0.9, f"There are no {alone}.")
    share = f"{measured.strays:.2%}" if measured.strays >= 1e-4 else "Less than 0.01%"
    far = measured.stray_reach / max(measured.reach, 1e-12)
    evidence = (
        f"{share} of the points are in {alone}; "
        f"the furthest is {measured.stray_reach:.3g} outside the rest, {far:.2g} times its size."
    )
    fix = DropStrays(measured.cell, measured.fewest, label="Left out points on their own")
    return Finding("outliers", "many" if measured.strays > 0.01 else "few", 0.95 if far > 0.1 else 0.7, evidence, fix)
