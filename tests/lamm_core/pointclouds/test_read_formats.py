"""What each format may bring along: lists, splats, packed colours, header lines, delimiters, structured arrays."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import laspy
import numpy as np
import pytest
import trimesh
from PIL import Image

from benchmarks.fuzz_readers import las_samples, shape
from lamm_core.errors import MediaError, MissingDependencyError
from lamm_core.pointclouds.read import Limits, read_cloud
from lamm_core.pointclouds.readers.lzf import decompress


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    def to(name: str, data: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    return to


def ply(kind: str, lines: str) -> bytes:
    return f"ply\nformat {kind} 1.0\ncomment made by a test\n{lines}end_header\n".encode()


XYZ = "property float x\nproperty float y\nproperty float z\n"


def test_ply_lists_among_the_vertices_are_walked_over(write) -> None:  # type: ignore[no-untyped-def]
    lines = "element vertex 3\nproperty list uchar int seen_by\n" + XYZ + "property list uchar short more\n"
    rows = [([7], (1, 2, 3), []), ([], (4, 5, 6), [1, 2]), ([8, 9], (7, 8, 9), [3])]
    binary = b"".join(struct.pack(f">B{len(a)}i3fB{len(b)}h", len(a), *a, *place, len(b), *b) for a, place, b in rows)
    text = "".join(" ".join(map(str, (len(a), *a, *place, len(b), *b))) + "\n" for a, place, b in rows)
    expected = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert read_cloud(write("a.ply", ply("binary_big_endian", lines) + binary)).xyz.tolist() == expected
    assert read_cloud(write("b.ply", ply("ascii", lines) + text.encode())).xyz.tolist() == expected


def test_ply_elements_before_the_vertices_are_passed_over(write) -> None:  # type: ignore[no-untyped-def]
    lines = "element camera 2\nproperty double f\nelement strip 1\nproperty list uint uchar s\nelement vertex 1\n" + XYZ
    data = struct.pack("<2dI4B3f", 1.0, 2.0, 4, 1, 2, 3, 4, 5.0, 6.0, 7.0)
    cloud = read_cloud(write("a.ply", ply("binary_little_endian", lines) + data))
    assert cloud.xyz.tolist() == [[5, 6, 7]]


def test_ply_normals_objects_and_wide_types_are_kept(write) -> None:  # type: ignore[no-untyped-def]
    lines = "element vertex 2\nproperty double x\nproperty double y\nproperty double z\n"
    lines += "property float nx\nproperty float ny\nproperty float nz\nproperty ushort red\nproperty ushort green\n"
    lines += "property ushort blue\nproperty int instance\n"
    data = "1 2 3 0 0 1 65535 0 1 4\n4 5 6 1 0 0 0 7 0 0\n"
    cloud = read_cloud(write("a.ply", ply("ascii", lines) + data.encode()))
    assert cloud.normals is not None and cloud.normals.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert cloud.instance is not None and cloud.instance.tolist() == [4, 0]
    assert cloud.colours is not None and cloud.colours.dtype == np.uint16
    assert cloud.fields == ("x", "y", "z", "nx", "ny", "nz", "red", "green", "blue", "instance")


def test_a_mesh_of_triangles_and_quads_is_sampled_evenly_with_its_colours(write) -> None:  # type: ignore[no-untyped-def]
    lines = "element vertex 6\n" + XYZ + "property uchar red\nproperty uchar green\nproperty uchar blue\n"
    lines += "element face 2\nproperty list uchar int vertex_index\n"
    # A square with x from 0 to 1 and a triangle of half its area beside it; red grows with x.
    data = "0 0 0 0 0 9\n1 0 0 100 0 9\n1 1 0 100 0 9\n0 1 0 0 0 9\n2 0 0 200 0 9\n2 1 0 200 0 9\n4 0 1 2 3\n3 1 4 5\n"
    cloud = read_cloud(write("a.ply", ply("ascii", lines) + data.encode()))
    x = cloud.xyz[:, 0]
    assert cloud.colours is not None
    np.testing.assert_allclose(cloud.colours[:, 0], 100 * x, atol=0.51)
    assert (cloud.colours[:, 2] == 9).all()
    assert (x < 1).mean() == pytest.approx(2 / 3, abs=0.001)
    counts = np.histogram2d(cloud.xyz[x < 1, 0], cloud.xyz[x < 1, 1], bins=10, range=[[0, 1], [0, 1]])[0]
    assert counts.std() < 0.05 * counts.mean()  # a random draw of that many would reach 0.027, a clumped one far more
    assert any("3 triangles" in note for note in cloud.notes)


def test_a_gaussian_splat_is_said_to_be_one_and_has_its_base_colours(write) -> None:  # type: ignore[no-untyped-def]
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "rot_0"]
    lines = "element vertex 2\n" + "".join(f"property float {name}\n" for name in names)
    rows = np.zeros((2, 12), "<f4")
    rows[:, 6:9] = [[0, 1.0, -1.0], [100, -100, 0]]
    cloud = read_cloud(write("a.ply", ply("binary_little_endian", lines) + rows.tobytes()))
    assert any("Gaussian splat" in note for note in cloud.notes)
    assert cloud.colours is not None
    np.testing.assert_allclose(cloud.colours, [[0.5, 0.782095, 0.217905], [1, 0, 0.5]], atol=1e-5)


def test_a_compressed_splat_is_refused_with_what_to_do(write) -> None:  # type: ignore[no-untyped-def]
    lines = "element vertex 1\nproperty uint packed_position\n"
    with pytest.raises(MediaError, match="compressed Gaussian splat; save it as a plain PLY"):
        read_cloud(write("a.ply", ply("binary_little_endian", lines) + bytes(4)))


def pcd(fields: str, sizes: str, types: str, kind: str, points: int, *, width: int | None = None) -> bytes:
    height = 1 if width is None else points // width
    return (
        f"# .PCD v0.7\nVERSION 0.7\nFIELDS {fields}\nSIZE {sizes}\nTYPE {types}\nWIDTH {width or points}\n"
        f"HEIGHT {height}\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {points}\nDATA {kind}\n"
    ).encode()


RED, TEAL = 0x00FF0000, 0x00008080


@pytest.mark.parametrize(
    ("types", "colours"),
    [
        ("F F F F", np.array([RED, TEAL], "<u4").view("<f4")),
        ("F F F U", np.array([RED, TEAL], "<u4")),
        ("F F F I", np.array([RED, TEAL], "<i4")),
    ],
)
@pytest.mark.parametrize("kind", ["ascii", "binary"])
def test_packed_rgb_is_unpacked_in_every_spelling(types: str, colours, kind: str, write) -> None:  # type: ignore[no-untyped-def]
    head = pcd("x y z rgb", "4 4 4 4", types, kind, 2)
    if kind == "ascii":
        data = "".join(f"{number} 0 1 {colour!s}\n" for number, colour in enumerate(colours.tolist())).encode()
    else:
        data = b"".join(np.array([n, 0, 1], "<f4").tobytes() + colour.tobytes() for n, colour in enumerate(colours))
    cloud = read_cloud(write("a.pcd", head + data))
    assert cloud.colours is not None and cloud.colours.tolist() == [[255, 0, 0], [0, 128, 128]]


def test_an_organised_pcd_loses_its_holes_and_says_so(write) -> None:  # type: ignore[no-untyped-def]
    rows = np.array([[0, 0, 1], [np.nan] * 3, [1, 1, 1], [np.inf, 0, 0]], "<f4")
    cloud = read_cloud(write("a.pcd", pcd("x y z", "4 4 4", "F F F", "binary", 4, width=2) + rows.tobytes()))
    assert cloud.xyz.tolist() == [[0, 0, 1], [1, 1, 1]]
    assert cloud.total == 2
    assert any(note.startswith("2 points without a position were left out") for note in cloud.notes)


def test_pcd_padding_and_fields_of_several_numbers_are_skipped(write) -> None:  # type: ignore[no-untyped-def]
    head = pcd("x _ y z fpfh", "4 1 4 4 4", "F U F F F", "binary", 2).replace(b"WIDTH", b"COUNT 1 3 1 1 5\nWIDTH")
    rows = b"".join(struct.pack("<f3x2f5f", n, n + 1, n + 2, *[9.0] * 5) for n in (1.0, 5.0))
    cloud = read_cloud(write("a.pcd", head + rows))
    assert cloud.xyz.tolist() == [[1, 2, 3], [5, 6, 7]]
    assert cloud.fields == ("x", "y", "z", "fpfh")


def test_lzf_copies_overlap_and_reach_back() -> None:
    # "ab" as it is, then a copy of 7 from 2 back, then a copy of 3 from 9 back
    data = b"\x01ab" + bytes([5 << 5, 1]) + bytes([1 << 5, 8])
    assert decompress(data, 12, lambda: None) == b"ababababaaba"[:12]
    for broken in (data[:-1], data + b"\x00a", bytes([1 << 5, 8])):
        with pytest.raises(ValueError):
            decompress(broken, 12, lambda: None)


def test_las_keeps_millimetres_at_coordinates_of_ten_million(write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    header = laspy.LasHeader(version="1.4", point_format=6)
    header.scales, header.offsets = np.full(3, 0.001), np.array([1e7, 1e7, 0])
    las = laspy.LasData(header)
    las.x, las.y, las.z = np.array([1e7 + 0.001, 1e7 + 0.002]), np.array([1e7, 1e7 + 5]), np.array([1.0, 2.0])
    las.write(tmp_path / "far.las")
    cloud = read_cloud(tmp_path / "far.las")
    assert cloud.origin[:2] == (1e7, 1e7 + 2) and cloud.origin[2] == 0
    assert cloud.xyz[1, 0] - cloud.xyz[0, 0] == pytest.approx(0.001, abs=1e-6)
    assert any("far from zero" in note for note in cloud.notes)


def test_las_whose_colours_are_all_black_has_none(tmp_path: Path) -> None:
    las = laspy.LasData(laspy.LasHeader(version="1.2", point_format=2))
    las.x = las.y = las.z = np.arange(5.0)
    las.write(tmp_path / "black.laz")
    cloud = read_cloud(tmp_path / "black.laz")
    assert cloud.colours is None and any("black" in note for note in cloud.notes)


def test_a_laz_whose_layers_ask_for_gigabytes_is_refused_before_they_are_given(write) -> None:  # type: ignore[no-untyped-def]
    data = bytearray(las_samples()["format7.laz"])
    points_at = struct.unpack_from("<I", data, 96)[0]
    first_layer = points_at + 8 + 36 + 4  # behind the table's place, a whole point, and the number of points
    struct.pack_into("<I", data, first_layer, 0xFFFFFFF0)
    with pytest.raises(MediaError, match="a chunk is shorter than what it says to hold"):
        read_cloud(write("a.laz", bytes(data)))


def test_a_laz_with_the_copc_record_is_called_copc(tmp_path: Path) -> None:
    header = laspy.LasHeader(version="1.4", point_format=6)
    header.vlrs.append(laspy.VLR(user_id="copc", record_id=1, record_data=bytes(160)))
    las = laspy.LasData(header)
    las.x = las.y = las.z = np.arange(5.0)
    las.write(tmp_path / "tree.copc.laz")
    assert read_cloud(tmp_path / "tree.copc.laz").format == "copc"


@pytest.mark.parametrize(
    ("name", "text", "colours"),
    [
        ("a.xyz", "0 0 0\n1 2 3\n", False),
        ("a.txt", "# a comment\n0 0 0 10 20 30\n1 2 3 200 100 50\n", True),
        ("a.csv", "X [m],Y [m],Z [m],name,R,G,B\n0,0,0,chair,10,20,30\n1,2,3,lamp,200,100,50\n", True),
        ("a.csv", '"x";"y";"z"\r\n"0,0";"0";"0"\r\n"1,0";"2,0";"3"\r\n', False),
        ("a.pts", "2\n0 0 0 17 10 20 30\n1 2 3 18 200 100 50\n", True),
        ("a.asc", "//X Y Z R G B Intensity\n0 0 0 10 20 30 0.5\n1 2 3 200 100 50 0.25\n", True),
        ("a.xyz", "0\t0\t0\r1\t2\t3\r", False),
        ("a.dat", "\ufeff0 0 0\n1 2 3", False),
        ("a.csv", "label,z,y,x\n5,0,0,0\n5,3,2,1\n", False),
    ],
)
def test_text_finds_its_columns(name: str, text: str, colours: bool, write) -> None:  # type: ignore[no-untyped-def]
    cloud = read_cloud(write(name, text))
    assert cloud.xyz.tolist() == [[0, 0, 0], [1, 2, 3]]
    assert (cloud.colours is not None) == colours
    if cloud.colours is not None:
        assert cloud.colours.tolist() == [[10, 20, 30], [200, 100, 50]] and cloud.colours.dtype == np.uint8


def test_text_without_names_tells_normals_from_colours(write) -> None:  # type: ignore[no-untyped-def]
    xyz, rgb = shape(50)
    normals = xyz / np.linalg.norm(xyz, axis=1, keepdims=True)
    rows = np.hstack([xyz, normals, rgb])
    cloud = read_cloud(write("a.xyz", "\n".join(" ".join(f"{v:.6f}" for v in row) for row in rows)))
    assert cloud.normals is not None and cloud.colours is not None
    np.testing.assert_allclose(cloud.normals, normals, atol=1e-5)
    np.testing.assert_array_equal(cloud.colours, rgb)


def test_a_few_lines_of_text_that_are_no_points_are_left_out_and_said(write) -> None:  # type: ignore[no-untyped-def]
    lines = [f"{n} {n} {n}" for n in range(50)]
    lines[20] = "--- second scan ---"
    cloud = read_cloud(write("a.xyz", "\n".join(lines)))
    assert len(cloud) == 49 and "1 lines that are no points were left out." in cloud.notes
    with pytest.raises(MediaError, match="are no points"):
        read_cloud(write("b.xyz", "\n".join(["1 2 3", *["words and words"] * 5])))


def test_numpy_arrays_of_other_layouts_are_read(tmp_path: Path) -> None:
    xyz, rgb = shape(20)
    named = np.zeros(20, [("x", "f8"), ("y", "f8"), ("z", "f8"), ("red", "u1"), ("green", "u1"), ("blue", "u1")])
    for place, name in enumerate("xyz"):
        named[name] = xyz[:, place]
    layouts = {
        "rows": xyz.T,
        "picture": xyz.reshape(4, 5, 3),
        "fortran": np.asfortranarray(xyz.astype(np.float64)),
        "named": named,
        "lamm": np.hstack([xyz, rgb.astype(np.float32)]),
    }
    for name, array in layouts.items():
        np.save(tmp_path / f"{name}.npy", array)
        cloud = read_cloud(tmp_path / f"{name}.npy")
        np.testing.assert_array_equal(cloud.xyz, xyz, err_msg=name)
        assert (cloud.colours is not None) == (name in ("named", "lamm"))


def test_npz_takes_points_colours_normals_and_objects_by_their_keys(tmp_path: Path) -> None:
    xyz, rgb = shape(20)
    objects = np.arange(20)[:, None] % 4
    np.savez_compressed(tmp_path / "a.npz", Points=xyz, colors=rgb / 255.0, normals=xyz, instance=objects, other=[1])
    cloud = read_cloud(tmp_path / "a.npz")
    np.testing.assert_array_equal(cloud.xyz, xyz)
    assert cloud.colours is not None and cloud.colours.max() <= 1
    assert cloud.instance is not None and cloud.instance.tolist() == objects[:, 0].tolist()
    np.savez(tmp_path / "b.npz", one=xyz, two=rgb)
    with pytest.raises(MediaError, match=r"holds one, two; expected the points under 'xyz'"):
        read_cloud(tmp_path / "b.npz")


def test_objects_in_arrays_are_never_unpickled(tmp_path: Path) -> None:
    bomb = np.array([Tripwire()], dtype=object)
    np.save(tmp_path / "a.npy", bomb, allow_pickle=True)
    np.savez(tmp_path / "b.npz", xyz=bomb)
    for name in ("a.npy", "b.npz"):
        with pytest.raises(MediaError, match="never unpickled"):
            read_cloud(tmp_path / name)


class Tripwire:
    """Unpickling this fails the test that wrote it."""

    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("a pickle was opened",))


def test_a_zip_bomb_is_refused_before_it_unpacks(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**9, 3)})
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xyz.npy", header.getvalue() + bytes(30_000_000))
    with pytest.raises(MediaError, match="promises 12,000,000,000 bytes"):
        read_cloud(tmp_path / "bomb.npz")


def test_off_may_have_colours_and_no_line_end_behind_its_name(write) -> None:  # type: ignore[no-untyped-def]
    cloud = read_cloud(write("a.off", "OFF3 1 0\n0 0 0\n# a remark\n2 0 0\n0 2 0\n3 0 1 2\n"))
    assert (cloud.xyz[:, :2].sum(axis=1) <= 2 + 1e-5).all() and len(cloud) > 100_000
    cloud = read_cloud(write("b.off", "COFF\n2 0 0\n0 0 0 255 0 7 255\n1 1 1 1 2 3 255\n"))
    assert cloud.colours is not None and cloud.colours.tolist() == [[255, 0, 7], [1, 2, 3]]


def test_obj_faces_may_be_long_count_backwards_and_name_textures(write) -> None:  # type: ignore[no-untyped-def]
    square = "v 0 0 0\nv 1 0 0\nvt 0 0\nv 1 1 0\nv 0 1 0\n"
    for face in (
        "f 1 2 3 4\n",
        "f -4/1 -3/1 -2/1 -1/1\n",
        "f 1//1 2//1 3//1\nf 1 3 4\nf 1 2\n",
        "f 1 2 3\nf 1 -2 -1 1\n",
    ):
        x, y, _ = read_cloud(write("a.obj", f"# made here\nmtllib a.mtl\n{square}usemtl b\n{face}v 9 9 9\n")).xyz.T
        assert ((x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)).all()
        assert (x > y).mean() == pytest.approx(0.5, abs=0.001)


def test_a_mesh_file_with_only_corners_is_a_cloud(write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    cloud = read_cloud(write("a.obj", "v 0 0 0 1 0 0\nv 1 2 3 0 1 0\n"))
    assert cloud.xyz.tolist() == [[0, 0, 0], [1, 2, 3]]
    assert cloud.colours is not None and cloud.colours.shape == (2, 3)
    xyz, rgb = shape(30)
    scene = trimesh.Scene([trimesh.PointCloud(xyz, colors=np.hstack([rgb, np.full((30, 1), 255, np.uint8)]))])
    (tmp_path / "b.glb").write_bytes(scene.export(file_type="glb"))
    cloud = read_cloud(tmp_path / "b.glb")
    np.testing.assert_allclose(cloud.xyz, xyz)
    np.testing.assert_array_equal(cloud.colours, rgb)


def test_a_glb_takes_its_colours_from_its_texture_and_its_places_from_its_nodes(tmp_path: Path) -> None:
    picture = Image.new("RGB", (2, 1), (255, 0, 0))
    picture.putpixel((1, 0), (0, 0, 255))
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=picture)
    visual = trimesh.visual.TextureVisuals(uv=[[0, 0], [1, 0], [1, 1], [0, 1]], material=material)
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float)
    mesh = trimesh.Trimesh(corners, [[0, 1, 2], [0, 2, 3]], visual=visual, process=False)
    scene = trimesh.Scene()
    scene.add_geometry(mesh, transform=trimesh.transformations.translation_matrix([10, 0, 0]))
    (tmp_path / "a.glb").write_bytes(scene.export(file_type="glb"))
    cloud = read_cloud(tmp_path / "a.glb")
    assert cloud.colours is not None
    left, right = cloud.xyz[:, 0] < 10.499, cloud.xyz[:, 0] > 10.501
    assert cloud.xyz[:, 0].min() > 9.99 and cloud.xyz[:, 0].max() < 11.01
    assert (cloud.colours[left] == [255, 0, 0]).all() and (cloud.colours[right] == [0, 0, 255]).all()


def test_an_obj_never_opens_the_files_it_names(write, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    write("secret.mtl", "newmtl a\nKd 1 0 0\nmap_Kd secret.png\n")
    path = write("a.obj", "mtllib secret.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl a\nf 1 2 3\n")
    opened: list[str] = []
    plain = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *how: opened.append(self.name) or plain(self, *how))
    assert len(read_cloud(path)) > 0
    assert set(opened) == {"a.obj"}


def test_e57_without_its_extra_names_the_command(write, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setitem(__import__("sys").modules, "pye57", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'lamm-studio\[e57\]'"):
        read_cloud(write("a.e57", b"ASTM-E57" + bytes(100)), limits=Limits())
