"""What the doctor says of clouds whose truth is known."""

from __future__ import annotations

import json
from time import process_time

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.doctor import apply, examine, rgb8

TURNS = Rotation.create_group("O")


def table_top(seed: int = 0) -> NDArray[np.float64]:
    """A table 1.2 m wide with three boxes on it, as a depth camera sees them: metres, z up, zero on the table."""
    chance = np.random.default_rng(seed)
    table = np.c_[chance.uniform(-0.6, 0.6, 12_000), chance.uniform(-0.4, 0.4, 12_000), np.zeros(12_000)]
    parts = [table]
    for x, y, half, high in ((-0.3, 0.1, 0.06, 0.2), (0.1, -0.1, 0.09, 0.12), (0.35, 0.15, 0.05, 0.07)):
        top = np.c_[chance.uniform(-half, half, (600, 2)) + np.array((x, y)), np.full(600, high)]
        front = np.c_[chance.uniform(-half, half, 600) + x, np.full(600, y - half), chance.uniform(0, high, 600)]
        side = np.c_[np.full(600, x + half), chance.uniform(-half, half, 600) + y, chance.uniform(0, high, 600)]
        parts += [top, front, side]
    places: NDArray[np.float64] = np.concatenate(parts)
    return places + chance.normal(0, 0.0012, places.shape)


def cloud_of(places: NDArray[np.floating], **known: object) -> PointCloud:
    return PointCloud(places.astype(np.float32), "npz", **known)  # type: ignore[arg-type]


def test_a_good_cloud_needs_nothing() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (17_400, 3), dtype=np.uint8)
    diagnosis = examine(cloud_of(table_top(), colours=colours))
    assert [finding.name for finding in diagnosis.findings] == [
        "unit", "up axis", "colours", "outliers", "density", "support",
    ]  # fmt: skip
    assert [diagnosis[name].guess for name in ("unit", "up axis", "colours", "outliers", "density", "support")] == [
        "metres", "z", "0-255", "none", "even", "plane",
    ]  # fmt: skip
    assert diagnosis.fixes() == ()
    assert all(0 <= finding.confidence <= 1 and finding.evidence.endswith(".") for finding in diagnosis.findings)


def test_a_unit_that_cannot_be_told_is_said_to_be_one_of_two_and_nothing_is_scaled() -> None:
    found = examine(cloud_of(table_top() / 0.0254))["unit"]
    assert set(found.guess.split(" or ")) == {"metres", "inches"}
    assert found.fix is None and "Nothing in the file tells the two apart" in found.evidence


@pytest.mark.parametrize("unit, factor", [("metres", 1.0), ("centimetres", 100.0), ("millimetres", 1000.0)])
def test_the_unit_is_told_from_the_size_of_the_scene(unit: str, factor: float) -> None:
    found = examine(cloud_of(table_top() * factor))["unit"]
    assert found.guess == unit
    assert "1.2 m" in found.evidence


def test_a_size_that_was_normalised_away_is_said_to_be_lost() -> None:
    places = table_top()
    places -= (places.min(axis=0) + places.max(axis=0)) / 2
    found = examine(cloud_of(places / np.abs(places).max()))["unit"]
    assert (found.guess, found.fix) == ("unknown", None)
    assert "normalised" in found.evidence


@pytest.mark.parametrize("turn", range(24))
def test_up_is_found_however_a_table_lies(turn: int) -> None:
    turned = TURNS[turn].apply(table_top())
    mended = apply(cloud_of(turned), [fix for fix in examine(cloud_of(turned)).fixes() if fix.kind == "rotate"])
    back = Rotation.align_vectors(mended.xyz[:100], turned[:100])[0]
    np.testing.assert_allclose(back.apply(TURNS[turn].apply([0, 0, 1])), [0, 0, 1], atol=0.02)


def test_a_tilt_is_measured_and_levelled() -> None:
    tilted = cloud_of(Rotation.from_euler("x", 9, degrees=True).apply(table_top()))
    found = examine(tilted)["up axis"]
    assert found.guess == "z" and "9°" in found.evidence
    assert examine(apply(tilted, [found.fix] if found.fix else []))["up axis"].fix is None


def test_a_camera_at_zero_is_faced_away_from() -> None:
    camera = Rotation.from_euler("x", 90 + 35, degrees=True)  # looks along its z, down at the table, x to the right
    seen = camera.apply(table_top() - (0.0, -1.0, 0.7))
    assert seen[:, 2].min() > 0
    mended = apply(cloud_of(seen), examine(cloud_of(seen)).fixes())
    np.testing.assert_allclose(np.median(mended.xyz - table_top(), axis=0)[2], 0, atol=0.01)
    np.testing.assert_allclose(np.ptp(mended.xyz - table_top(), axis=0), 0, atol=0.05)


def test_everything_at_once_is_mended() -> None:
    truth = table_top()
    harmed = (Rotation.from_euler("xz", [-85, 5], degrees=True).apply(truth) + np.array((3.0, -1.0, 0.5))) * 1000
    cloud = cloud_of(harmed, colours=np.random.default_rng(1).random((len(truth), 3)))
    mended = apply(cloud, examine(cloud).fixes())
    table = mended.xyz[:12_000, 2]
    assert abs(float(np.median(table))) < 0.003 and float(table.std()) < 0.01
    assert np.ptp(mended.xyz[:, 2]) == pytest.approx(np.ptp(truth[:, 2]), abs=0.02)
    assert mended.colours is not None and mended.colours.dtype == np.uint8
    assert len(mended.notes) == 4


