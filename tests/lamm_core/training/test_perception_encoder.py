"""Tuning from folders to weights that a model can be built with."""

from __future__ import annotations

import json
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
from lamm_core.training.perception_encoder import train_encoder
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
    import random

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
        "reading": {"seconds": 2, "batch": 4},
        "held_apart": 0.3,
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(values | changes), encoding="utf-8")
    return folder / "recipe.yaml"


@pytest.mark.slow
def test_two_seconds_give_weights_that_load(pairs: Path, cache: Path, tmp_path: Path) -> None:
    out = train_encoder(recipe(pairs), out=tmp_path / "out", cache=cache, progress=False)
    encoder = build_perception({"weights": str(out)}, cache)
    for name, stream in (("scene", encoder.scene), ("reading", encoder.reading)):
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


def test_a_folder_of_another_kind_fails_the_run(pairs: Path, cache: Path, tmp_path: Path) -> None:
    path = recipe(pairs, folders=[{"path": str(pairs / "shapes"), "kind": "words"}], scene=None)
    with pytest.raises(DataError, match="no record whose target holds 'word'"):
        train_encoder(path, out=tmp_path / "out", cache=cache, progress=False)
    state = read_state(tmp_path / "out")
    assert state["state"] == "failed" and "'word'" in state["reason"]


def test_holding_everything_apart_is_refused(pairs: Path, cache: Path, tmp_path: Path) -> None:
    path = recipe(pairs, held_apart=0.9999, scene=None)
    with pytest.raises(DataError, match="too few pictures"):
        train_encoder(path, out=tmp_path / "out", cache=cache, progress=False)
