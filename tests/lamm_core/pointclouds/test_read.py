"""Opening anything that claims to be a cloud: what it is, how much of it is kept, and how bad files are refused."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import laspy
import numpy as np
import pytest
from PIL import Image

from benchmarks.fuzz_readers import samples, shape
from lamm_core.errors import MediaError
from lamm_core.pointclouds.read import SUFFIXES, Limits, read_cloud
from lamm_core.pointclouds.readers.gathering import Gathering

XYZ = "property float x\nproperty float y\nproperty float z\n"


def ply_header(vertices: int, more: str = "", kind: str = "binary_little_endian") -> bytes:
    return f"ply\nformat {kind} 1.0\nelement vertex {vertices}\n{XYZ}{more}end_header\n".encode()


def test_the_content_decides_over_the_suffix(tmp_path: Path) -> None:
    files = samples()
    for name, wrong, kind in (
        ("little.ply", "cloud.xyz", "ply"),
        ("format2.laz", "cloud.las", "laz"),
        ("six.npy", "cloud.pcd", "npy"),
        ("box.glb", "box.obj", "glb"),
    ):
        path = tmp_path / wrong
        path.write_bytes(files[name])
        cloud = read_cloud(path)
        assert cloud.format == kind
        assert any("read as" in note for note in cloud.notes) == (wrong != "cloud.las")


def test_a_cloud_over_the_limit_is_thinned_evenly_and_says_so(tmp_path: Path) -> None:
    line = np.zeros((1_200_000, 3), np.float32)
    line[:, 0] = np.linspace(0, 1, len(line))
    np.save(tmp_path / "line.npy", line)
    cloud = read_cloud(tmp_path / "line.npy", limits=Limits(points=10_000))
    assert len(cloud) == 10_000 and cloud.total == 1_200_000
    assert any("thinned to 10,000" in note for note in cloud.notes)
    tenths = np.histogram(cloud.xyz[:, 0], bins=10, range=(0, 1))[0]
    assert tenths.min() > 900 and tenths.max() < 1_100
    assert (np.diff(cloud.xyz[:, 0]) >= 0).all()  # the file's order
    again = read_cloud(tmp_path / "line.npy", limits=Limits(points=10_000))
    np.testing.assert_array_equal(cloud.xyz, again.xyz)


def test_thinning_keeps_what_belongs_together() -> None:
    gathering = Gathering("a", Limits(points=100))
    for start in range(0, 2_000_000, 400_000):
        number = np.arange(start, start + 400_000)
        colours = np.stack([number % 251] * 3, axis=1).astype(np.uint8)
        gathering.add(np.stack([number] * 3, axis=1), colours=colours, instance=number % 7)
    cloud = gathering.cloud("a")
    number = np.round(cloud.xyz[:, 0] + np.float64(cloud.origin[0])).astype(int)
    assert len(cloud) == 100 and cloud.colours is not None and cloud.instance is not None
    np.testing.assert_array_equal(cloud.colours[:, 0], number % 251)
    np.testing.assert_array_equal(cloud.instance, number % 7)


def test_a_large_laz_opens_thinned_in_bounded_memory(tmp_path: Path) -> None:
    header = laspy.LasHeader(version="1.4", point_format=7)
    header.scales = np.full(3, 0.001)
    with laspy.open(tmp_path / "large.laz", mode="w", header=header, do_compress=True) as writer:
        for _ in range(4):
            points = laspy.ScaleAwarePointRecord.zeros(500_000, header=header)
            points.x = np.linspace(0, 100, len(points))
            points.red = np.full(len(points), 40_000)
            writer.write_points(points)
    read_cloud(tmp_path / "large.laz", limits=Limits(points=10))  # laspy is imported, lazrs has its threads
    tracemalloc.start()
    cloud = read_cloud(tmp_path / "large.laz", limits=Limits(points=50_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(cloud) == 50_000 and cloud.total == 2_000_000
    assert peak < 110_000_000  # one chunk of 500,000 points and what is made of it, however many chunks follow


def test_far_coordinates_keep_their_millimetres() -> None:
    gathering = Gathering("a", Limits())
    places = np.array([[1e7 + 0.001, 5e6, 12.0], [1e7 + 0.002, 5e6 + 0.5, 12.5]])
    gathering.add(places)
    cloud = gathering.cloud("a")
    np.testing.assert_allclose(cloud.xyz + np.array(cloud.origin), places, atol=1e-6)
    assert cloud.origin[2] == 0


def test_one_point_is_a_cloud(tmp_path: Path) -> None:
    (tmp_path / "one.xyz").write_text("1 2 3\n")
    assert read_cloud(tmp_path / "one.xyz").xyz.tolist() == [[1, 2, 3]]


def test_points_all_on_a_line_are_a_cloud(tmp_path: Path) -> None:
    (tmp_path / "line.xyz").write_text("".join(f"{n} 0 0\n" for n in range(9)))
    assert len(read_cloud(tmp_path / "line.xyz")) == 9


def test_faces_without_area_leave_their_corners(tmp_path: Path) -> None:
    face = "element face 1\nproperty list uchar int vertex_indices\n"
    (tmp_path / "a.ply").write_bytes(ply_header(3, face, "ascii") + b"0 0 0\n1 0 0\n2 0 0\n3 0 1 2\n")
    cloud = read_cloud(tmp_path / "a.ply")
    assert len(cloud) == 3 and any("no area" in note for note in cloud.notes)


def test_faces_that_name_missing_corners_are_left_out_and_said(tmp_path: Path) -> None:
    face = "element face 2\nproperty list uchar int vertex_indices\n"
    data = b"0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n3 0 1 99\n"
    (tmp_path / "a.ply").write_bytes(ply_header(3, face, "ascii") + data)
    assert any(note.startswith("1 triangles name corners") for note in read_cloud(tmp_path / "a.ply").notes)


def png(size: int = 8) -> bytes:
    import io

    buffer = io.BytesIO()
    Image.new("RGB", (size, size), "red").save(buffer, "PNG")
    return buffer.getvalue()


BILLIONS = 10_000_000_000
BAD = {
    "empty.ply": (b"", "empty file"),
    "picture.ply": (png(), "not the PLY file that its name says but a PNG picture"),
    "picture.png": (png(), "not a point cloud but a PNG picture"),
    "words.txt": (b"Dear Sir or Madam,\nthis is a letter.\n", "text without points"),
    "two.xyz": (b"1 2\n3 4\n", "text without points"),
    "noise.las": (b"\x01\x02\x00\x03" * 50, "something unknown"),
    "none.ply": (ply_header(0), "holds no points"),
    "nan.ply": (ply_header(2) + np.full(6, np.nan, "<f4").tobytes(), "none of which has a position"),
    "cut.ply": (ply_header(10) + bytes(100), "cut short"),
    "billions.ply": (ply_header(BILLIONS) + bytes(12), "10,000,000,000 of vertex"),
    "billions-text.ply": (ply_header(BILLIONS, kind="ascii") + b"1 2 3\n", "10,000,000,000 of vertex"),
    "flat.ply": (ply_header(1).replace(b"float z", b"float w") + bytes(12), "without x, y and z"),
    "header.ply": (b"ply\nformat binary_little_endian 1.0\nelement vertex 3\n", "inside its PLY header"),
    "line.ply": (b"ply\nformat ascii 1.0\nelephant 3\nend_header\n", "header line that makes no sense"),
    "lists.ply": (
        ply_header(1, "element face 1\nproperty list uint int vertex_indices\n") + bytes(12) + b"\xff\xff\xff\x7f",
        "a list in its face goes beyond its end",
    ),
    "billions.pcd": (
        b"# .PCD v0.7\nVERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH 10000000000\nHEIGHT 1\nDATA binary\n",
        "10,000,000,000 points",
    ),
    "bomb.pcd": (
        b"# .PCD v0.7\nVERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH 300000000\nHEIGHT 1\n"
        b"DATA binary_compressed\n\x08\x00\x00\x00\x00\xa4\x93\xd6" + bytes(8),
        "cannot hold 300,000,000 points",
    ),
    "cut.las": (b"LASF" + bytes(50), "cut short inside its LAS header"),
    "zip.npz": (b"PK\x05\x06" + bytes(18), "without arrays"),
    "broken.npz": (b"PK\x03\x04" + bytes(30), "damaged or encrypted"),
    "header.npy": (b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f4',", "NPY header cannot be read"),
    "faces.stl": (b"solid nothing\nfacet\nendsolid\n", "(damaged|no surface)"),
    "faces.off": (b"OFF\n0 0 0\n", "holds no points"),
    "billions.off": (b"OFF\n10000000000 5 0\n0 0 0\n", "10,000,000,000 corners"),
    "table.glb": (b"glTF\x02\x00\x00\x00\x40\x00\x00\x00\x20\x00\x00\x00JSON{broken", "cannot be read"),
    "draco.glb": (
        b"glTF\x02\x00\x00\x00\x60\x00\x00\x00\x40\x00\x00\x00JSON"
        + b'{"extensionsRequired": ["KHR_draco_mesh_compression"]}'.ljust(64),
        "compressed with KHR_draco_mesh_compression",
    ),
    "many.gltf": (b'{"asset": {"version": "2.0"}}', "save it as one GLB"),
    "scan.gz": (b"\x1f\x8b\x08" + bytes(20), "unpack it first"),
    "wide.xyz": (b"1" * 9_000_000, "a line of over"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_its_name_and_the_reason(name: str, tmp_path: Path) -> None:
    data, reason = BAD[name]
    (tmp_path / name).write_bytes(data)
    began = time.process_time()
    with pytest.raises(MediaError, match=reason) as caught:
        read_cloud(tmp_path / name)
    assert name in str(caught.value) and "\n" not in str(caught.value)
    assert time.process_time() - began < 5


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.ply")
    for path, reason in (
        (tmp_path, "is a folder"),
        (tmp_path / "gone.ply", "does not exist"),
        (tmp_path / "pipe.ply", "not a regular file"),
    ):
        with pytest.raises(MediaError, match=reason):
            read_cloud(path)


def test_limits_on_bytes_and_seconds_are_kept(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", shape()[0])
    with pytest.raises(MediaError, match="expected at most 1e-07 GB"):
        read_cloud(tmp_path / "a.npy", limits=Limits(bytes=100))
    with pytest.raises(MediaError, match="took longer than 0 seconds"):
        read_cloud(tmp_path / "a.npy", limits=Limits(seconds=0))
    (tmp_path / "b.stl").write_bytes(samples()["box.stl"])
    with pytest.raises(MediaError, match="is a mesh of"):
        read_cloud(tmp_path / "b.stl", limits=Limits(mesh_bytes=100))


def test_every_suffix_is_lower_case_and_named_once() -> None:
    assert len(set(SUFFIXES)) == len(SUFFIXES) and all(suffix == suffix.lower() for suffix in SUFFIXES)


def test_importing_the_readers_imports_no_library_of_a_format() -> None:
    code = "import sys, lamm_core.pointclouds.read; print(*{'laspy', 'trimesh', 'open3d', 'pye57'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
