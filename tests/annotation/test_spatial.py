"""Scenes in space: colour names, solids, what a camera sees of them, records on disk."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from annotation.__main__ import app
from annotation.spatial import Scan, from_instances, from_record, imagined, osd, synthetic, to_record
from annotation.spatial.layout import room, table_top
from annotation.spatial.pictures import picture
from annotation.spatial.shapes import FAR, box, corners, cylinder, moved, sphere, spin
from lamm_core.data.instructions import read_samples
from lamm_core.grounding import box_overlap_3d
from lamm_core.pointclouds.shades import NAMES, PALETTE, name_colour, shade_of


def rays_down(x: float, y: float) -> np.ndarray:
    return np.array([[x], [y], [-1.0]], dtype=np.float32)


ORIGIN = np.array((0.0, 0.0, 1.0), dtype=np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_the_name_of_its_own_colour_in_light_and_in_shade(name: str) -> None:
    for light in (0.9, 1.0, 1.05):
        red, green, blue = (min(255, value * light) for value in PALETTE[name])
        assert name_colour((red, green, blue)) == name


def test_a_thing_of_two_colours_in_equal_parts_has_no_sure_name_and_two_possible_ones() -> None:
    half = np.array([PALETTE["red"]] * 50 + [PALETTE["blue"]] * 49 + [PALETTE["yellow"]] * 2, dtype=np.uint8)
    assert shade_of(half) == (None, ("red", "blue"))
    assert shade_of(half[:60]) == ("red", ("red",))
    assert shade_of(None) == (None, ())


def test_a_ray_meets_the_top_of_a_box_at_its_height() -> None:
    distance, normal = box((0.4, 0.4, 0.3)).hit(ORIGIN, rays_down(0.1, 0.0))
    assert distance[0] == pytest.approx(0.7)
    assert normal[:, 0] == pytest.approx((0, 0, 1))


def test_a_ray_misses_a_box_that_was_turned_out_of_its_way() -> None:
    long = box((1.0, 0.1, 0.3))
    ray = rays_down(0.5, 0.0)  # meets x = 0.35 at the height of the top
    assert long.hit(ORIGIN, ray)[0][0] < FAR
    assert moved(long, spin(math.pi / 2), (0.0, 0.0, 0.0)).hit(ORIGIN, ray)[0][0] == FAR


def test_an_open_cylinder_shows_its_bottom_and_a_closed_one_its_top() -> None:
    cup = cylinder((0.2, 0.2, 0.3), closed=(True, False))
    assert cup.hit(ORIGIN, rays_down(0.0, 0.0))[0][0] == pytest.approx(1.0)
    assert cylinder((0.2, 0.2, 0.3)).hit(ORIGIN, rays_down(0.0, 0.0))[0][0] == pytest.approx(0.7)


def test_a_sphere_is_round_and_its_normals_face_the_ray() -> None:
    ball = sphere((0.4, 0.4, 0.4))
    distance, normal = ball.hit(ORIGIN, rays_down(0.0, 0.0))
    assert distance[0] == pytest.approx(0.6) and normal[2, 0] == pytest.approx(1)
    assert ball.hit(ORIGIN, rays_down(0.3, 0.0))[0][0] == FAR


def test_corners_enclose_what_rays_hit() -> None:
    part = moved(cylinder((0.2, 0.3, 0.4), top=1.4), spin(0.7), (0.3, -0.2, 0.0))
    low, high = corners(part).min(0), corners(part).max(0)
    grid = np.stack(np.meshgrid(np.linspace(-1, 1, 60), np.linspace(-1, 1, 60)), -1).reshape(-1, 2)
    rays = np.column_stack((grid, np.full(len(grid), -1.0))).T.astype(np.float32)
    distance, _ = part.hit(ORIGIN, rays)
    hit = distance < FAR
    places = ORIGIN[:, None] + rays[:, hit] * distance[hit]
    assert hit.sum() > 20
    assert (low - 1e-4 <= places.T).all() and (high + 1e-4 >= places.T).all()


@pytest.mark.parametrize("seed", range(12))
def test_things_on_a_table_never_run_through_each_other(seed: int) -> None:
    placed = table_top(random.Random(seed))
    assert 1 <= len(placed) <= 9
    for first in placed:
        for second in placed:
            assert first is second or box_overlap_3d(first.box, second.box) < 1e-6


def test_some_table_tops_are_stacked_and_some_rooms_hold_furniture_of_many_kinds() -> None:
    tables = [one for seed in range(30) for one in table_top(random.Random(seed))]
    assert any(one.box.low[2] > 0.03 for one in tables)
    rooms = [one for seed in range(30) for one in room(random.Random(seed), half=1.5)]
    assert {"chair", "table", "cabinet", "sofa", "lamp", "person"} <= {one.thing.label for one in rooms}


@pytest.fixture(scope="module")
def scenes() -> list[Scan]:
    return list(synthetic.scans(14, seed="test"))


def test_the_same_seed_renders_the_same_scan(scenes: list[Scan]) -> None:
    again = next(synthetic.scans(1, seed="test"))
    assert np.array_equal(again.xyz, scenes[0].xyz) and np.array_equal(again.rgb, scenes[0].rgb)
    assert again.objects == scenes[0].objects
    assert not np.array_equal(next(synthetic.scans(1, seed="other")).xyz, scenes[0].xyz)


def test_a_scan_has_its_support_at_height_zero_and_its_origin_amid_it(scenes: list[Scan]) -> None:
    for scan in scenes:
        ground = scan.xyz[(scan.instance == 0) & (np.abs(scan.xyz[:, 2]) < 0.05)]
        assert abs(np.median(ground[:, 2])) < 0.01
        assert np.abs(ground[:, :2].mean(0)).max() < 0.05


def test_objects_are_numbered_by_their_points_and_boxed_by_percentiles(scenes: list[Scan]) -> None:
    for scan in scenes:
        assert [thing.number for thing in scan.objects] == list(range(1, len(scan.objects) + 1))
        points = [thing.points for thing in scan.objects]
        assert points == sorted(points, reverse=True) and points[-1] >= 1
        assert sorted(points) == sorted(np.bincount(scan.instance)[1:][np.bincount(scan.instance)[1:] > 0].tolist())
        for thing in scan.objects:
            inside = (np.abs(scan.xyz - thing.box.centre) <= np.array(thing.box.size) / 2 + 1e-6).all(1)
            assert (inside & (scan.instance > 0)).sum() >= 0.97 * thing.points - 6  # a point or so beyond each side


def test_both_tables_and_rooms_come_and_both_plain_and_named_things(scenes: list[Scan]) -> None:
    assert {scan.place for scan in scenes} == {"table", "floor"}
    labels = {thing.label for scan in scenes for thing in scan.objects}
    assert "object" in labels and len(labels) > 4


def test_the_support_under_things_is_mostly_out_of_sight(scenes: list[Scan]) -> None:
    bare = []
    for scan in scenes:
        ground = scan.xyz[(scan.instance == 0) & (np.abs(scan.xyz[:, 2]) < 0.01)]
        for thing in scan.objects:
            if thing.label in ("box", "book", "cylinder", "cabinet", "bowl") and thing.box.low[2] < 0.03:
                aside = np.abs(ground[:, :2] - thing.box.centre[:2]) / thing.box.size[:2]
                bare.append(bool((aside.max(1) < 0.1).any()))
    assert len(bare) >= 5
    assert sum(bare) < 0.25 * len(bare)  # of a tall box set askew only one face is seen, and the table just before it


def test_imagined_scenes_have_objects_without_points_and_are_repeatable() -> None:
    first, again = (list(imagined.scans(40, seed="a")) for _ in range(2))
    assert [scan.objects for scan in first] == [scan.objects for scan in again]
    assert all(scan.xyz is None and scan.objects for scan in first)
    assert all(min(thing.box.size) > 0 and thing.box.low[2] > -1e-6 for scan in first for thing in scan.objects)
    assert any(all(thing.rgb is None for thing in scan.objects) for scan in first)


def labelled_scan() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A table with a large red block (instance 2) left of a small blue one (instance 1)."""
    rng = np.random.default_rng(0)
    table = np.column_stack((rng.uniform(-0.5, 0.5, (400, 2)), np.zeros(400)))
    red = rng.uniform((-0.3, -0.1, 0), (-0.1, 0.1, 0.3), (300, 3))
    blue = rng.uniform((0.1, -0.05, 0), (0.2, 0.05, 0.1), (100, 3))
    colours = np.repeat(np.array([(150, 150, 150), PALETTE["red"], PALETTE["blue"]]), (400, 300, 100), axis=0)
    return np.concatenate((table, red, blue)), colours.astype(np.uint8), np.repeat((0, 2, 1), (400, 300, 100))


