"""Meshes as points on their surfaces, and the mesh formats that trimesh reads: GLB and STL.

Does not know PLY, OFF and OBJ, which bring their triangles here themselves. Never reads a file beside the one given.
"""

from __future__ import annotations

import io
import json
import logging
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamm_core.errors import MediaError
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.readers.gathering import CHUNK_POINTS, Gathering
from lamm_core.pointclouds.readers.limits import Limits
from lamm_core.pointclouds.readers.surface import face_normals, sample_count, sample_surface, surface_area

__all__ = ["Mesh", "check_mesh_size", "gather_meshes", "is_glb", "is_stl_text", "read_trimesh"]

# A texture is decoded at 4 bytes a pixel.
MAX_TEXTURE_PIXELS = 60_000_000
# 24 bytes each, and some more while they are measured.
MAX_TRIANGLES = 20_000_000
GREY = 128
COMPONENT_BYTES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
SHAPE_SIZES = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}


@dataclass(frozen=True)
class Mesh:
    """Corners (v, 3), triangles (f, 3), and what colours them: corner colours (v, 3), or a texture with its (v, 2) uv.

    ``texture`` is (height, width, 3) uint8; uv (0, 0) is its lower left. Without triangles the corners are the points.
    """

    vertices: NDArray[Any]
    triangles: NDArray[np.int64]
    colours: NDArray[Any] | None = None
    texture: NDArray[np.uint8] | None = None
    uv: NDArray[np.float64] | None = None


def gather_meshes(
    meshes: Sequence[Mesh], gathering: Gathering, kind: str, *, fields: Sequence[str], notes: Sequence[str] = ()
) -> PointCloud:
    """Points evenly over all the surfaces together; corners, where there is no surface. Raises MediaError."""
    notes = list(notes)
    if sum(len(mesh.triangles) for mesh in meshes) > MAX_TRIANGLES:
        raise MediaError(f"{gathering.name} has over {MAX_TRIANGLES:,} triangles. Simplify it, or save it as a cloud.")
    valid = [keep_valid(mesh) for mesh in meshes]
    if lost := sum(len(mesh.triangles) for mesh in meshes) - sum(len(mesh.triangles) for mesh in valid):
        notes.append(f"{lost:,} triangles name corners that are not there; they were left out.")
    areas = [surface_area(mesh.vertices, mesh.triangles) for mesh in valid]
    total = sum(float(area.sum()) for area in areas)
    coloured = any(mesh.colours is not None or mesh.texture is not None for mesh in valid)
    if not 0 < total < np.inf:
        for mesh in valid:
            add_corners(mesh, gathering, coloured)
        if any(len(mesh.triangles) for mesh in valid):
            notes.append("The faces have no area; the corners are read as points.")
        return gathering.cloud(kind, fields=fields, notes=notes)
    count = sample_count(sum(len(mesh.vertices) for mesh in valid), gathering.limits.points)
    for mesh, area in zip(valid, areas, strict=True):
        share = round(count * float(area.sum()) / total)
        if share:
            add_surface(mesh, area, share, gathering, coloured)
    faces = sum(len(mesh.triangles) for mesh in valid)
    notes.append(f"A mesh of {faces:,} triangles: {gathering.total:,} points were drawn evenly on its surface.")
    return gathering.cloud(kind, fields=fields, notes=notes)


def keep_valid(mesh: Mesh) -> Mesh:
    """The mesh without triangles whose corners are not there."""
    inside = ((mesh.triangles >= 0) & (mesh.triangles < len(mesh.vertices))).all(axis=1)
    return mesh if inside.all() else Mesh(mesh.vertices, mesh.triangles[inside], mesh.colours, mesh.texture, mesh.uv)


def add_corners(mesh: Mesh, gathering: Gathering, coloured: bool) -> None:
    """The corners as points."""
    for first in range(0, len(mesh.vertices), CHUNK_POINTS):
        chunk = slice(first, first + CHUNK_POINTS)
        colours = None if mesh.colours is None else mesh.colours[chunk]
        if coloured and colours is None:
            colours = np.full((len(mesh.vertices[chunk]), 3), GREY, np.uint8)
        gathering.add(mesh.vertices[chunk], colours=colours)


def add_surface(mesh: Mesh, areas: NDArray[np.float64], count: int, gathering: Gathering, coloured: bool) -> None:
    """``count`` points on the surface, with its normals and colours."""
    sampling = sample_surface(areas, count)
    points = sampling.of(mesh.vertices, mesh.triangles)
    normals = face_normals(mesh.vertices, mesh.triangles[sampling.faces])
    with np.errstate(invalid="ignore", divide="ignore"):
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    colours: NDArray[Any] | None = None
    if mesh.texture is not None and mesh.uv is not None:
        colours = look_up(mesh.texture, sampling.of(mesh.uv, mesh.triangles))
    elif mesh.colours is not None:
        mixed = sampling.of(mesh.colours, mesh.triangles)
        colours = (mixed if mesh.colours.dtype.kind == "f" else np.round(mixed)).astype(mesh.colours.dtype)
    elif coloured:
        colours = np.full((count, 3), GREY, np.uint8)
    gathering.add(points, colours=colours, normals=normals)


