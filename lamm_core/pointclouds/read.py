"""Opening any file that claims to be a point cloud.

Does not know single formats (`readers`), nor what is right or wrong about the cloud in them (`doctor`).
"""

from __future__ import annotations

import codecs
import dataclasses
import struct
from pathlib import Path

from lamm_core.errors import MediaError
from lamm_core.file_head import file_head
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.readers import SUFFIXES, find_format
from lamm_core.pointclouds.readers.gathering import Gathering
from lamm_core.pointclouds.readers.limits import Limits

__all__ = ["SUFFIXES", "Limits", "read_cloud"]

EXPECTED = "expected a cloud or mesh: PLY, PCD, LAS, LAZ, E57, XYZ, TXT, CSV, PTS, NPY, NPZ, OFF, OBJ, GLB or STL"
HEAD_BYTES = 4096
# What reading damaged files raises; anything else is a bug of ours.
DAMAGE = (OSError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, MemoryError, struct.error)
SIGNATURES = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive (unpack it first)"),
    (b"7z\xbc\xaf", "a 7z archive (unpack it first)"),
    (b"Rar!", "a RAR archive (unpack it first)"),
    (b"\x1a\x45\xdf\xa3", "a video"),
    (b"Kaydara FBX", "an FBX scene (save it as GLB)"),
    (b"\x89HDF", "an HDF5 file (save its points as NPY)"),
    (b"\xff\xfe", "text in UTF-16 (save it as UTF-8)"),
    (b"\xfe\xff", "text in UTF-16 (save it as UTF-8)"),
)


def read_cloud(path: Path, *, limits: Limits | None = None) -> PointCloud:
    """The points of a file, in its own unit and axes; the same file and limits give the same points.

    The content decides what the file is, and its suffix only where the content does not tell. Surfaces become points
    spread evenly over them. Points without a position are left out, and clouds over ``limits.points`` thinned; both are
    said in ``notes``. Raises MediaError with the file's name, what was found and what was expected, and
    MissingDependencyError for a format whose package is an extra.
    """
    limits = limits or Limits()
    head = read_head(path, limits)
    form = find_format(head, path.suffix.lower())
    if form is None:
        raise MediaError(f"{path.name} is not {article(path.suffix)} but {describe(head)}; {EXPECTED}.")
    try:
        cloud = form.read(path, Gathering(path.name, limits))
    except DAMAGE as error:
        words = " ".join(str(error).split())[:120] or type(error).__name__
        raise MediaError(f"{path.name} is damaged or cut short ({words}); {EXPECTED}.") from error
    suffix = path.suffix.lower()
    if suffix in SUFFIXES and suffix not in form.suffixes and form.recognise is not None:
        note = f"The file is called {suffix} and is {form.name} inside; it was read as {form.name}."
        cloud = dataclasses.replace(cloud, notes=(note, *cloud.notes))
    return cloud


def read_head(path: Path, limits: Limits) -> bytes:
    """The first bytes of the file. Raises MediaError where there is no file, nothing in it, or too much."""
    head, size = file_head(path, HEAD_BYTES, expected=EXPECTED)
    if size > limits.bytes:
        raise MediaError(
            f"{path.name} has {size / 1e9:,.1f} GB; expected at most {limits.bytes / 1e9:g} GB. Thin it first."
        )
    return head


def article(suffix: str) -> str:
    """What a file called so should be, in words."""
    return (
        f"the {suffix.lstrip('.').upper()} file that its name says" if suffix.lower() in SUFFIXES else "a point cloud"
    )


def describe(head: bytes) -> str:
    """What a file that is no cloud seems to be, by its first bytes."""
    for signature, words in SIGNATURES:
        if head.startswith(signature):
            return words
    if head.startswith(b"RIFF"):
        return "a WebP picture" if head[8:12] == b"WEBP" else "sound or video"
    if head[4:8] == b"ftyp":
        return "a photo or video"
    if head.lstrip()[:1] == b"{" and b'"asset"' in head:
        return "glTF in several files (save it as one GLB)"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # incremental: the head may end inside a character
    except UnicodeDecodeError:
        return "something unknown"
    return "something unknown" if b"\0" in head else "text"
