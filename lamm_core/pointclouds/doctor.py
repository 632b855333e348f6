"""The doctor: what is odd about a cloud, in words and numbers, and what would set it right.

Does not know file formats, models or the page; nothing is changed but by ``apply``, and that leaves notes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lamm_core.pointclouds.axes import UNSURE, find_up, up_finding
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.colours import RANGES, bytes_of, colour_range
from lamm_core.pointclouds.density import density_finding, outlier_finding
from lamm_core.pointclouds.findings import Diagnosis, Finding
from lamm_core.pointclouds.fixes import DropColours, Fix, Recolour, apply
from lamm_core.pointclouds.ground import find_support_plane, support_finding
from lamm_core.pointclouds.survey import survey
from lamm_core.pointclouds.units import unit_finding

__all__ = ["Diagnosis", "Finding", "Fix", "apply", "examine", "rgb8"]

MAP_COORDINATES = 10_000.0  # units from zero; nobody scans that far from the scanner


def examine(cloud: PointCloud) -> Diagnosis:
    """Findings on unit, up axis, colours, outliers, density and support, of any cloud, in under half a second.

    At most 300,000 points are looked at, always the same ones.
    """
    measured = survey(cloud.xyz)
    mapped = max(abs(value) for value in cloud.origin) > MAP_COORDINATES
    up = find_up(measured, cloud.format, mapped=mapped)
    known = up if up is not None and up.confidence >= UNSURE else None
    support = find_support_plane(measured, known)
    return Diagnosis(
        (
            unit_finding(measured, known, format=cloud.format, mapped=mapped),
            up_finding(up),
            colour_finding(cloud.colours),
            outlier_finding(measured),
            density_finding(measured),
            support_finding(measured, known, support, cloud.origin),
        )
    )


def rgb8(cloud: PointCloud) -> NDArray[np.uint8] | None:
    """The colours (N, 3) as bytes, by the range they are found to have; None where there are none to speak of."""
    return bytes_of(cloud.colours)


def colour_finding(colours: NDArray[np.generic] | None) -> Finding:
    """In words; the fix makes bytes of them."""
    found = colour_range(colours)
    if colours is None or found == "none":
        return Finding("colours", "none", 1.0, "No point has a colour.")
    low, high = np.nanmin(colours.astype(np.float64)), np.nanmax(colours.astype(np.float64))
    evidence = f"The values are {colours.dtype} and go from {low:.4g} to {high:.4g}"
    if found == "black":
        fix = DropColours(label="Left out colours that are all black")
        return Finding("colours", found, 1.0, f"{evidence}: all is black.", fix)
    if found == "unknown":
        return Finding("colours", found, 0.5, f"{evidence}, which is no range in use; they are not shown.")
    limits = RANGES[found]
    if found == "0 or 1":
        evidence += ": shares of one were stored as whole numbers, so their shades are lost"
    elif found == "0-255" and colours.dtype != np.uint8:
        evidence += ": bytes in a wider type"
    fix_range = None
    if found != "0-255" or colours.dtype != np.uint8:
        fix_range = Recolour(*limits, label=f"Made colours bytes, from {limits[0]:g} to {limits[1]:g}")
    return Finding("colours", found, _sure(found, float(high)), f"{evidence}.", fix_range)


def _sure(found: str, high: float) -> float:
    """Less so where the values stop far short of their range: a dark picture and a narrower range look the same."""
    low, top = RANGES[found]
    return min(0.98, 0.6 + 0.4 * (high - low) / (top - low))
