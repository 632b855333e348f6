"""One language model that reads pictures and point clouds: each with a projector and an adapter of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lamm_core.config import LammConfig, LoraSettings, ModalitySettings
from lamm_core.conversation import Media, Turn
from lamm_core.errors import MediaError
from lamm_core.inference.engine import Generation, LocalEngine
from lamm_core.model.adapters import active, adapter_parameters
from lamm_core.model.lamm import LammModel

GROUPS = 12
Talk = Callable[..., tuple[Turn, ...]]


@pytest.fixture
def config(tiny_lm_folder: Path, tiny_clip_folder: Path) -> LammConfig:
    lora = LoraSettings(r=4)
    return LammConfig(
        language_model=str(tiny_lm_folder),
        modalities={
            "image": ModalitySettings(f"hub:{tiny_clip_folder}", lora=lora),
            "pointcloud": ModalitySettings("point-groups", {"groups": GROUPS}, projector="linear", lora=lora),
        },
    )


@pytest.fixture
def model(config: LammConfig, tmp_path: Path) -> LammModel:
    """Its adapters look trained, so that each one matters."""
    torch.manual_seed(2)
    model = LammModel.build(config, cache=tmp_path / "cache", dtype=torch.float32)
    for name in config.modalities:
        for parameter in adapter_parameters(model.language_model, name):
            nn.init.normal_(parameter, std=0.2)
    return model


@pytest.fixture
def talk(picture: Path, tmp_path: Path) -> Talk:
    """Makes a conversation about a picture, a cloud, or both."""
    rng = np.random.default_rng(0)
    cloud = tmp_path / "scan.npy"
    np.save(cloud, np.concatenate([rng.random((300, 3)), rng.random((300, 3))], axis=1).astype(np.float32))
    files = {"image": picture, "pointcloud": cloud}

    def talk(*names: str, question: str = "What is there?") -> tuple[Turn, ...]:
        media = tuple(Media(name, files[name]) for name in names)
        return Turn("user", question, media), Turn("assistant", "A red box.")

    return talk


def embedded(model: LammModel, turns: tuple[Turn, ...]) -> tuple[Tensor, Tensor]:
    media = [medium for turn in turns for medium in turn.media]
    features = model.encode(media)
    rendered = model.prompts.build(turns, [len(feature) for feature in features], for_training=True)
    return model.embed(rendered, media, features)[None], torch.tensor(rendered.labels)[None]


def test_a_cloud_and_a_picture_are_encoded_in_the_order_of_the_prompt(model: LammModel, talk: Talk) -> None:
    features = model.encode(talk("pointcloud", "image")[0].media)
    assert [tuple(feature.shape) for feature in features] == [(GROUPS, 192), (16, 32)]
    assert all(not feature.requires_grad and bool(torch.isfinite(feature).all()) for feature in features)


def test_each_medium_goes_through_its_own_projector_into_its_own_place(model: LammModel, talk: Talk) -> None:
    turns = talk("pointcloud", "image", question="Is <pointcloud> the same as <image>?")
    media = list(turns[0].media)
    features = model.encode(media)
    rendered = model.prompts.build(turns, [GROUPS, 16], for_training=True)
    rows = model.embed(rendered, media, features)
    assert [slot.length for slot in rendered.slots] == [GROUPS, 16]
    for slot, name, feature in zip(rendered.slots, ("pointcloud", "image"), features, strict=True):
        expected = model.projectors[name](feature)
        torch.testing.assert_close(rows[slot.start : slot.start + slot.length], expected)


def test_a_prompt_with_both_uses_both_adapters_and_differs_from_either(model: LammModel, talk: Talk) -> None:
    turns = talk("image", "pointcloud")
    assert model.modalities_of(turns) == {"image", "pointcloud"}
    inputs, _ = embedded(model, turns)
    logits = {}
    for names in ((), ("image",), ("pointcloud",), ("image", "pointcloud")):
        with active(model.language_model, names), torch.no_grad():
            logits[names] = model.base_model(inputs_embeds=inputs).logits
    both = logits.pop(("image", "pointcloud"))
    assert all(not torch.allclose(both, other, atol=1e-2) for other in logits.values())


@pytest.mark.parametrize("names", [("image",), ("pointcloud",), ("image", "pointcloud")])
def test_a_step_moves_the_projectors_and_adapters_of_what_is_shown(
    model: LammModel, talk: Talk, names: tuple[str, ...]
) -> None:
    turns = talk(*names)
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    optimizer = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=0.5)
    model.train()
    inputs, labels = embedded(model, turns)
    with active(model.language_model, model.modalities_of(turns)):
        model(inputs, None, labels).loss.backward()
    optimizer.step()
    moved = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    mine = {
        name
        for name in before
        for shown in names
        if name.startswith(f"projectors.{shown}.") or ("lora_" in name and f".{shown}." in name)
    }
    assert moved == mine


def test_the_engine_answers_about_both_with_what_each_alone_would_not_say(model: LammModel, talk: Talk) -> None:
    engine = LocalEngine(model)
    settings = Generation(max_new_tokens=12)
    said = {names: engine.answer(talk(*names)[:1], settings)
            for names in ((), ("image",), ("pointcloud",), ("image", "pointcloud"))}  # fmt: skip
    assert len(set(said.values())) == 4
    assert engine.answer(talk("image", "pointcloud")[:1], settings) == said[("image", "pointcloud")]
    many = [one.text for one in engine.answer_many([talk(*names)[:1] for names in said], settings)]
    assert many == list(said.values())


def test_a_checkpoint_keeps_the_point_encoder_that_is_ours(model: LammModel, talk: Talk, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "saved")
    assert (tmp_path / "saved" / "encoder-pointcloud.safetensors").is_file()
    again = LammModel.from_pretrained(tmp_path / "saved", cache=tmp_path / "cache", dtype=torch.float32)
    for name, value in again.encoders["pointcloud"].state_dict().items():
        torch.testing.assert_close(value, model.encoders["pointcloud"].state_dict()[name], atol=0.01, rtol=0.01)
    again.save_pretrained(tmp_path / "again")
    third = LammModel.from_pretrained(tmp_path / "again", cache=tmp_path / "cache", dtype=torch.float32)
    media = talk("pointcloud")[0].media
    assert torch.equal(third.encode(media)[0], again.encode(media)[0])
    assert third.encoder("pointcloud").fingerprint() == again.encoder("pointcloud").fingerprint()


def test_a_picture_called_a_cloud_is_refused_with_its_name(model: LammModel, picture: Path) -> None:
    with pytest.raises(MediaError, match=picture.name):
        model.encode([Media("pointcloud", picture)])
