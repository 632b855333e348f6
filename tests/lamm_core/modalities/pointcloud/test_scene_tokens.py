"""What is told of a scene's objects: names, order, colours and sizes; composed from a list or found in a cloud."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lamm_core.errors import ConfigError, MediaError
from lamm_core.grounding import Box3D
from lamm_core.modalities.findings import compose_findings
from lamm_core.modalities.pointcloud.scene import SceneEncoder, build_scene, find_objects
from lamm_core.modalities.pointcloud.scene_tokens import LAYOUT, MOST_OBJECTS, RANKS, Seen, scene_tokens
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.shades import NAMES

WRITTEN, OBJECT = LAYOUT.parts["written"], LAYOUT.parts["kind"].start + 1


def seen(x: float, y: float, *, size: tuple[float, float, float] = (0.1, 0.1, 0.1), colour: str = "red") -> Seen:
    return Seen(Box3D((x, y, size[2] / 2), size), [float(name == colour) for name in NAMES], 0.9)


def objects(tokens: Tensor) -> list[Tensor]:
    """The tokens of each object."""
    starts = [place for place, token in enumerate(tokens) if token[OBJECT] == 1]
    return [tokens[start:end] for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True)]


def text(tokens: Tensor) -> str:
    names = LAYOUT.names["written"]
    return "".join(names[int(token[WRITTEN].argmax())] for token in tokens if token[WRITTEN].sum())


def ranks(tokens: Tensor) -> list[str]:
    part, names = LAYOUT.parts["rank"], LAYOUT.names["rank"]
    return [names[int(place)] for token in tokens for place in token[part].nonzero()]


def test_the_layout_is_pinned() -> None:
    """Trained projectors read these places."""
    assert [(name, part.start) for name, part in LAYOUT.parts.items()] == [
        ("kind", 0), ("slot", 2), ("written", 26), ("colour", 65), ("rank", 76), ("scalars", 148),
    ]  # fmt: skip
    assert LAYOUT.width == 156


def test_objects_are_counted_named_and_measured() -> None:
    tokens = scene_tokens([seen(0, 0, size=(0.154, 0.07, 0.243)), seen(0.3, 0.2)])
    assert text(tokens[: 2 + len("[2]")]) == " objects[2]"
    assert [text(one) for one in objects(tokens)] == ["[obj1][15, 7, 24, 24]", "[obj2][10, 10, 10, 10]"]


def test_the_index_names_both_ends_of_every_row_and_every_colour() -> None:
    small = (0.05, 0.05, 0.05)
    tokens = scene_tokens([seen(-0.5, 0.9), seen(0.1, 0.2, colour="blue"), seen(0.4, 0.5, size=small)])
    index = text(tokens[: next(place for place, token in enumerate(tokens) if token[OBJECT] == 1)])
    assert " leftmost[obj1] rightmost[obj3] nearest[obj2] furthest[obj1]" in index
    assert " smallest[obj3]" in index and " shortest[obj3]" in index
    assert index.endswith(" red[obj1][obj3] blue[obj2]")


def test_ranks_count_from_both_ends_of_every_row() -> None:
    left, middle, right = objects(scene_tokens([seen(-0.5, 0.9), seen(0.1, 0.2), seen(0.4, 0.5)]))
    assert {"left", "right third", "far", "near third"} <= set(ranks(left))
    assert {"left second", "right second", "near"} <= set(ranks(middle))
    assert {"right", "left third", "near second", "far second"} <= set(ranks(right))


def test_in_a_long_row_only_the_ends_are_ranked() -> None:
    told = objects(scene_tokens([seen(0.1 * place, 0) for place in range(2 * RANKS + 3)]))
    middle = told[RANKS + 1]
    assert not [rank for rank in ranks(middle) if rank.split()[0] in ("left", "right")]


def test_a_colourless_object_has_no_colour_token() -> None:
    with_colour = scene_tokens([seen(0, 0)])
    without = scene_tokens([seen(0, 0)._replace(colours=[0.0] * len(NAMES))])
    assert len(with_colour) == len(without) + 1
    assert with_colour[:, LAYOUT.parts["colour"]].sum() == 1 and without[:, LAYOUT.parts["colour"]].sum() == 0


def test_an_empty_scene_has_nothing_but_its_count() -> None:
    assert text(scene_tokens([])) == " objects[0]" and len(scene_tokens([])) == 5


def test_more_objects_than_there_are_numbers_for_are_left_out() -> None:
    assert len(objects(scene_tokens([seen(place, 0) for place in range(MOST_OBJECTS + 5)]))) == MOST_OBJECTS


def test_findings_are_told_like_objects(tmp_path: Path) -> None:
    path = tmp_path / "one.findings"
    things = [
        {"bbox": [0.0, 0.0, 0.1, 0.15, 0.07, 0.2], "colour": "red", "possible": ["red"], "rgb": [200, 40, 40]},
        {"bbox": [0.3, 0.1, 0.05, 0.1, 0.1, 0.1], "colour": None, "possible": [], "rgb": None},
    ]
    path.write_text(json.dumps({"objects": things}))
    first, second = objects(compose_findings(path, SceneEncoder()))
    assert text(first) == "[obj1][15, 7, 20, 20]" and text(second) == "[obj2][10, 10, 10, 10]"
    assert NAMES[int(first[:, LAYOUT.parts["colour"]].sum(0).argmax())] == "red"
    assert second[:, LAYOUT.parts["colour"]].sum() == 0
    path.write_text(json.dumps({"objects": [{"bbox": [1, 2, 3]}]}))
    with pytest.raises(MediaError, match=r"one\.findings"):
        compose_findings(path, SceneEncoder())


def table_top() -> PointCloud:
    """A grey table with a red and a blue box on it."""
    rng = np.random.default_rng(0)
    table = np.column_stack([rng.uniform(-0.6, 0.6, (20_000, 2)), rng.normal(0, 0.001, 20_000)])
    parts, colours = [table], [np.tile([130, 130, 130], (len(table), 1))]
    for x, shade in ((-0.25, (200, 30, 30)), (0.25, (30, 60, 200))):
        side = rng.uniform(0, 1, (6000, 3)) * (0.14, 0.1, 0.2) + (x - 0.07, -0.05, 0.0)
        face = rng.integers(0, 3, 6000)
        side[face == 0, 1], side[face == 1, 0], side[face == 2, 2] = -0.05, x + 0.07, 0.2
        parts.append(side)
        colours.append(np.tile(shade, (len(side), 1)))
    return PointCloud(
        np.concatenate(parts).astype(np.float32), "test", colours=np.concatenate(colours).astype(np.uint8)
    )


def test_objects_are_found_in_a_cloud_with_their_colours() -> None:
    found = find_objects(table_top())
    assert len(found.proposals) == len(found.seen) == 2
    named = {NAMES[int(np.argmax(one.colours))]: one.box.centre[0] for one in found.seen}
    assert named["red"] == pytest.approx(-0.25, abs=0.03) and named["blue"] == pytest.approx(0.25, abs=0.03)
    encoder = build_scene({}, Path())
    prepared = encoder.prepare(table_top())
    assert torch.equal(encoder.encode([prepared])[0], scene_tokens(found.seen))


def test_the_encoder_takes_no_options() -> None:
    with pytest.raises(ConfigError, match="takes none"):
        build_scene({"depth": 3}, Path())


def test_every_example_has_one_word() -> None:
    rows, words = SceneEncoder().word_examples()
    assert rows.shape == (len(words), LAYOUT.width) and (rows.sum(1) == 1).all()
    assert {"left", "far second", " red", "obj", " [", " leftmost"} <= set(words)
    assert len(words) == len(set(words))
