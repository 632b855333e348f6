"""The encoder as a whole, with random weights."""

from __future__ import annotations

import copy
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from lamm_core.errors import ConfigError, WeightsError
from lamm_core.grounding import box_overlap
from lamm_core.modalities.image import IMAGE
from lamm_core.modalities.perception import PerceptionEncoder, build_perception
from lamm_core.modalities.perception import encoder as encoder_module
from lamm_core.modalities.perception.encoder import (
    LEAST_SCORE,
    MOST_OBJECTS,
    SAME_OBJECT,
    Found,
    _tallies,
    _window,
    find_objects,
)
from lamm_core.modalities.perception.scene import Scene
from lamm_core.modalities.perception.tokens import LAYOUT
from lamm_core.names import OBJECTS


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def random_encoder() -> PerceptionEncoder:
    """Its objectness is raised, or random weights would call everything background."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = PerceptionEncoder(None).requires_grad_(False).eval()
    encoder.scene.objectness.get_parameter("bias").fill_(0.5)
    return encoder


def test_a_batch_gives_what_each_picture_gives_alone(random_encoder: PerceptionEncoder) -> None:
    sizes = ((48, 40), (300, 150), (20, 20), (280, 160))
    prepared = [random_encoder.prepare(noise(*size, seed=place)) for place, size in enumerate(sizes)]
    together = random_encoder.encode(prepared)
    assert len(together) == len(sizes) and any(len(tokens) > 1 for tokens in together)
    for row, tokens in zip(prepared, together, strict=True):
        [alone] = random_encoder.encode([row])
        assert tokens.shape == (len(tokens), LAYOUT.width) and tokens.dtype == torch.float32
        torch.testing.assert_close(tokens, alone, atol=1e-3, rtol=1e-2)


@pytest.mark.parametrize("size", [(1, 1), (1, 2048), (2048, 1), (3, 4000), (64, 64), (65, 65)])
def test_pictures_of_any_shape_are_encoded(random_encoder: PerceptionEncoder, size: tuple[int, int]) -> None:
    row = random_encoder.prepare(Image.new("RGB", size, (10, 200, 30)))
    assert row.dtype == torch.uint8 and row.dim() == 1
    [tokens] = random_encoder.encode([row])
    assert torch.isfinite(tokens).all() and tokens[0, 0] == 1  # the first token is about the whole picture
    torch.testing.assert_close(tokens[0, LAYOUT.parts["colour"]], torch.tensor([10, 200, 30]) / 255)


def test_tokens_come_in_their_order(random_encoder: PerceptionEncoder) -> None:
    [tokens] = random_encoder.encode([random_encoder.prepare(noise(48, 40))])
    kinds = [int(token[:5].argmax()) for token in tokens if token[:5].sum()]
    order = {0: 0, 1: 1, 4: 2, 2: 3, 3: 4}  # picture, objects, tallies, joints, letters; what is written stands behind
    things = [order[kind] for kind in kinds]
    assert things == sorted(things)
    assert kinds.count(0) == 1 and 0 < kinds.count(1) <= MOST_OBJECTS
    first = next(place for place, token in enumerate(tokens) if token[1] == 1)
    assert tokens[first + 1 : first + 1 + len("[0.00, 0.00, 0.00, 0.00][0.00, 0.00]"), :5].sum() == 0


def test_objects_come_largest_first(random_encoder: PerceptionEncoder) -> None:
    """As an answer lists them, whatever their scores."""
    [tokens] = random_encoder.encode([random_encoder.prepare(noise(48, 40))])
    sizes = [token[LAYOUT.parts["scalars"]][1:3].prod() for token in tokens if token[1] == 1]
    assert len(sizes) > 1 and sizes == sorted(sizes, reverse=True)


def random_scene(seed: int) -> Scene:
    rng = torch.Generator().manual_seed(seed)
    corner = torch.rand(1, 9, 9, 2, generator=rng) * 0.4
    side = torch.rand(1, 9, 9, 2, generator=rng) * 0.5 + 0.004
    return Scene(
        picture_class=torch.empty(0), pooled=torch.empty(0), dense=torch.empty(0),
        objectness=torch.randn(1, 9, 9, generator=rng) * 2, boxes=torch.cat([corner, corner + side], -1),
        object_class=torch.randn(1, len(OBJECTS), 9, 9, generator=rng), joints=torch.empty(0),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_found_objects_are_the_peaks_without_the_near_equal(seed: int) -> None:
    """Against the plain way: every cell, every neighbour, strongest first."""
    scene = random_scene(seed)
    score = scene.objectness[0].sigmoid()
    peaks = []
    for line in range(9):
        for column in range(9):
            around = score[max(0, line - 1) : line + 2, max(0, column - 1) : column + 2]
            x1, y1, x2, y2 = scene.boxes[0, line, column].clamp(0, 1).tolist()
            highest = score[line, column] == around.max() and score[line, column] > LEAST_SCORE
            if highest and min(x2 - x1, y2 - y1) >= 0.005:
                peaks.append((float(score[line, column]), (x1, y1, x2, y2)))
    expected: list[tuple[float, tuple[float, float, float, float]]] = []
    for peak in sorted(peaks, reverse=True):
        if not any(box_overlap(peak[1], kept[1]) >= SAME_OBJECT for kept in expected):
            expected.append(peak)
    assert [(item.score, item.box) for item in find_objects(scene, 0)] == expected


def test_near_equal_boxes_are_told_once() -> None:
    scene = random_scene(0)
    scene.objectness.fill_(-9.0)
    scene.objectness[0, 2, 2], scene.objectness[0, 6, 6] = 2.0, 1.0
    scene.boxes[0, 2, 2] = torch.tensor([0.2, 0.2, 0.6, 0.6])
    scene.boxes[0, 6, 6] = torch.tensor([0.21, 0.2, 0.61, 0.6])
    [only] = find_objects(scene, 0)
    assert only.box[0] == pytest.approx(0.2)


def test_overlap_is_intersection_over_union() -> None:
    rng = random.Random(0)
    for _ in range(50):
        boxes = []
        for _ in range(2):
            x, y = rng.randrange(20), rng.randrange(20)
            boxes.append((x, y, x + rng.randrange(1, 12), y + rng.randrange(1, 12)))
        cells = [{(x, y) for x in range(b[0], b[2]) for y in range(b[1], b[3])} for b in boxes]
        expected = len(cells[0] & cells[1]) / len(cells[0] | cells[1])
        assert box_overlap([v / 40 for v in boxes[0]], [v / 40 for v in boxes[1]]) == pytest.approx(expected)


def test_large_pictures_are_looked_at_again_in_tiles(random_encoder: PerceptionEncoder) -> None:
    large, small = (random_encoder.prepare(noise(side, side)) for side in (384, 383))
    assert len(large) - len(small) == 4 * 224 * 224 * 3
    [tokens] = random_encoder.encode([large])
    assert torch.isfinite(tokens).all() and tokens.shape[1] == LAYOUT.width


def test_what_a_tile_shows_is_told_in_shares_of_the_whole(
    random_encoder: PerceptionEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A box at an inner edge of its tile is cut off there and dropped; at the picture's own edge it is kept."""
    told = [(0.25, 0.25, 0.75, 0.75), (0.0, 0.2, 0.5, 0.6), (0.3, 0.5, 0.6, 1.0)]
    classes = torch.ones(len(OBJECTS)) / len(OBJECTS)
    monkeypatch.setattr(encoder_module, "find_objects", lambda scene, row: [Found(0.5, box, classes) for box in told])
    found = random_encoder._in_tiles(torch.zeros(4, 128, 128, 3, dtype=torch.uint8))
    expected = []
    for x, y in ((0.0, 0.0), (0.4, 0.0), (0.0, 0.4), (0.4, 0.4)):
        kept = [told[0], *([told[1]] if x == 0 else []), *([told[2]] if y > 0 else [])]
        expected += [[x + 0.6 * b[0], y + 0.6 * b[1], x + 0.6 * b[2], y + 0.6 * b[3]] for b in kept]
    np.testing.assert_allclose([item.box for item in found], expected, atol=1e-9)


