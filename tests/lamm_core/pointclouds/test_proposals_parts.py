"""What proposals are made of: patches, merging, networks, labelled scenes, crowds and the figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lamm_core.errors import DataError
from lamm_core.grounding import Box3D
from lamm_core.pointclouds.crowding import crowd
from lamm_core.pointclouds.features import FEATURES, WHOLE_FEATURES, pair_features, region_features
from lamm_core.pointclouds.judge import Judges, fit, read_judges, write_judges
from lamm_core.pointclouds.labelled import LabelledScene, read_labelled
from lamm_core.pointclouds.matching import Tally, count_matches, true_boxes
from lamm_core.pointclouds.merging import merge, regions_of, spanning
from lamm_core.pointclouds.proposals import propose
from lamm_core.pointclouds.proposals_check import check
from lamm_core.pointclouds.proposals_training import train
from lamm_core.pointclouds.segments import group_patches, lab_colours, voxelise
from lamm_core.pointclouds.standing import Standing, stand_out


def calm(seed: int) -> LabelledScene:
    """Two coloured boxes on a table, the front, top and sides of each."""
    generator = np.random.default_rng(seed)
    table = np.column_stack([generator.random((6000, 2)) - (0.5, 0.4), np.zeros(6000)])
    xyz, rgb, instance = [table], [np.full((6000, 3), 200)], [np.zeros(6000)]
    for name, (x, colour) in enumerate(((-0.25, (200, 30, 30)), (0.15, (30, 30, 200))), start=1):
        span = generator.uniform(0.08, 0.15, 3)
        points = generator.random((4000, 3))
        face = generator.integers(0, 4, 4000)
        points[face == 0, 2] = 1
        points[face == 1, 1] = 0
        points[face == 2, 0] = 0
        points[face == 3, 0] = 1
        xyz.append(points * span + (x, generator.uniform(-0.1, 0.1), 0.0))
        rgb.append(np.tile(colour, (4000, 1)))
        instance.append(np.full(4000, name))
    joined = np.concatenate(xyz)
    joined = joined + generator.normal(0, 0.001, joined.shape)
    return LabelledScene(
        f"calm_{seed:02d}", joined.astype(np.float32), np.concatenate(rgb).astype(np.uint8),
        np.concatenate(instance).astype(np.int32),
    )  # fmt: skip


@pytest.fixture(scope="module")
def standing() -> Standing:
    scene = calm(0)
    found = stand_out(scene.xyz, scene.rgb)
    assert found is not None
    return found


def test_voxels_keep_every_point_and_patches_every_voxel(standing: Standing) -> None:
    voxels, patches = standing.voxels, standing.patches
    assert len(voxels.of_point) == len(standing.places)
    assert set(voxels.of_point) == set(range(len(voxels)))
    assert set(patches.of_voxel) == set(range(patches.count))
    assert np.allclose(np.linalg.norm(voxels.normals, axis=1), 1)


def test_patches_stay_within_one_object(standing: Standing) -> None:
    instance = calm(0).instance[standing.places]
    of_point = standing.patches.of_voxel[standing.voxels.of_point]
    shares = np.zeros((standing.patches.count, 3))
    np.add.at(shares, (of_point, instance), 1)
    assert shares.max(axis=1).sum() / shares.sum() > 0.99


def test_lab_colours_know_white_black_and_which_red_is() -> None:
    white, black, red = lab_colours(np.array([[255.0, 255, 255], [0, 0, 0], [255, 0, 0]]))
    assert np.allclose(white, [1, 0, 0], atol=0.01)
    assert np.allclose(black, 0, atol=0.01)
    assert np.allclose(red, [0.532, 0.801, 0.672], atol=0.01)


def test_normals_face_the_viewer() -> None:
    flat = np.column_stack([np.random.default_rng(0).random((2000, 2)), np.zeros(2000)])
    above = voxelise(flat, None, 0.05, np.array([0.5, 0.5, 2.0]))
    below = voxelise(flat, None, 0.05, np.array([0.5, 0.5, -2.0]))
    assert np.all(above.normals[:, 2] > 0.9) and np.all(below.normals[:, 2] < -0.9)


def test_merging_in_steps_sums_up_to_what_merging_at_once_gives(standing: Standing) -> None:
    regions = regions_of(standing.voxels, standing.patches, standing.heights, standing.viewer)
    generator = np.random.default_rng(0)
    first = generator.permutation(np.arange(len(regions)) % 20)
    second = generator.permutation(np.arange(20) % 5)
    steps, once = regions.joined(first).joined(second), regions.joined(second[first])
    assert np.allclose(steps.sums, once.sums) and np.allclose(steps.boundary, once.boundary)
    assert np.array_equal(steps.pairs, once.pairs) and np.array_equal(steps.of_voxel, once.of_voxel)


def test_a_judge_that_always_agrees_leaves_one_region_a_connected_part(standing: Standing) -> None:
    regions = regions_of(standing.voxels, standing.patches, standing.heights, standing.viewer)
    merged = merge(regions, lambda some: np.ones(len(some.pairs)))
    assert len(merged) == 2
    assert len(merge(regions, lambda some: -np.ones(len(some.pairs)))) == len(regions)
    assert len(spanning(merged, standing.voxels, standing.heights, reach=1e4).pairs) == 1
    assert len(spanning(merged, standing.voxels, standing.heights, reach=2.0).pairs) == 0


@pytest.mark.parametrize("coloured", [True, False])
def test_features_are_finite_and_as_many_as_their_names(coloured: bool) -> None:
    scene = calm(1)
    found = stand_out(scene.xyz, scene.rgb if coloured else None)
    assert found is not None
    regions = regions_of(found.voxels, group_patches(found.voxels), found.heights, found.viewer)
    features = pair_features(regions)
    assert features.shape == (len(regions.pairs), len(FEATURES))
    assert np.isfinite(features).all()
    assert np.all(features[:, FEATURES.index("coloured")] == coloured)
    assert region_features(regions, features[:, 0]).shape == (len(regions), len(WHOLE_FEATURES))


def test_features_do_not_change_with_the_scale_of_the_scene() -> None:
    scene = calm(2)
    small, large = stand_out(scene.xyz, None), stand_out(scene.xyz.astype(float) * 1.5, None)
    assert small is not None and large is not None
    rows = [
        pair_features(regions_of(each.voxels, each.patches, each.heights, each.viewer)).mean(axis=0)
        for each in (small, large)
    ]
    assert np.allclose(rows[0], rows[1], atol=0.1)


def test_a_network_learns_what_no_straight_line_divides() -> None:
    generator = np.random.default_rng(0)
    inputs = generator.uniform(-1, 1, (3000, 2))
    labels = (inputs[:, 0] * inputs[:, 1] > 0).astype(float)
    network = fit(inputs, labels, np.ones(3000), hidden=12, epochs=40, decay=1e-4)
    assert np.mean((network(inputs) > 0) == labels) > 0.95


def test_the_shipped_networks_fit_the_features_and_survive_being_written(tmp_path: Path) -> None:
    shipped = read_judges()
    assert len(shipped.touching.means) == len(shipped.apart.means) == len(FEATURES)
    assert len(shipped.whole.means) == len(WHOLE_FEATURES)
    write_judges(shipped, tmp_path / "again.json")
    again = read_judges(tmp_path / "again.json")
    rows = np.random.default_rng(0).normal(shipped.apart.means, shipped.apart.spreads, (50, len(FEATURES)))
    assert np.array_equal(again.apart(rows), shipped.apart(rows))


def test_a_crowd_has_more_objects_none_through_another_and_hides_what_is_behind() -> None:
    scenes = [calm(seed) for seed in range(3)]
    crowded = crowd(scenes, np.random.default_rng(0))
    assert 2 < len(crowded.names()) <= 6
    assert np.sum(crowded.instance == 0) < np.sum(scenes[0].instance == 0)
    for name in crowded.names():
        assert np.sum(crowded.instance == name) >= 150


def test_every_fifth_labelled_scene_is_held_apart(tmp_path: Path) -> None:
    (tmp_path / "clouds").mkdir()
    scene = calm(0)
    for number in range(7):
        np.savez(tmp_path / f"clouds/learn_{number:02d}.npz", xyz=scene.xyz, rgb=scene.rgb, instance=scene.instance)
    assert [each.name for each in read_labelled(tmp_path, "held-apart")] == ["learn_00", "learn_05"]
    assert len(read_labelled(tmp_path, "train")) == 5


def test_a_folder_without_scenes_and_a_broken_scene_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--data"):
        read_labelled(tmp_path, "train")
    (tmp_path / "clouds").mkdir()
    (tmp_path / "clouds/learn_01.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(DataError, match="learn_01"):
        read_labelled(tmp_path, "train")


def test_each_box_is_matched_once() -> None:
    one, other = Box3D((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), Box3D((5.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    assert count_matches([one, other], [one, one, one], 0.5) == 1
    assert count_matches([one], [], 0.5) == 0
    tally = Tally()
    tally.add([one, other], [one, one])
    assert tally.figures()["recall_50"] == tally.figures()["precision_50"] == tally.figures()["f1_50"] == 0.5


def test_the_check_puts_baselines_beside_the_proposals() -> None:
    figures = check([calm(0), calm(1)])
    assert set(figures) == {"proposals", "colourless", "dbscan", "shuffled"}
    assert figures["proposals"]["recall_50"] == 1.0
    assert figures["dbscan"]["recall_50"] == 1.0


@pytest.mark.slow
def test_networks_trained_on_a_few_scenes_propose_the_objects_of_another() -> None:
    judges = train([calm(seed) for seed in range(4)])
    assert isinstance(judges, Judges)
    scene, tally = calm(9), Tally()
    tally.add(true_boxes(scene), [each.box for each in propose(scene.xyz, scene.rgb, judges=judges)])
    assert tally.figures()["recall_50"] == 1.0