def test_objects_of_a_labelled_cloud_carry_colour_box_and_number() -> None:
    xyz, rgb, instance = labelled_scan()
    first, second = from_instances(xyz, rgb, instance)
    assert (first.number, first.colour, first.points) == (1, "red", 300)
    assert (second.number, second.colour, second.points) == (2, "blue", 100)
    assert first.box.centre == pytest.approx((-0.2, 0, 0.15), abs=0.02)
    assert first.box.size == pytest.approx((0.2, 0.2, 0.3), abs=0.02)
    bare = from_instances(xyz, None, instance)
    assert bare[0].colour is None and bare[0].possible == ()


def test_an_object_survives_its_record() -> None:
    xyz, rgb, instance = labelled_scan()
    for thing in from_instances(np.round(xyz, 2), rgb, instance):
        again = from_record(json.loads(json.dumps(to_record(thing))))
        assert (again.number, again.label, again.colour, again.possible) == (
            thing.number,
            "object",
            thing.colour,
            thing.possible,
        )
        assert again.box.centre == pytest.approx(thing.box.centre, abs=1e-4)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with scans 3 and 5 in the layout of the labelled scans."""
    folder = tmp_path / "data" / "osd" / "clouds"
    folder.mkdir(parents=True)
    xyz, rgb, instance = labelled_scan()
    for number in (3, 5):
        np.savez(
            folder / f"learn_{number:02d}.npz", xyz=xyz.astype(np.float32), rgb=rgb, instance=instance.astype(np.uint8)
        )
    return tmp_path / "data"


def test_scans_whose_number_is_a_multiple_of_five_are_held_apart(data: Path) -> None:
    assert [scan.id for scan in osd.scans(data, "train")] == ["learn_03"]
    assert [scan.id for scan in osd.scans(data, "test")] == ["learn_05"]


@pytest.mark.parametrize("name", ["osd", "synthetic", "imagined"])
def test_the_command_writes_records_that_the_reader_of_instruction_data_reads(
    name: str, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = ["spatial", "--set", name, "--data", str(data), "--out", str(out), "--limit", "2", "--look", "1"]
    written = []
    for _ in range(2):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
        written.append((out / "pairs.json").read_text())
    assert written[0] == written[1]
    samples = list(read_samples(out / "pairs.json"))
    assert len(samples) >= 5
    suffix = ".findings" if name == "imagined" else ".npz"
    for sample in samples:
        assert [medium.modality for medium in sample.media] == ["pointcloud"]
        assert sample.media[0].path.is_file() and sample.media[0].path.suffix == suffix
        assert sample.metadata["source_dataset"] == name
        numbers = [thing["number"] for thing in sample.target["objects"]]
        assert numbers == list(range(1, len(numbers) + 1))
        assert all(len(thing["bbox"]) == 6 and thing["label"] for thing in sample.target["objects"])
    assert len(list((out / "look").iterdir())) == 1


def test_a_stored_cloud_holds_points_colours_and_instances(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["spatial", "--set", "synthetic", "--out", str(tmp_path), "--limit", "1"])
    assert result.exit_code == 0, result.output
    with np.load(next((tmp_path / "media").iterdir())) as stored:
        kinds = {name: (stored[name].dtype.name, stored[name].shape[1:]) for name in stored}
    assert kinds == {"xyz": ("float32", (3,)), "rgb": ("uint8", (3,)), "instance": ("uint8", ())}


def test_a_folder_without_scans_and_a_damaged_scan_are_named(data: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["spatial", "--set", "osd", "--data", str(tmp_path), "--out", str(tmp_path / "o")])
    assert result.exit_code == 1 and "holds no scans" in " ".join(result.output.split())
    (data / "osd" / "clouds" / "learn_03.npz").write_bytes(b"not a zip")
    result = CliRunner().invoke(app, ["spatial", "--set", "osd", "--data", str(data), "--out", str(tmp_path / "o")])
    assert result.exit_code == 1 and "learn_03.npz" in result.output


def test_a_picture_of_a_scan_shows_its_boxes(scenes: list[Scan]) -> None:
    image = np.asarray(picture(scenes[0]))
    assert ((image == (255, 255, 0)).all(-1)).sum() > 100