def test_a_window_holds_at_least_one_cell() -> None:
    grid = torch.arange(12.0).reshape(1, 3, 4)
    assert _window(grid, (0.99, 0.99, 1.0, 1.0)).tolist() == [[[11.0]]]
    assert _window(grid, (0.0, 0.0, 0.5, 1.0)).shape == (1, 3, 2)


def test_tallies_count_confident_objects_by_class() -> None:
    scene = random_scene(1)
    found = [item._replace(score=0.9) for item in find_objects(scene, 0)]
    counts = [token[LAYOUT.parts["object"]].argmax().item() for token in _tallies(found) if token[4] == 1]
    classes = {int(item.classes.argmax()) for item in found}
    assert set(counts) <= classes and len(counts) == min(6, len(classes))
    assert _tallies([item._replace(score=0.2) for item in found]) == []


def test_base_weights_stay_out_of_the_state(random_encoder: PerceptionEncoder) -> None:
    roots = {name.split(".")[0] for name in random_encoder.state_dict()}
    assert roots == {"scene", "small", "reading"}
    parts = {name: random_encoder.__dict__[name] for name in ("bottom", "imagenet", "classifier")}
    assert not any(value.requires_grad for part in parts.values() for value in part.parameters())
    weights = sum(value.numel() for part in (random_encoder, *parts.values()) for value in part.parameters())
    assert IMAGE.memory("perception") == pytest.approx(4 * weights, rel=0.01)