def test_strewn_points_are_counted_and_left_out() -> None:
    chance = np.random.default_rng(2)
    cloud = cloud_of(np.concatenate([table_top(), chance.uniform(-5, 5, (60, 3))]))
    found = examine(cloud)["outliers"]
    assert found.guess == "few" and found.fix is not None
    assert 17_400 - 20 <= len(apply(cloud, [found.fix])) <= 17_400 + 5


def test_a_half_that_was_thinned_is_called_uneven() -> None:
    places = table_top()
    thinned = (places[:, 0] < 0) | (np.random.default_rng(3).random(len(places)) < 1 / 40)
    assert examine(cloud_of(places[thinned]))["density"].guess == "uneven"


def test_a_format_that_fixes_its_axes_is_believed_where_the_cloud_says_little() -> None:
    ball = np.random.default_rng(4).normal(size=(4_000, 3)).astype(np.float32)
    assert examine(PointCloud(ball, "las"))["up axis"].guess == "z"
    assert examine(PointCloud(ball, "glb"))["up axis"].guess == "y"
    assert examine(PointCloud(ball, "ply"))["up axis"].guess == "unknown"
    assert examine(PointCloud(ball, "ply", origin=(665_187.0, 5_648_350.0, 0.0)))["up axis"].guess == "z"


@pytest.mark.parametrize(
    "places",
    [
        np.zeros((0, 3)),
        np.ones((1, 3)),
        np.eye(3),
        np.full((10, 3), np.nan),
        np.ones((5_000, 3)),
        np.linspace(0, 1, 5_000)[:, None] * [1, 2, 3],
        np.random.default_rng(0).random((5_000, 3)) * [1, 1, 0],
        np.random.default_rng(0).random((5_000, 3)) + 1e7,
        np.random.default_rng(0).random((5_000, 3)) * 1e30,
        np.random.default_rng(0).random((5_000, 3)) * 1e-30,
        np.where(np.random.default_rng(0).random((5_000, 3)) < 0.2, np.inf, 1.0),
    ],
    ids=["none", "one", "three", "nan", "equal", "line", "sheet", "far", "huge", "tiny", "infinite"],
)
def test_a_degenerate_cloud_gets_findings_and_no_error(places: NDArray[np.float64]) -> None:
    cloud = cloud_of(places)
    diagnosis = examine(cloud)
    assert len(diagnosis.findings) == 6
    assert apply(cloud, [fix for fix in diagnosis.fixes() if fix.kind != "drop-strays"]).xyz.shape == places.shape
    json.dumps(diagnosis.record(), allow_nan=False)


def test_the_same_cloud_gets_the_same_diagnosis() -> None:
    assert examine(cloud_of(table_top())) == examine(cloud_of(table_top()))


def test_three_hundred_thousand_points_take_under_half_a_second_of_processor_time() -> None:
    chance = np.random.default_rng(5)
    many = np.concatenate([table_top(seed) for seed in range(18)])[:300_000]
    cloud = cloud_of(many + chance.normal(0, 0.0005, many.shape))
    taken = []
    for _ in range(3):
        start = process_time()
        examine(cloud)
        taken.append(process_time() - start)
    assert min(taken) < 0.5


@pytest.mark.parametrize(
    "written, named",
    [
        (lambda rgb: rgb, "0-255"),
        (lambda rgb: rgb.astype(np.float64), "0-255"),
        (lambda rgb: rgb.astype(np.uint16), "0-255"),
        (lambda rgb: (rgb / 255).astype(np.float32), "0-1"),
        (lambda rgb: rgb / 127.5 - 1, "-1-1"),
        (lambda rgb: rgb.astype(np.uint16) * 257, "16-bit"),
        (lambda rgb: rgb.astype(np.float64) * 257, "16-bit"),
    ],
)
def test_colours_are_the_same_however_they_were_written(written: object, named: str) -> None:
    rgb = np.random.default_rng(6).integers(0, 256, (500, 3), dtype=np.uint8)
    cloud = cloud_of(np.random.default_rng(6).random((500, 3)), colours=written(rgb))  # type: ignore[operator]
    assert examine(cloud)["colours"].guess == named
    np.testing.assert_array_equal(rgb8(cloud), rgb)


def test_colours_that_say_nothing_are_not_shown() -> None:
    places = np.random.default_rng(7).random((100, 3))
    assert rgb8(cloud_of(places)) is None
    black = cloud_of(places, colours=np.zeros((100, 3), np.uint8))
    assert examine(black)["colours"].guess == "black" and rgb8(black) is None
    odd = cloud_of(places, colours=np.full((100, 3), -500.0))
    assert examine(odd)["colours"].guess == "unknown" and rgb8(odd) is None
    lost = cloud_of(places, colours=np.full((100, 3), np.nan))
    assert examine(lost)["colours"].guess == "none" and rgb8(lost) is None


def test_shares_stored_as_whole_numbers_are_said_to_be_lost() -> None:
    colours = np.random.default_rng(8).integers(0, 2, (100, 3))
    cloud = cloud_of(np.random.default_rng(8).random((100, 3)), colours=colours)
    found = examine(cloud)["colours"]
    assert found.guess == "0 or 1" and "lost" in found.evidence
    np.testing.assert_array_equal(rgb8(cloud), colours * 255)
