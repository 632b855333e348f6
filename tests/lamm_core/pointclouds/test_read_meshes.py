"""Meshes that would take long or much memory are refused before anything is decoded; STL in every spelling is read."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lamm_core.errors import MediaError
from lamm_core.pointclouds.read import read_cloud
from lamm_core.pointclouds.readers import glb as glb_reader

CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], "<f4").tobytes()
INDICES = np.arange(3, dtype="<u4").tobytes()
TABLE: dict[str, Any] = {
    "asset": {"version": "2.0"},
    "bufferViews": [{"buffer": 0, "byteLength": 36}, {"buffer": 0, "byteOffset": 36, "byteLength": 12}],
    "accessors": [
        {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"},
        {"bufferView": 1, "componentType": 5125, "count": 3, "type": "SCALAR"},
    ],
    "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
    "nodes": [{"mesh": 0}],
    "scenes": [{"nodes": [0]}],
    "scene": 0,
}


def glb(data: bytes = CORNERS + INDICES, **changes: Any) -> bytes:
    """A GLB file of one triangle with parts of its table replaced."""
    data += bytes(-len(data) % 4)
    table = json.dumps({**TABLE, "buffers": [{"byteLength": len(data)}], **changes}).encode()
    table += b" " * (-len(table) % 4)
    chunks = struct.pack("<I4s", len(table), b"JSON") + table + struct.pack("<I4s", len(data), b"BIN\0") + data
    return b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks


def accessor(kind: int, count: int) -> dict[str, Any]:
    return {"componentType": kind, "count": count, "type": "VEC3" if kind == 5126 else "SCALAR"}


HUGE = [accessor(5126, 3), accessor(5125, 1_000_000)]
MANY = [accessor(5126, 60_000), accessor(5125, 3)]
REFUSED = {
    "in a circle": ({"nodes": [{"mesh": 0, "children": [0]}]}, "in circles"),
    "deep": ({"nodes": [{"children": [number + 1]} for number in range(100)] + [{"mesh": 0}]}, "64 deep"),
    "doubling": ({"nodes": [{"children": [min(n + 1, 39)] * 2} for n in range(39)] + [{"mesh": 0}]}, "2,000 times"),
    "many nodes": ({"nodes": [{}] * 2_001}, "2,000 times"),
    "many indices": ({"accessors": HUGE, "nodes": [{"mesh": 0}] * 13, "scenes": [{"nodes": list(range(13))}]},
                     "4,333,333 triangles"),
    "many corners": ({"accessors": MANY, "nodes": [{"mesh": 0}] * 70, "scenes": [{"nodes": list(range(70))}]},
                     "4,200,000 corners"),
    "a long table": ({"extras": "x" * 8_000_001}, "bytes of descriptions"),
    "a node that is not there": ({"scenes": [{"nodes": [7]}]}, "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_glb_that_would_take_long_is_refused_by_its_table(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trimesh

    monkeypatch.setattr(trimesh, "load_scene", None)
    changes, words = REFUSED[name]
    (tmp_path / "a.glb").write_bytes(glb(**changes))
    with pytest.raises(MediaError, match=words):
        read_cloud(tmp_path / "a.glb")


def test_the_same_table_unchanged_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.glb").write_bytes(glb())
    assert len(read_cloud(tmp_path / "a.glb")) > 1000


def textured(pictures: int, users: int) -> bytes:
    """A GLB with so many pictures of 100 x 100 pixels and so many triangles that use them in turn."""
    buffer = io.BytesIO()
    Image.new("RGB", (100, 100), "red").save(buffer, "PNG")
    picture = buffer.getvalue()
    places = np.zeros((3, 2), "<f4").tobytes()
    views = [*TABLE["bufferViews"], {"buffer": 0, "byteOffset": 48, "byteLength": 24},
             {"buffer": 0, "byteOffset": 72, "byteLength": len(picture)}]  # fmt: skip
    part = {"attributes": {"POSITION": 0, "TEXCOORD_0": 2}, "indices": 1}
    return glb(
        CORNERS + INDICES + places + picture,
        bufferViews=views,
        accessors=[*TABLE["accessors"], {"bufferView": 2, "componentType": 5126, "count": 3, "type": "VEC2"}],
        images=[{"bufferView": 3, "mimeType": "image/png"}] * pictures,
        textures=[{"source": number} for number in range(pictures)],
        materials=[{"pbrMetallicRoughness": {"baseColorTexture": {"index": number}}} for number in range(pictures)],
        meshes=[{"primitives": [{**part, "material": number % pictures} for number in range(users)]}],
    )


def test_textures_are_bounded_in_all_before_any_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glb_reader, "MAX_TEXTURE_PIXELS", 25_000)
    (tmp_path / "two.glb").write_bytes(textured(2, 8))
    cloud = read_cloud(tmp_path / "two.glb")
    assert cloud.colours is not None and (cloud.colours == [255, 0, 0]).all()
    (tmp_path / "three.glb").write_bytes(textured(3, 3))
    with pytest.raises(MediaError, match="textures of 30,000 pixels"):
        read_cloud(tmp_path / "three.glb")


FACET = b"facet normal 0 0 1\n outer loop\n  vertex 0 0 0\n  vertex 1.5e0 0 0\n  vertex 0 1 0\n endloop\nendfacet\n"


@pytest.mark.parametrize(
    "data",
    [
        b"solid a\n" + FACET + b"endsolid a\n",
        b"SOLID A\r\n" + FACET.upper().replace(b"\n", b"\r\n") + b"ENDSOLID",
        b"solid a\r" + FACET.replace(b"\n", b"\r") + b"endsolid\r",
        b"solid called binary".ljust(80) + struct.pack("<I12fH", 1, 0, 0, 1, 0, 0, 0, 1.5, 0, 0, 0, 1, 0, 0),
    ],
)  # fmt: skip
def test_stl_in_every_spelling_is_one_triangle(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.stl").write_bytes(data)
    low, high = read_cloud(tmp_path / "a.stl").xyz.min(axis=0), read_cloud(tmp_path / "a.stl").xyz.max(axis=0)
    np.testing.assert_allclose([*low, *high], [0, 0, 0, 1.5, 1, 0], atol=0.02)


def test_stl_text_goes_over_the_ends_of_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lamm_core.pointclouds.readers import stl

    monkeypatch.setattr(stl, "BLOCK_BYTES", 61)
    monkeypatch.setattr(stl, "BLOCK_TRIANGLES", 3)
    (tmp_path / "a.stl").write_bytes(b"solid a\n" + FACET * 10 + b"endsolid")
    assert "10 triangles" in read_cloud(tmp_path / "a.stl").notes[-1]
    rows = np.zeros((10, 50), np.uint8)
    (tmp_path / "b.stl").write_bytes(bytes(80) + struct.pack("<I", 10) + rows.tobytes())
    assert len(read_cloud(tmp_path / "b.stl")) == 30  # no area: the corners


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"solid a\n" + FACET.replace(b"  vertex 0 1 0\n", b""), "has not three corners"),
        (b"solid a\n" + FACET.replace(b"1.5e0", b"one"), "no three numbers"),
        (bytes(80) + struct.pack("<I", 1_000_000_000), "promises 1,000,000,000 triangles"),
        (bytes(84), "holds no surface"),
        (b"short", "cut short"),
        (b"solid a\nfacet" + b" " * 9_000_000, "a line of over"),
    ],
)
def test_damaged_stl_is_said_to_be_so(data: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.stl").write_bytes(data)
    with pytest.raises(MediaError, match=words):
        read_cloud(tmp_path / "a.stl")
