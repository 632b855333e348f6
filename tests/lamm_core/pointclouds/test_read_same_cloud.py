"""One shape in many formats is one cloud, here and in libraries that know nothing of our readers."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import laspy
import numpy as np
import plyfile
import pytest
import trimesh
from numpy.typing import NDArray

from benchmarks.fuzz_readers import samples, shape
from lamm_core.pointclouds.read import read_cloud

POINTS = (
    "text.ply", "little.ply", "big.ply", "text.pcd", "binary.pcd", "packed.pcd", "format3.las", "format2.laz",
    "format7.laz", "plain.xyz", "named.csv", "counted.pts", "six.npy", "plain.npz", "deflated.npz", "scan.e57",
)  # fmt: skip
MESHES = ("box.glb", "box.obj", "box.stl", "text.stl", "box.off")


@pytest.fixture(scope="session")
def files() -> dict[str, bytes]:
    return samples()


@pytest.fixture
def written(files: dict[str, bytes], tmp_path: Path):  # type: ignore[no-untyped-def]
    def write(name: str) -> Path:
        if name not in files:
            pytest.skip(f"{name} needs an extra that is not installed")
        path = tmp_path / name
        path.write_bytes(files[name])
        return path

    return write


def bytes_of(colours: NDArray[np.generic]) -> NDArray[np.float64]:
    """Colours of any of the three usual ranges as 0-255."""
    scale = 255 if colours.dtype.kind == "f" else 1 / 257 if colours.dtype == np.uint16 else 1
    return colours.astype(np.float64) * scale


@pytest.mark.parametrize("name", POINTS)
def test_the_same_shape_is_the_same_cloud_in_every_format(name: str, written) -> None:  # type: ignore[no-untyped-def]
    xyz, rgb = shape()
    cloud = read_cloud(written(name))
    moved = np.array([600_000.0, 5_000_000.0, 0.0]) if name.endswith((".las", ".laz")) else np.zeros(3)
    places = cloud.xyz + np.array(cloud.origin) - moved
    # LAS counts in millimetres here.
    np.testing.assert_allclose(places, xyz, atol=6e-4 if moved.any() else 1e-6)
    assert cloud.colours is not None
    np.testing.assert_allclose(bytes_of(cloud.colours), rgb, atol=0.51)
    assert cloud.total == len(cloud) == len(xyz)
    assert cloud.xyz.dtype == np.float32


@pytest.mark.parametrize("name", ["three.npy", "german.csv", "format6.las"])
def test_a_shape_without_colours_is_read_without_colours(name: str, written) -> None:  # type: ignore[no-untyped-def]
    cloud = read_cloud(written(name))
    assert cloud.colours is None
    assert len(cloud) == len(shape()[0])


@pytest.mark.parametrize("name", MESHES)
def test_the_same_box_has_the_same_surface_in_every_format(name: str, written) -> None:  # type: ignore[no-untyped-def]
    cloud = read_cloud(written(name))
    places = cloud.xyz + np.array(cloud.origin)
    half = np.array([0.5, 1.0, 1.5])
    np.testing.assert_allclose(places.max(axis=0), half, atol=0.02)
    np.testing.assert_allclose(places.min(axis=0), -half, atol=0.02)
    on_a_side = np.isclose(np.abs(places), half, atol=1e-5).any(axis=1)
    assert on_a_side.all()
    # A side of 2 x 3 holds 6/22 of the points.
    assert np.isclose(places[:, 0], 0.5, atol=1e-5).mean() == pytest.approx(6 / 22, abs=0.005)
    assert cloud.normals is not None
    np.testing.assert_allclose(np.linalg.norm(cloud.normals, axis=1), 1, atol=1e-5)
    outward = (cloud.normals * places).sum(axis=1)
    assert (outward > 0).all()


@pytest.mark.parametrize("name", ["box.glb", "box.obj"])
def test_a_mesh_keeps_the_colours_of_its_corners(name: str, written) -> None:  # type: ignore[no-untyped-def]
    path = written(name)
    cloud = read_cloud(path)
    mesh = trimesh.load(path, process=False, force="mesh")
    corners = np.asarray(mesh.visual.vertex_colors)[:, :3]
    assert cloud.colours is not None
    nearest = np.linalg.norm(cloud.xyz[:, None] - mesh.vertices[None, :8], axis=2)
    at_corner, which = nearest.min(axis=1) < 0.01, nearest.argmin(axis=1)
    assert at_corner.sum() > 5
    np.testing.assert_allclose(bytes_of(cloud.colours)[at_corner], corners[which[at_corner]], atol=1)


@pytest.mark.parametrize("name", ["text.ply", "little.ply", "big.ply"])
def test_plyfile_reads_the_same_points(name: str, written) -> None:  # type: ignore[no-untyped-def]
    path = written(name)
    vertex = plyfile.PlyData.read(path)["vertex"]
    cloud = read_cloud(path)
    np.testing.assert_array_equal(cloud.xyz, np.stack([vertex[axis] for axis in "xyz"], axis=1))
    np.testing.assert_array_equal(cloud.colours, np.stack([vertex[c] for c in ("red", "green", "blue")], axis=1))


@pytest.mark.parametrize("name", ["format3.las", "format2.laz", "format7.laz", "format6.las"])
def test_laspy_reads_the_same_points(name: str, written) -> None:  # type: ignore[no-untyped-def]
    path = written(name)
    whole = laspy.read(path)
    cloud = read_cloud(path)
    np.testing.assert_allclose(cloud.xyz.astype(np.float64) + cloud.origin, whole.xyz, atol=1e-5)
    if cloud.colours is not None:
        np.testing.assert_array_equal(cloud.colours[:, 0], whole.red)


@pytest.mark.parametrize("name", ["text.ply", "big.ply", "text.pcd", "binary.pcd", "packed.pcd"])
def test_open3d_reads_the_same_points_and_colours(name: str, written) -> None:  # type: ignore[no-untyped-def]
    open3d = pytest.importorskip("open3d")
    path = written(name)
    other = open3d.io.read_point_cloud(str(path))
    cloud = read_cloud(path)
    np.testing.assert_allclose(cloud.xyz, np.asarray(other.points), atol=1e-6)
    assert cloud.colours is not None
    np.testing.assert_allclose(cloud.colours / 255, np.asarray(other.colors), atol=1e-6)


def test_open3d_writes_compressed_pcd_that_reads_the_same(tmp_path: Path) -> None:
    open3d = pytest.importorskip("open3d")
    xyz, rgb = shape(5_000)
    other = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(np.round(xyz, 1).astype(np.float64)))
    other.colors = open3d.utility.Vector3dVector(rgb / 255.0)
    path = tmp_path / "compressed.pcd"
    assert open3d.io.write_point_cloud(str(path), other, compressed=True)
    assert b"binary_compressed" in path.read_bytes()[:400]
    cloud = read_cloud(path)
    np.testing.assert_allclose(cloud.xyz, np.round(xyz, 1), atol=1e-6)
    np.testing.assert_array_equal(cloud.colours, rgb)


@pytest.mark.skipif(importlib.util.find_spec("pye57") is None, reason="the extra e57 is not installed")
def test_scans_of_an_e57_are_put_together_by_their_poses(tmp_path: Path) -> None:
    import pye57

    path = tmp_path / "two.e57"
    axes = ("cartesianX", "cartesianY", "cartesianZ")
    half_turn = np.array([0.0, 0.0, 0.0, 1.0])  # about z
    with pye57.E57(str(path), mode="w") as file:
        for shift in (0.0, 10.0):
            columns = {name: np.array([1.0, 2.0]) * (place + 1) for place, name in enumerate(axes)}
            file.write_scan_raw(columns, rotation=half_turn, translation=np.array([shift, 0.0, 0.0]))
    cloud = read_cloud(path)
    np.testing.assert_allclose(cloud.xyz, [[-1, -2, 3], [-2, -4, 6], [9, -2, 3], [8, -4, 6]], atol=1e-6)
    assert any("2 scans" in note for note in cloud.notes)
