"""The commands under ``lamm cloud``.

Does not know formats or checks: it prints what `read_cloud` and the doctor's `examine` say.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lamm_core.pointclouds.cloud import PointCloud
    from lamm_core.pointclouds.findings import Diagnosis

__all__ = ["cloud_app", "describe_cloud"]

cloud_app = typer.Typer(no_args_is_help=True, help="Look into point clouds and meshes.")


@cloud_app.callback()
def cloud() -> None:
    """Look into point clouds and meshes."""


@cloud_app.command("info")
def info(
    file: Annotated[Path, typer.Argument(help="PLY, PCD, LAS, LAZ, E57, XYZ, TXT, CSV, PTS, NPY, NPZ or a mesh.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
) -> None:
    """Say what is in a point cloud: format, points, fields, extent, and what is odd about it.

    - `lamm cloud info scan.ply`

    A file that cannot be used is refused in one line that says why, with exit code 1.
    """
    from lamm_core.pointclouds.doctor import examine
    from lamm_core.pointclouds.read import read_cloud

    cloud = read_cloud(file)
    diagnosis = examine(cloud)
    found = describe_cloud(cloud)
    out = Console()
    if as_json:
        found = {"file": file.name, **found, "findings": diagnosis.record()}
        out.print(json.dumps(found), markup=False, highlight=False, soft_wrap=True)
        return
    table = Table(box=None, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, words in rows_of(found, diagnosis):
        table.add_row(name, Text(words))  # words of the file are never markup
    out.print(Text(file.name, style="bold"))
    out.print(table)


def rows_of(found: dict[str, Any], diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    """What is shown of a cloud: a name and words for each row."""
    thinned = f" (of {found['total']:,})" if found["total"] > found["points"] else ""
    yield "format", found["format"]
    yield "points", f"{found['points']:,}{thinned}"
    yield "fields", ", ".join(found["fields"])
    for axis, low, high, extent in zip("xyz", found["minimum"], found["maximum"], found["extent"], strict=True):
        yield axis, f"{low:,.6g} to {high:,.6g}, {extent:,.6g} long in the file's unit"
    if found["objects"] is not None:
        yield "objects", f"{found['objects']:,}"
    for note in found["notes"]:
        yield "note", note
    for finding in diagnosis.findings:
        fix = f"\nfix: {finding.fix.label}" if finding.fix is not None else ""
        yield finding.name, f"{finding.guess} ({finding.confidence:.0%} sure). {finding.evidence}{fix}"


def describe_cloud(cloud: PointCloud) -> dict[str, Any]:
    """What is known of a cloud, as JSON takes it; minimum, maximum and extent in the file's unit and place."""
    import numpy as np

    low, high = cloud.xyz.min(axis=0).astype(float), cloud.xyz.max(axis=0).astype(float)
    return {
        "format": cloud.format,
        "points": len(cloud),
        "total": cloud.total,
        "fields": list(cloud.fields),
        "colours": None if cloud.colours is None else str(cloud.colours.dtype),
        "normals": cloud.normals is not None,
        "objects": None if cloud.instance is None else len(np.unique(cloud.instance[cloud.instance > 0])),
        "minimum": (low + cloud.origin).tolist(),
        "maximum": (high + cloud.origin).tolist(),
        "extent": (high - low).tolist(),
        "origin": list(cloud.origin),
        "notes": list(cloud.notes),
    }
