"""Tuning from folders to weights that a model can be built with."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file, save_file

from annotation import scenes, visual_tasks, words
from annotation.visual_tasks.store import PairsFolder
from lamm_core.errors import ConfigError, DataError
from lamm_core.modalities.perception import build_perception
from lamm_core.modalities.perception import encoder as encoder_module
from lamm_core.names import JOINTS
from lamm_core.training import perception_encoder
from lamm_core.training.perception_checkpoint import finished
from lamm_core.training.perception_encoder import train_encoder
from lamm_core.training.perception_scene import Shuffled
from lamm_core.training.progress import read_events, read_state


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Random Lite0 weights where the fetched ones would be."""
    from efficientnet_lite_pytorch import EfficientNet

    folder = tmp_path / "cache"
    folder.mkdir()
    torch.manual_seed(0)
    save_file(EfficientNet.from_name("efficientnet-lite0").state_dict(), folder / "model.safetensors")
    for module in (encoder_module, perception_encoder):
        monkeypatch.setattr(module, "fetch", lambda name, cache: cache)
    return folder


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Drawn words and shapes as the annotation package writes them; labelled and posed pictures written here."""
    for name, drawn in (("words", words.pictures(30, seed="a")), ("shapes", scenes.shape_pictures(12, seed="a"))):
        folder = PairsFolder(tmp_path / name)
        for picture in drawn:
            image = folder.save(picture)
            for number, talk in enumerate(visual_tasks.conversations(picture, random.Random(0))):
                folder.add(picture, talk, number=number, image=image)
        folder.close()
    joints = {name: [0.1 + 0.05 * place, 0.9 - 0.05 * place] for place, name in enumerate(JOINTS)}
    for name, target in (("small", {"label": "cat"}), ("people", {"joints": joints})):
        (tmp_path / name / "media").mkdir(parents=True)
        records = []
        for number in range(12):
            Image.new("RGB", (64, 48), (number * 20, 0, 0)).save(tmp_path / name / f"media/{number}.png")
            records.append(
                {"id": str(number), "image": f"media/{number}.png", "target": target, "width": 64, "height": 48}
            )
        (tmp_path / name / "pairs.json").write_text(json.dumps(records), encoding="utf-8")
    return tmp_path


def recipe(folder: Path, **changes: object) -> Path:
    kinds = {"small": "small", "people": "people", "shapes": "objects", "words": "words"}
    values = {
        "folders": [{"path": str(folder / name), "kind": kind} for name, kind in kinds.items()],
        "scene": {"seconds": 2, "small_batch": 2, "batch": 2},
        "small": {"seconds": 2, "batch": 2},
        "reading": {"seconds": 2, "batch": 4},
        "held_apart": 0.3,
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(values | changes), encoding="utf-8")
    return folder / "recipe.yaml"


@pytest.mark.slow
def test_two_seconds_give_weights_that_load(pairs: Path, cache: Path, tmp_path: Path) -> None:
    out = train_encoder(recipe(pairs), out=tmp_path / "out", cache=cache, progress=False)
    encoder = build_perception({"weights": str(out)}, cache)
    for name, stream in (("scene", encoder.scene), ("small", encoder.small), ("reading", encoder.reading)):
        saved = load_file(out / f"{name}.safetensors")
        assert all(torch.equal(value, saved[key]) for key, value in stream.state_dict().items())
    fresh = build_perception({}, cache)
    moved = {key for key, value in encoder.state_dict().items() if not torch.equal(value, fresh.state_dict()[key])}
    assert moved and not any("depthwise" in key or key.startswith("reading.bottom") for key in moved)
    figures = {key for event in read_events(out) for key in event}
    assert figures >= {
        "class_accuracy", "joints_near people", "box_recall shapes", "box_recall_named shapes", "word_accuracy words"
    }  # fmt: skip
    assert read_state(out)["state"] == "done"
    with pytest.raises(ConfigError, match="already holds a run"):
        train_encoder(pairs / "recipe.yaml", out=out, cache=cache, progress=False)


KILLED = """
import sys
from pathlib import Path
from lamm_core.training import perception_encoder
perception_encoder.fetch = lambda name, cache: cache
perception_encoder.train_encoder(Path(sys.argv[1]), out=Path(sys.argv[2]), cache=Path(sys.argv[3]), progress=False)
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_for_the_time_that_is_left(pairs: Path, cache: Path, tmp_path: Path) -> None:
    path = recipe(pairs, scene={"seconds": 8, "small_batch": 2, "batch": 2}, checkpoint_seconds=0.5)
    out = tmp_path / "out"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path), str(out), str(cache)]) as killed:
        until = time.monotonic() + 120
        while not (out / "scene.checkpoint").exists() and time.monotonic() < until:
            time.sleep(0.05)
        killed.kill()
    assert read_state(out)["state"] in ("preparing", "running") and not finished(out / "scene.safetensors")
    spent = torch.load(out / "scene.checkpoint", weights_only=True)["progressed"]
    with pytest.raises(ConfigError, match="another recipe"):
        train_encoder(recipe(pairs, seed=1), out=out, cache=cache, resume=True, progress=False)
    train_encoder(out / "recipe.yaml", out=out, cache=cache, resume=True, progress=False)
    assert read_state(out)["state"] == "done"
    events = [event for event in read_events(out) if event["stream"] == "scene"]
    assert [event["step"] for event in events] == sorted(event["step"] for event in events)
    assert events[-1]["step"] > spent["step"] and events[-1]["seconds"] >= 8
    encoder = build_perception({"weights": str(out)}, cache)
    assert all(torch.isfinite(value).all() for value in encoder.state_dict().values())
    # All streams are at their end: a further call learns nothing more.
    train_encoder(out / "recipe.yaml", out=out, cache=cache, resume=True, progress=False)
    assert [event for event in read_events(out) if event["stream"] == "scene"] == events


def test_drawing_goes_on_where_it_was() -> None:
    def drawn(count: int) -> tuple[Shuffled, random.Random, list[int]]:
        rng = random.Random(3)
        order = Shuffled(7, rng)
        return order, rng, [next(order) for _ in range(count)]

    _, _, whole = drawn(40)
    order, rng, first = drawn(17)
    left, state = list(order.left), rng.getstate()
    other = random.Random()
    fresh = Shuffled(7, other)
    fresh.left = left
    other.setstate(state)
    assert first + [next(fresh) for _ in range(23)] == whole
    assert sorted(whole[:7]) == list(range(7))


def test_a_folder_of_another_kind_fails_the_run(pairs: Path, cache: Path, tmp_path: Path) -> None:
    path = recipe(pairs, folders=[{"path": str(pairs / "shapes"), "kind": "words"}], scene=None, small=None)
    with pytest.raises(DataError, match="no record whose target holds 'word'"):
        train_encoder(path, out=tmp_path / "out", cache=cache, progress=False)
    state = read_state(tmp_path / "out")
    assert state["state"] == "failed" and "'word'" in state["reason"]


def test_holding_everything_apart_is_refused(pairs: Path, cache: Path, tmp_path: Path) -> None:
    path = recipe(pairs, held_apart=0.9999, scene=None)
    with pytest.raises(DataError, match="too few pictures"):
        train_encoder(path, out=tmp_path / "out", cache=cache, progress=False)