def look_up(texture: NDArray[np.uint8], uv: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(n, 3) colours of a repeating texture at uv (n, 2)."""
    height, width = texture.shape[:2]
    fractions = np.nan_to_num(uv) % 1.0
    columns = np.minimum((fractions[:, 0] * width).astype(np.intp), width - 1)
    rows = np.minimum(((1.0 - fractions[:, 1]) * height).astype(np.intp), height - 1)
    return texture[rows, columns]


def is_glb(head: bytes) -> bool:
    """Whether a file that begins so is binary glTF."""
    return head.startswith(b"glTF")


def is_stl_text(head: bytes) -> bool:
    """Whether a file that begins so is STL as text; binary STL begins with anything."""
    return head.lstrip()[:5].lower() == b"solid" and b"facet" in head


def read_trimesh(path: Path, gathering: Gathering, kind: str) -> PointCloud:
    """A GLB or STL file by trimesh. Raises MediaError."""
    check_mesh_size(path, gathering.limits)
    data = path.read_bytes()
    if kind == "glb":
        check_glb(data, path.name, gathering.limits.bytes)
    import trimesh

    logging.getLogger("trimesh").addHandler(logging.NullHandler())  # what it would print comes as our error
    try:
        # Given as bytes and without a resolver, so that no other file is opened.
        scene = trimesh.load_scene(io.BytesIO(data), file_type=kind, process=False)
        parts = scene.dump()
        meshes = [mesh_of(part) for part in parts if hasattr(part, "vertices") and len(part.vertices)]
    except Exception as error:  # whatever trimesh's parsers meet in a damaged file
        raise MediaError(f"{path.name} is damaged, or no {kind.upper()} file at all ({reason(error)}).") from error
    if not meshes:
        raise MediaError(f"{path.name} holds no surface and no points; expected a mesh or a cloud.")
    gathering.check_clock()
    notes = ["A GLB file is in metres, with y up, by definition."] if kind == "glb" else []
    textured = any(mesh.texture is not None for mesh in meshes)
    fields = ["x", "y", "z"]
    fields += ["red", "green", "blue"] if textured or any(mesh.colours is not None for mesh in meshes) else []
    return gather_meshes(meshes, gathering, kind, fields=fields, notes=notes)


def mesh_of(part: Any) -> Mesh:
    """A trimesh geometry with its colours, whichever way it has them."""
    vertices = np.asarray(part.vertices)
    triangles = np.asarray(getattr(part, "faces", np.empty((0, 3))), np.int64).reshape(-1, 3)
    if not len(triangles):  # a cloud, or lines, of which the corners are the points
        own = getattr(part, "colors", None)
        colours = None if own is None or len(own) != len(vertices) else np.asarray(own)[:, :3]
        return Mesh(vertices, triangles, colours)
    visual = part.visual
    if visual.kind == "vertex":
        return Mesh(vertices, triangles, np.asarray(visual.vertex_colors)[:, :3])
    if visual.kind == "face":
        corners = triangles.reshape(-1)
        colours = np.repeat(np.asarray(visual.face_colors)[:, :3], 3, axis=0)
        return Mesh(vertices[corners], np.arange(len(corners), dtype=np.int64).reshape(-1, 3), colours)
    if visual.kind != "texture":
        return Mesh(vertices, triangles)
    own = visual.vertex_attributes.get("color") if visual.vertex_attributes else None
    if own is not None and len(own) == len(vertices):
        return Mesh(vertices, triangles, np.asarray(own)[:, :3])
    image = getattr(visual.material, "baseColorTexture", None) or getattr(visual.material, "image", None)
    if image is None or visual.uv is None or len(visual.uv) != len(vertices):
        colour = np.asarray(visual.material.main_color, np.uint8)[:3]
        return Mesh(vertices, triangles, np.broadcast_to(colour, (len(vertices), 3)))
    if image.width * image.height > MAX_TEXTURE_PIXELS:
        raise MediaError(f"a texture of {image.width:,} x {image.height:,} pixels is too large")
    return Mesh(vertices, triangles, texture=np.asarray(image.convert("RGB")), uv=np.asarray(visual.uv, np.float64))


def check_mesh_size(path: Path, limits: Limits) -> None:
    """Raise MediaError for a file too large to be held whole, as meshes are."""
    size = path.stat().st_size
    if size > limits.mesh_bytes:
        raise MediaError(
            f"{path.name} is a mesh of {size / 1e6:,.1f} MB; expected at most {limits.mesh_bytes / 1e6:,.0f} MB. "
            "Simplify it, or save its corners alone as a cloud."
        )


def check_glb(data: bytes, name: str, most: int) -> None:
    """Raise MediaError where a GLB's own table promises more numbers than memory should hold, or is unreadable."""
    try:
        length = struct.unpack_from("<I", data, 12)[0]
        table = json.loads(data[20 : 20 + length])
        extensions = [str(extension) for extension in table.get("extensionsRequired", ())]
        promised = sum(
            abs(int(part["count"])) * COMPONENT_BYTES[part["componentType"]] * SHAPE_SIZES[part["type"]]
            for part in table.get("accessors", ())
        )
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise MediaError(f"{name} is damaged: the table of contents of this GLB file cannot be read.") from error
    packed = [extension for extension in extensions if "draco" in extension or "meshopt" in extension]
    if packed:
        raise MediaError(f"{name} is compressed with {packed[0]}; save it as a GLB without mesh compression.")
    if promised > most:
        raise MediaError(f"{name} promises {promised:,} bytes of numbers; expected at most {most:,}.")


def reason(error: BaseException) -> str:
    """One short line out of another library's error."""
    words = " ".join(str(error).split())
    return (words[:120] or type(error).__name__).rstrip(".")
