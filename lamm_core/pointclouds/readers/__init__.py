"""The point-cloud formats, each with how it is recognised and read; the explicit list that `read_cloud` goes through.

Does not open files: the first bytes come in, a reader comes out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.readers.arrays import is_npy, is_zip, read_npy, read_npz
from lamm_core.pointclouds.readers.e57 import is_e57, read_e57
from lamm_core.pointclouds.readers.gathering import Gathering
from lamm_core.pointclouds.readers.glb import is_glb, read_glb
from lamm_core.pointclouds.readers.las import is_las, read_las
from lamm_core.pointclouds.readers.obj import read_obj
from lamm_core.pointclouds.readers.off import is_off, read_off
from lamm_core.pointclouds.readers.pcd import is_pcd, read_pcd
from lamm_core.pointclouds.readers.ply import is_ply, read_ply
from lamm_core.pointclouds.readers.stl import is_stl_text, read_stl
from lamm_core.pointclouds.readers.text import is_text, read_text

__all__ = ["FORMATS", "SUFFIXES", "Format", "find_format"]


@dataclass(frozen=True)
class Format:
    """A family of files. ``recognise`` looks at the first bytes; without it only the suffix tells."""

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Path, Gathering], PointCloud]
    recognise: Callable[[bytes], bool] | None = None


FORMATS: tuple[Format, ...] = (
    Format("PLY", (".ply",), read_ply, is_ply),
    Format("PCD", (".pcd",), read_pcd, is_pcd),
    Format("LAS", (".las", ".laz"), read_las, is_las),
    Format("NPY", (".npy",), read_npy, is_npy),
    Format("NPZ", (".npz",), read_npz, is_zip),
    Format("GLB", (".glb",), read_glb, is_glb),
    Format("E57", (".e57",), read_e57, is_e57),
    Format("OFF", (".off",), read_off, is_off),
    Format("STL", (".stl",), read_stl, is_stl_text),
    Format("OBJ", (".obj",), read_obj),
)
TEXT = Format("text", (".xyz", ".txt", ".csv", ".pts", ".asc", ".xyzrgb", ".xyzn", ".tsv"), read_text)
SUFFIXES: tuple[str, ...] = tuple(suffix for form in (*FORMATS, TEXT) for suffix in form.suffixes)


def find_format(head: bytes, suffix: str) -> Format | None:
    """The format of a file that begins with ``head``; its suffix decides only where the content does not.

    None where it is none of ours: in particular where the suffix names a format that the content should show.
    """
    for form in FORMATS:
        if form.recognise is not None and form.recognise(head):
            return form
    if suffix == ".obj" and is_text(head):
        return FORMATS[-1]
    if suffix == ".stl":
        return next(form for form in FORMATS if form.name == "STL")
    named = any(suffix in form.suffixes for form in FORMATS)
    return TEXT if not named and is_text(head) else None
