"""What fixes do to a cloud, and that they say so."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lamm_core.errors import MediaError
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.fixes import (
    DropColours,
    DropStrays,
    Recentre,
    Recolour,
    Rotate,
    Scale,
    apply,
    fix_record,
)

Y_UP = Rotate(((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0)), label="Turned y up to z up")


def two_points() -> PointCloud:
    return PointCloud(
        np.array([[0, 1, 2], [10, 11, 12]], np.float32),
        "ply",
        colours=np.array([[0, 0.5, 1], [1, 1, 1]]),
        normals=np.array([[0, 1, 0], [1, 0, 0]], np.float32),
        instance=np.array([1, 2], np.int32),
        origin=(100.0, 0.0, 0.0),
        total=2,
        notes=("Read.",),
    )


def test_every_fix_leaves_a_note_and_the_cloud_that_was_given() -> None:
    cloud = two_points()
    fixed = apply(cloud, [Scale(0.5, label="Halved"), Recolour(0.0, 1.0, label="Made colours bytes")])
    assert fixed.notes == ("Read.", "Made colours bytes.", "Halved.")
    assert cloud.notes == ("Read.",) and cloud.xyz[1, 0] == 10


def test_no_fix_changes_nothing() -> None:
    cloud = two_points()
    assert apply(cloud, []) is cloud


def test_scaling_and_turning_keep_where_on_earth_it_is() -> None:
    fixed = apply(two_points(), [Scale(2.0, label="Doubled"), Y_UP])
    np.testing.assert_allclose(fixed.origin, (200, 0, 0))
    np.testing.assert_allclose(fixed.xyz[0], (0, -4, 2))
    assert fixed.normals is not None
    np.testing.assert_allclose(fixed.normals, [[0, 0, 1], [1, 0, 0]], atol=1e-6)


def test_fixes_fit_together_in_any_order() -> None:
    fixes = [Recentre((0.0, 1.0, 2.0), label="Moved"), Scale(0.1, label="Scaled"), Y_UP]
    there, back = apply(two_points(), fixes), apply(two_points(), fixes[::-1])
    np.testing.assert_array_equal(there.xyz, back.xyz)
    np.testing.assert_allclose(there.xyz, [[0, 0, 0], [1, -1, 1]], atol=1e-6)
    assert there.origin == (0.0, 0.0, 0.0)


def test_colours_can_be_stretched_or_dropped() -> None:
    stretched = apply(two_points(), [Recolour(0.0, 1.0, label="Made colours bytes")]).colours
    np.testing.assert_array_equal(stretched, [[0, 128, 255], [255, 255, 255]])
    assert apply(two_points(), [DropColours(label="Dropped")]).colours is None


def test_leaving_out_strays_keeps_what_belongs_to_each_point() -> None:
    crowd = np.random.default_rng(0).random((200, 3)).astype(np.float32)
    places = np.concatenate([crowd, [[50, 0, 0]]]).astype(np.float32)
    cloud = PointCloud(places, "ply", instance=np.arange(201, dtype=np.int32))
    fixed = apply(cloud, [DropStrays(0.5, 5, label="Left out strays")])
    np.testing.assert_array_equal(fixed.instance, np.arange(200))
    assert fixed.notes == ("Left out strays (1 of 201 points left out).",)


def test_a_fix_that_would_leave_nothing_is_refused() -> None:
    nothing = PointCloud(np.full((3, 3), np.nan, np.float32), "ply")
    with pytest.raises(MediaError, match="no point"):
        apply(nothing, [DropStrays(1.0, 2, label="Left out strays")])


@pytest.mark.parametrize(
    "fix",
    [Scale(0.1, label="a"), Y_UP, Recentre((1.0, 2.0, 3.0), label="b"), DropStrays(0.1, 3, label="c"),
     Recolour(0.0, 1.0, label="d"), DropColours(label="e")],
    ids=lambda fix: fix.kind,
)  # fmt: skip
def test_a_fix_can_be_written_as_json(fix: Scale) -> None:
    record = json.loads(json.dumps(fix_record(fix)))
    assert record["kind"] == fix.kind and record["label"] == fix.label
