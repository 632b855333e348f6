"""The check of the doctor: its rooms, its harm and its verdicts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from lamm_core.errors import MediaError
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.damage import COLOURS, UNITS, harm
from lamm_core.pointclouds.doctor import examine
from lamm_core.pointclouds.doctor_check import check, evaluate, room_copies, scan_paths, verdicts
from lamm_core.pointclouds.practice_rooms import practice_room


def write_scans(folder: Path, *numbers: int) -> None:
    (folder / "osd" / "clouds").mkdir(parents=True)
    chance = np.random.default_rng(0)
    for number in numbers:
        table = np.c_[chance.uniform(-0.6, 0.6, (4_000, 2)), chance.normal(0, 0.001, 4_000)]
        box = chance.uniform((-0.1, -0.1, 0), (0.1, 0.1, 0.2), (800, 3))
        np.savez(
            folder / "osd" / "clouds" / f"learn_{number:02d}.npz",
            xyz=np.concatenate([table, box]).astype(np.float32),
            rgb=chance.integers(0, 256, (4_800, 3), dtype=np.uint8),
            instance=np.repeat(np.array([0, 1], np.uint8), [4_000, 800]),
        )


def test_a_practice_room_is_the_same_for_a_seed_and_stands_on_its_floor() -> None:
    room, again, other = practice_room(3), practice_room(3), practice_room(4)
    np.testing.assert_array_equal(room.xyz, again.xyz)
    assert room.xyz.shape != other.xyz.shape or not np.array_equal(room.xyz, other.xyz)
    assert (np.abs(room.xyz[:, 2]) < 0.02).mean() > 0.005
    assert float(np.quantile(room.xyz[:, 2], 0.001)) > -0.2
    assert room.rgb.shape == room.xyz.shape


def test_harm_is_remembered_so_that_it_can_be_undone() -> None:
    room = practice_room(1, points=5_000)
    floor = np.abs(room.xyz[:, 2]) < 0.02
    seen_units, seen_colours = set(), set()
    for number in range(40):
        harmed = harm(room.xyz, room.rgb, floor, number=number, seed=0, shift=False, even=True)
        heights = harmed.cloud.xyz[harmed.support] @ harmed.up / UNITS[harmed.unit]
        assert float(np.abs(heights).max()) < 0.021
        assert len(harmed.cloud) == len(harmed.rgb) == len(harmed.strewn)
        seen_units.add(harmed.unit)
        seen_colours.add(harmed.colours)
    assert seen_units == set(UNITS) and seen_colours == set(COLOURS)


def test_the_held_apart_scans_are_the_multiples_of_five(tmp_path: Path) -> None:
    write_scans(tmp_path, 0, 1, 5, 7)
    assert [path.stem for path in scan_paths(tmp_path, "held-apart")] == ["learn_00", "learn_05"]
    assert [path.stem for path in scan_paths(tmp_path, "train")] == ["learn_01", "learn_07"]


def test_a_folder_without_scans_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="--data"):
        scan_paths(tmp_path, "train")


def test_a_wrong_diagnosis_is_not_counted_as_right() -> None:
    room = practice_room(1, points=5_000)
    harmed = harm(room.xyz, room.rgb, np.abs(room.xyz[:, 2]) < 0.02, number=2, seed=0, shift=True, even=True)
    elsewhere = examine(PointCloud(np.ones((1, 3), np.float32), "npz"))
    found = verdicts(harmed, elsewhere)
    assert not any(found["unit"] + found["up"] + found["support at zero"] + found["metres, z up, on its support"])


def test_rooms_are_mostly_understood() -> None:
    result = check(room_copies(8, seed=0))
    right = result["right"]
    assert isinstance(right, dict)
    assert right["up"] >= 0.5 and right["colour range"] == 1.0


def test_the_last_line_printed_is_one_json_object(tmp_path: Path) -> None:
    write_scans(tmp_path, 5)
    app = typer.Typer()
    app.command()(evaluate)
    done = CliRunner().invoke(app, ["--data", str(tmp_path), "--copies", "2", "--rooms", "0"])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["table-tops, held-apart"]["copies"] == 2
    refused = CliRunner().invoke(app, ["--data", str(tmp_path / "nowhere")])
    assert refused.exit_code == 1