def test_base_weights_move_with_the_rest(random_encoder: PerceptionEncoder) -> None:
    moved = copy.deepcopy(random_encoder).to("meta")
    for name in ("bottom", "imagenet", "classifier"):
        assert {value.device.type for value in moved.__dict__[name].parameters()} == {"meta"}


def test_the_fingerprint_follows_the_weights(random_encoder: PerceptionEncoder) -> None:
    before = random_encoder.fingerprint()
    for stream in (random_encoder.scene, random_encoder.reading):
        parameter = next(stream.parameters())
        original = parameter.detach().clone()
        parameter[0] += 1
        assert random_encoder.fingerprint() != before
        parameter.copy_(original)
        assert random_encoder.fingerprint() == before


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from efficientnet_lite_pytorch import EfficientNet

    torch.manual_seed(3)
    save_file(EfficientNet.from_name("efficientnet-lite0").state_dict(), tmp_path / "model.safetensors")
    monkeypatch.setattr(encoder_module, "fetch", lambda name, cache: cache)
    return tmp_path


def test_tuned_weights_are_loaded_over_the_base(fetched: Path, random_encoder: PerceptionEncoder) -> None:
    for name in ("scene", "small", "reading"):
        state = random_encoder.get_submodule(name).state_dict()
        save_file({key: value.contiguous() for key, value in state.items()}, fetched / f"{name}.safetensors")
    assert build_perception({"weights": str(fetched)}, fetched).fingerprint() == random_encoder.fingerprint()
    assert build_perception({}, fetched).fingerprint() != random_encoder.fingerprint()


def test_the_eyes_of_a_model_can_be_taken_over(fetched: Path, random_encoder: PerceptionEncoder) -> None:
    file = fetched / "encoder-image.safetensors"  # as a checkpoint holds them
    save_file({key: value.contiguous() for key, value in random_encoder.state_dict().items()}, file)
    assert build_perception({"weights": str(file)}, fetched).fingerprint() == random_encoder.fingerprint()


def test_what_cannot_be_loaded_is_named(fetched: Path) -> None:
    with pytest.raises(ConfigError, match=r"no option 'weight'\. Known: weights"):
        build_perception({"weight": "x"}, fetched)
    with pytest.raises(WeightsError, match=r"scene\.safetensors is missing"):
        build_perception({"weights": str(fetched)}, fetched)
    (fetched / "scene.safetensors").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="does not fit"):
        build_perception({"weights": str(fetched)}, fetched)
