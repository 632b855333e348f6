"""GLB (binary glTF) by trimesh, after a look at its table of contents.

Does not decode compressed meshes, nor read a file beside the one given. trimesh cannot be stopped midway, so what would
take long or much memory is refused before it begins.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import io
import json
import logging
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lamm_core.errors import MediaError
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.readers.gathering import Gathering
from lamm_core.pointclouds.readers.mesh import Mesh, check_mesh_size, gather_meshes

__all__ = ["is_glb", "read_glb"]

MAX_TABLE_BYTES = 8_000_000  # of JSON, which takes ten times that in memory
MAX_PARTS = 2_000  # nodes and times that a mesh is placed: about a millisecond each
MAX_DEPTH = 64  # of nodes in nodes, whose cost grows with the square
MAX_CORNERS = 4_000_000  # in all, each counted as often as its mesh is placed
MAX_INDICES = 12_000_000
MAX_TEXTURE_PIXELS = 70_000_000  # in all: one of 8192 x 8192, decoded at 4 bytes and kept at 3
COMPONENT_BYTES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
SHAPE_SIZES = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
STRIPS = (5, 6)  # primitive modes in which every index after the second makes a triangle


def is_glb(head: bytes) -> bool:
    """Whether a file that begins so is binary glTF."""
    return head.startswith(b"glTF")


def read_glb(path: Path, gathering: Gathering) -> PointCloud:
    """Points on its surfaces. Raises MediaError."""
    check_mesh_size(path, gathering.limits)
    data = path.read_bytes()
    check_glb(data, path.name, gathering.limits.mesh_bytes)
    import trimesh

    logging.getLogger("trimesh").addHandler(logging.NullHandler())  # what it would print comes as our error
    try:
        # Given as bytes and without a resolver, so that no other file is opened.
        scene = trimesh.load_scene(io.BytesIO(data), file_type="glb", process=False)
        meshes = placed_meshes(scene)
    except Exception as error:  # whatever trimesh's parsers meet in a damaged file
        raise MediaError(f"{path.name} is damaged, or no GLB file at all ({reason(error)}).") from error
    if not meshes:
        raise MediaError(f"{path.name} holds no surface and no points; expected a mesh or a cloud.")
    gathering.check_clock()
    textured = any(mesh.texture is not None for mesh in meshes)
    fields = ["x", "y", "z"]
    fields += ["red", "green", "blue"] if textured or any(mesh.colours is not None for mesh in meshes) else []
    notes = ["A GLB file is in metres, with y up, by definition."]
    return gather_meshes(meshes, gathering, "glb", fields=fields, notes=notes)


def placed_meshes(scene: Any) -> list[Mesh]:
    """Every mesh in every place. trimesh's own way to get there copies the textures for each place."""
    decoded: dict[int, NDArray[np.uint8]] = {}
    own = {
        name: mesh_of(part, decoded)
        for name, part in scene.geometry.items()
        if hasattr(part, "vertices") and len(part.vertices)
    }
    found = []
    for node in scene.graph.nodes_geometry:
        matrix, name = scene.graph[node]
        if name in own:
            places = own[name].vertices @ matrix[:3, :3].T + matrix[:3, 3]
            found.append(dataclasses.replace(own[name], vertices=places))
    return found


def mesh_of(part: Any, decoded: dict[int, NDArray[np.uint8]]) -> Mesh:
    """A trimesh geometry with its colours, whichever way it has them; ``decoded`` keeps textures by their picture."""
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
    if id(image) not in decoded:
        decoded[id(image)] = np.asarray(image.convert("RGB"))
    return Mesh(vertices, triangles, texture=decoded[id(image)], uv=np.asarray(visual.uv, np.float64))


