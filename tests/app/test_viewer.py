"""A cloud becomes bytes whose beginning shows it whole, kept for one session; only what can be a click is one."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.viewer import routes
from app.viewer.encode import PREVIEW_POINTS, decode_positions, encode_cloud, preview_order
from app.viewer.normals import estimate_normals, pack_normals
from app.viewer.plain import MOST_PLAIN_POINTS, plain_figure
from app.viewer.shelf import CloudShelf
from app.viewer.value import EMPTY_VALUE, Pick, ViewBox, read_pick, view_value
from lamm_core.errors import MediaError
from lamm_core.grounding import Box3D
from lamm_core.pointclouds.cloud import PointCloud

VIEWER = Path(routes.__file__).parent


def scattered(count: int, *, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform([-4, 0, -0.1], [4, 6, 2.4], (count, 3)).astype(np.float32)


def colours_of(content: bytes, count: int) -> NDArray[np.uint8]:
    """The colours of a cloud of a single block."""
    return np.frombuffer(content[-4 * count :], np.uint8).reshape(-1, 4)


def test_places_come_back_to_a_tenth_of_a_millimetre() -> None:
    xyz = scattered(70_001)
    encoded = encode_cloud(xyz, None)
    back = decode_positions(encoded.content)
    assert np.abs(back - xyz[encoded.order]).max() < 1e-4
    assert sorted(encoded.order.tolist()) == list(range(len(xyz)))


def test_a_point_takes_ten_bytes() -> None:
    assert abs(len(encode_cloud(scattered(100_000), None).content) / 100_000 - 10) < 0.001


def test_colours_and_objects_stay_with_their_points() -> None:
    xyz = scattered(501)
    rgb = np.random.default_rng(1).integers(0, 256, (501, 3)).astype(np.uint8)
    instance = np.arange(501, dtype=np.int32) % 4
    encoded = encode_cloud(xyz, rgb, instance)
    sent = colours_of(encoded.content, 501)
    assert (sent[:, :3] == rgb[encoded.order]).all() and (sent[:, 3] == instance[encoded.order]).all()
    assert int.from_bytes(encoded.content[8:12], "little") == 1 | 2 | 4


def test_more_objects_than_a_byte_holds_are_no_numbers_any_more() -> None:
    instance = np.array([0, 1, 255, 256, 511], np.int32)
    encoded = encode_cloud(scattered(5), None, instance)
    sent = dict(zip(encoded.order.tolist(), colours_of(encoded.content, 5)[:, 3].tolist(), strict=True))
    assert [sent[place] for place in range(5)] == [0, 1, 255, 1, 1]
    assert int.from_bytes(encoded.content[8:12], "little") == 2


def test_points_that_are_nowhere_are_left_out() -> None:
    xyz = scattered(10)
    xyz[3], xyz[7, 1] = np.nan, np.inf
    assert sorted(encode_cloud(xyz, None).order.tolist()) == [0, 1, 2, 4, 5, 6, 8, 9]


@pytest.mark.parametrize("xyz", [np.zeros((0, 3), np.float32), np.full((4, 3), np.nan, np.float32)])
def test_a_cloud_without_places_is_refused(xyz: NDArray[np.float32]) -> None:
    with pytest.raises(MediaError, match="no point with finite coordinates"):
        encode_cloud(xyz, None)


@pytest.mark.parametrize("xyz", [np.ones((1, 3)), np.tile([1.0, 2, 3], (9, 1)), np.array([[0, 0, 0], [0, 0, 5.0]])])
def test_clouds_without_extent_along_an_axis_are_sent(xyz: NDArray[np.float64]) -> None:
    encoded = encode_cloud(xyz.astype(np.float32), None)
    assert np.allclose(decode_positions(encoded.content), xyz[encoded.order], atol=1e-4)


def test_the_first_points_show_the_sparse_parts_too() -> None:
    random = np.random.default_rng(0)
    crowd = random.normal(0, 0.02, (300_000, 3))
    around = random.uniform(-5, 5, (3_000, 3))
    xyz = np.concatenate([crowd, around]).astype(np.float32)
    first = preview_order(xyz)[:PREVIEW_POINTS]
    assert (first >= len(crowd)).sum() > 0.95 * len(around), "one in six would be there by chance"


def test_the_same_cloud_has_the_same_order() -> None:
    xyz = scattered(60_000)
    first, second = preview_order(xyz), preview_order(xyz)
    assert (first == second).all() and sorted(first.tolist()) == list(range(len(xyz)))


def test_a_cloud_over_the_limit_is_thinned_evenly() -> None:
    encoded = encode_cloud(scattered(5_000), None, most=1_000)
    assert encoded.count == 1_000 and np.abs(decode_positions(encoded.content).mean(0) - [0, 3, 1.15]).max() < 0.3


def test_normals_of_a_floor_point_up_and_of_a_wall_sideways() -> None:
    random = np.random.default_rng(0)
    floor = np.column_stack([random.uniform(0, 2, (60_000, 2)), np.zeros(60_000)])
    wall = np.column_stack([random.uniform(0, 2, 5_000), np.full(5_000, 2.0), random.uniform(0.2, 2, 5_000)])
    xyz = np.concatenate([floor, wall]).astype(np.float32)
    order = preview_order(xyz)
    normals = estimate_normals(xyz[order])
    assert (normals[order < 60_000][:, 2] > 0.99).mean() > 0.98
    assert (np.abs(normals[order >= 60_000][:, 1]) > 0.99).mean() > 0.9
    assert len(pack_normals(np.array([[np.nan, 0, 0], [0, 0, 0], [0, 3, 0]], np.float32))) == 12


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_few_points_have_normals_too(count: int) -> None:
    assert estimate_normals(scattered(count)).shape == (count, 3)


def test_a_session_sees_its_clouds_and_no_other() -> None:
    shelf = CloudShelf()
    mine = shelf.put("me", PointCloud(scattered(10), "test"), None)
    theirs = shelf.put("them", PointCloud(scattered(10, seed=1), "test"), None)
    name = mine.url.rsplit("/", 1)[1]
    assert shelf.points(name, mine.key) is not None
    assert shelf.points(name, theirs.key) is None and shelf.points(name, "") is None
    assert shelf.points("another", mine.key) is None and shelf.normals(name, theirs.key) is None
    assert mine.key == shelf.put("me", PointCloud(scattered(3), "test"), None).key != theirs.key


def test_a_session_that_is_gone_takes_its_clouds_along() -> None:
    shelf = CloudShelf()
    mine, theirs = (shelf.put(name, PointCloud(scattered(10), "test"), None) for name in ("me", "them"))
    shelf.forget("me")
    assert shelf.points(mine.url.rsplit("/", 1)[1], mine.key) is None
    assert shelf.points(theirs.url.rsplit("/", 1)[1], theirs.key) is not None


def test_a_full_shelf_forgets_the_oldest_and_never_the_newest() -> None:
    shelf = CloudShelf(limit_bytes=3_000)
    shown = [shelf.put("me", PointCloud(scattered(100), "test"), None) for _ in range(5)]
    kept = [shelf.points(one.url.rsplit("/", 1)[1], one.key) is not None for one in shown]
    assert kept == [False, False, False, True, True]
    large = shelf.put("me", PointCloud(scattered(900), "test"), None)
    assert shelf.points(large.url.rsplit("/", 1)[1], large.key) is not None


def test_the_normals_of_the_file_are_the_ones_shown() -> None:
    xyz, normals = scattered(20), np.tile(np.array([0, 1, 0], np.float32), (20, 1))
    shelf = CloudShelf()
    shown = shelf.put("me", PointCloud(xyz, "test", normals=normals), None)
    packed = shelf.normals(shown.url.rsplit("/", 1)[1], shown.key)
    assert packed == bytes([0, 127, 0, 0]) * 20


def test_an_address_without_its_key_opens_nothing() -> None:
    shelf = CloudShelf()
    mine = shelf.put("me", PointCloud(scattered(10), "test"), None)
    theirs = shelf.put("them", PointCloud(scattered(10), "test"), None)
    client = TestClient(Starlette(routes=routes.viewer_routes(shelf)))
    for headers in ({}, {routes.KEY_HEADER: theirs.key}, {routes.KEY_HEADER: ""}):
        assert client.get(mine.url, headers=headers).status_code == 404
        assert client.get(f"{mine.url}/normals", headers=headers).status_code == 404
    answer = client.get(mine.url, headers={routes.KEY_HEADER: mine.key})
    assert answer.status_code == 200 and answer.content[:4] == b"LPC1"
    assert answer.headers["cache-control"] == "no-store" and "content-encoding" not in answer.headers
    assert len(client.get(f"{mine.url}/normals", headers={routes.KEY_HEADER: mine.key}).content) == 40


def test_the_script_is_served_under_the_name_of_its_version() -> None:
    client = TestClient(Starlette(routes=routes.viewer_routes(CloudShelf())))
    answer = client.get(routes.script_address())
    assert answer.content == (VIEWER / "pcviewer.mjs").read_bytes() and "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    assert client.get("/lamm/viewer/older/pcviewer.mjs").status_code == 404


def test_the_bundle_was_made_from_the_sources_beside_it() -> None:
    files = [path for path in (VIEWER / "js").iterdir() if path.suffix in {".js", ".css"}]
    files.append(VIEWER / "js" / "package-lock.json")
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.name):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    first_line = (VIEWER / "pcviewer.mjs").read_text(encoding="utf-8").split("\n", 1)[0]
    assert first_line == f"// sources {digest.hexdigest()}", "cd app/viewer/js && npm ci && npm run build"


def test_the_bundle_is_small_and_carries_its_licence() -> None:
    content = (VIEWER / "pcviewer.mjs").read_bytes()
    assert len(gzip.compress(content)) < 250_000 and b"Three.js Authors" in content
    locked = json.loads((VIEWER / "js" / "package-lock.json").read_text())["packages"]
    assert (
        locked["node_modules/three"]["version"]
        == json.loads((VIEWER / "js" / "package.json").read_text())["dependencies"]["three"]
    )


def box(number: int = 1, label: str = "red box", kind: str = "answer") -> ViewBox:
    return ViewBox(number, label, Box3D((0.0, 0.0, 0.5), (1.0, 2.0, 1.0)), kind, 0.5)  # type: ignore[arg-type]


def test_the_value_is_plain_json() -> None:
    shown = CloudShelf().put("me", PointCloud(scattered(10), "test"), None)
    value = view_value(shown, [box()], highlight=(1,))
    assert json.loads(json.dumps(value)) == value
    assert value["boxes"][0] | {"number": 1, "kind": "answer"} == value["boxes"][0] and value["highlight"] == [1]
    assert view_value(None, [box()]) == EMPTY_VALUE


@pytest.mark.parametrize(
    ("data", "pick"),
    [
        ({"number": 3, "point": [1, 2.5, -3]}, Pick(3, (1.0, 2.5, -3.0))),
        ({"number": None, "point": [0, 0, 0]}, Pick(None, (0.0, 0.0, 0.0))),
        ({"number": 3, "point": None}, Pick(3, None)),
        ({"number": None, "point": None}, None),
        ({"number": True, "point": None}, None),
        ({"number": -1, "point": None}, None),
        ({"number": "3", "point": None}, None),
        ({"number": 3, "point": [1, 2]}, None),
        ({"number": 3, "point": [1, 2, float("nan")]}, None),
        ({"number": 3, "point": [1, 2, "3"]}, None),
        ({"number": 3, "point": {"x": 1}}, None),
        (None, None),
        ("pick", None),
    ],
)
def test_a_click_is_believed_only_where_it_can_be_one(data: object, pick: Pick | None) -> None:
    assert read_pick(data) == pick


def test_flat_views_show_at_most_as_many_points_as_svg_bears() -> None:
    xyz = scattered(50_000)
    rgb = np.random.default_rng(0).integers(0, 256, (50_000, 3)).astype(np.uint8)
    figure = plain_figure(xyz, rgb, [box(label="<b>bold</b> & red"), box(2, kind="proposal")])
    assert sum(len(trace.x) for trace in figure.data) == MOST_PLAIN_POINTS
    assert {trace.type for trace in figure.data} == {"scatter"}
    texts = [note.text for note in figure.layout.annotations]
    assert len(figure.layout.shapes) == 4 and not any("<" in text for text in texts)


@pytest.mark.parametrize("count", [0, 1, 7])
def test_flat_views_of_few_points_can_be_drawn(count: int) -> None:
    for rgb in (None, np.full((count, 3), 9, np.uint8)):
        assert sum(len(trace.x) for trace in plain_figure(scattered(count), rgb).data) == 2 * count