def check_glb(data: bytes, name: str, most: int) -> None:
    """Raise MediaError where a GLB's own table promises more than time and memory allow, or is unreadable."""
    try:
        length = struct.unpack_from("<I", data, 12)[0]
        if length > MAX_TABLE_BYTES:
            raise MediaError(f"{name} has {length:,} bytes of descriptions; expected at most {MAX_TABLE_BYTES:,}.")
        table = json.loads(data[20 : 20 + length])
        extensions = [str(extension) for extension in table.get("extensionsRequired", ())]
        promised = sum(
            abs(int(part["count"])) * COMPONENT_BYTES[part["componentType"]] * SHAPE_SIZES[part["type"]]
            for part in table.get("accessors", ())
        )
        placed = Counter(meshes_placed(table, name))
        corners, indices = counts(table, placed)
        pixels = texture_pixels(table, data[28 + length :])
    except (
        struct.error, ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError, OverflowError
    ) as error:  # fmt: skip
        raise MediaError(f"{name} is damaged: the table of contents of this GLB file cannot be read.") from error
    packed = [extension for extension in extensions if "draco" in extension or "meshopt" in extension]
    if packed:
        raise MediaError(f"{name} is compressed with {packed[0]}; save it as a GLB without mesh compression.")
    if promised > most:
        raise MediaError(f"{name} promises {promised:,} bytes of numbers; expected at most {most:,}.")
    if pixels > MAX_TEXTURE_PIXELS:
        raise MediaError(
            f"{name} has textures of {pixels:,} pixels; expected at most {MAX_TEXTURE_PIXELS:,}. Make them smaller."
        )
    if corners > MAX_CORNERS or indices > MAX_INDICES:
        raise MediaError(
            f"{name} has {corners:,} corners and {indices // 3:,} triangles once every mesh stands in its places; "
            f"expected at most {MAX_CORNERS:,} and {MAX_INDICES // 3:,}. Simplify it, or save it as a cloud."
        )


def texture_pixels(table: Mapping[str, Any], content: bytes) -> int:
    """Pixels of all pictures in the file, by their heads; what is no picture has none."""
    views = table.get("bufferViews", [])
    pixels = 0
    for image in table.get("images", []):
        if "bufferView" in image:
            view = views[image["bufferView"]]
            start = int(view.get("byteOffset", 0))
            packed = content[start : start + int(view["byteLength"])]
        else:
            packed = base64.b64decode(str(image.get("uri", "")).partition("base64,")[2], validate=False)
        with (
            contextlib.suppress(OSError, SyntaxError, Image.DecompressionBombError),
            Image.open(io.BytesIO(packed)) as it,
        ):
            pixels += it.width * it.height
    return pixels


def meshes_placed(table: Mapping[str, Any], name: str) -> Iterator[int]:
    """The number of the mesh at every place in every scene, counted as the tree of nodes is walked."""
    nodes = table.get("nodes", [])
    waiting = [(number, 1) for scene in table.get("scenes", []) for number in scene.get("nodes", [])]
    seen = 0
    while waiting or len(nodes) > MAX_PARTS:
        seen += 1
        if max(seen, len(waiting), len(nodes)) > MAX_PARTS:
            raise MediaError(f"{name} places its parts more than {MAX_PARTS:,} times. Join them into fewer meshes.")
        number, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise MediaError(
                f"{name} nests its parts more than {MAX_DEPTH} deep, or in circles. Save it without groups."
            )
        if "mesh" in nodes[number]:
            yield int(nodes[number]["mesh"])
        waiting += [(child, depth + 1) for child in nodes[number].get("children", [])]


def counts(table: Mapping[str, Any], placed: Mapping[int, int]) -> tuple[int, int]:
    """Corners and indices of all meshes, each as often as it is placed and at least once."""
    accessors = table.get("accessors", [])
    corners = indices = 0
    for number, mesh in enumerate(table.get("meshes", [])):
        for part in mesh["primitives"]:
            own = abs(int(accessors[part["attributes"]["POSITION"]]["count"]))
            named = abs(int(accessors[part["indices"]]["count"])) if "indices" in part else own
            corners += own * max(1, placed.get(number, 0))
            indices += named * (3 if part.get("mode") in STRIPS else 1) * max(1, placed.get(number, 0))
    return corners, indices


def reason(error: BaseException) -> str:
    """One short line out of another library's error."""
    words = " ".join(str(error).split())
    return (words[:120] or type(error).__name__).rstrip(".")
