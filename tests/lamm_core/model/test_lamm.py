"""The whole model: media in their places, losses as transformers computes them, adapters by what is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from lamm_core.config import LammConfig
from lamm_core.conversation import Media, Turn
from lamm_core.errors import ConfigError, MediaError, WeightsError
from lamm_core.model.adapters import active
from lamm_core.model.lamm import LammModel

Build = Callable[..., LammModel]


def talk(picture: Path, numbers: Path) -> tuple[Turn, ...]:
    media = (Media("image", picture), Media("numbers", numbers), Media("image", picture))
    return (Turn("user", "A <image>, then <numbers>, then <image>: same?", media), Turn("assistant", "Yes, the same."))


def embedded(model: LammModel, turns: tuple[Turn, ...]) -> tuple[Tensor, Tensor]:
    """Input embeddings and labels of one conversation, as a batch of one."""
    media = [medium for turn in turns for medium in turn.media]
    features = model.encode(media)
    rendered = model.prompts.build(turns, [len(feature) for feature in features], for_training=True)
    return model.embed(rendered, media, features)[None], torch.tensor(rendered.labels)[None]


def test_media_of_two_modalities_are_encoded_in_their_order(build: Build, picture: Path, numbers: Path) -> None:
    model = build()
    features = model.encode([medium for turn in talk(picture, numbers) for medium in turn.media])
    assert [tuple(feature.shape) for feature in features] == [(16, 32), (3, 8), (16, 32)]
    assert torch.equal(features[0], features[2])
    assert all(feature.dtype == torch.float32 and not feature.requires_grad for feature in features)


def test_projected_media_stand_where_their_placeholders_were(build: Build, picture: Path, numbers: Path) -> None:
    model, turns = build(), talk(picture, numbers)
    media = list(turns[0].media)
    features = model.encode(media)
    rendered = model.prompts.build(turns, [16, 3, 16], for_training=True)
    rows = model.embed(rendered, media, features)
    for slot in rendered.slots:
        expected = model.project(media[slot.media_index].modality, features[slot.media_index])
        assert torch.equal(rows[slot.start : slot.start + slot.length], expected)
    inside = {row for slot in rendered.slots for row in range(slot.start, slot.start + slot.length)}
    text = [row for row in range(len(rows)) if row not in inside]
    assert torch.equal(rows[text], model.embeddings(torch.tensor(rendered.input_ids)[text]))


def test_the_loss_equals_the_one_with_every_logit(build: Build, picture: Path, numbers: Path) -> None:
    model, turns = build(), talk(picture, numbers)
    inputs, labels = embedded(model, turns)
    with active(model.language_model, model.modalities_of(turns)), torch.no_grad():
        loss, tokens = model(inputs, torch.ones_like(labels), labels)
        plain = model.base_model(inputs_embeds=inputs, labels=labels).loss
    torch.testing.assert_close(loss, plain)
    assert tokens == int((labels != -100).sum())


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_on_either_side_changes_no_loss(build: Build, side: str, picture: Path, numbers: Path) -> None:
    model = build()
    long = embedded(model, talk(picture, numbers))
    short = embedded(model, (Turn("user", "Who?"), Turn("assistant", "A dog.")))
    missing = long[1].shape[1] - short[1].shape[1]
    pad = (missing, 0) if side == "left" else (0, missing)
    mask = nn.functional.pad(torch.ones_like(short[1]), pad)
    padded = nn.functional.pad(short[0], (0, 0, *pad)), nn.functional.pad(short[1], pad, value=-100)
    with active(model.language_model, ["image"]), torch.no_grad():
        losses = [model(inputs, torch.ones_like(labels), labels) for inputs, labels in (long, short)]
        together = model(
            torch.cat([long[0], padded[0]]),
            torch.cat([torch.ones_like(long[1]), mask]),
            torch.cat([long[1], padded[1]]),
        )
    assert together.tokens == losses[0].tokens + losses[1].tokens
    expected = sum(loss * tokens for loss, tokens in losses) / together.tokens
    torch.testing.assert_close(together.loss, expected)


def test_a_batch_without_labels_has_a_loss_of_zero_that_can_go_backward(build: Build) -> None:
    model = build()
    inputs = torch.randn(1, 4, 64, requires_grad=True)
    loss, tokens = model(inputs, None, torch.full((1, 4), -100))
    loss.backward()
    assert (float(loss), tokens) == (0.0, 0)


def test_one_step_moves_projector_and_active_adapter_and_nothing_frozen(
    build: Build, picture: Path, numbers: Path
) -> None:
    model = build()
    turns = (Turn("user", "What?", (Media("image", picture),)), Turn("assistant", "A square."))
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    optimizer = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=0.5)
    model.train()
    inputs, labels = embedded(model, turns)
    with active(model.language_model, model.modalities_of(turns)):
        model(inputs, torch.ones_like(labels), labels).loss.backward()
    optimizer.step()
    moved = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    mine = {name for name in before if name.startswith("projectors.image") or ("lora_" in name and ".image." in name)}
    assert moved == mine


def test_training_mode_leaves_the_encoders_in_evaluation(build: Build) -> None:
    model = build().train()
    assert model.language_model.training and not any(one.training for one in model.encoders.modules())


def test_a_conversation_of_text_activates_no_adapter_and_equals_the_base_model(
    build: Build, tiny_lm_folder: Path
) -> None:
    from transformers import AutoModelForCausalLM

    model, plain = build(), AutoModelForCausalLM.from_pretrained(tiny_lm_folder, dtype=torch.float32).eval()
    turns = (Turn("user", "What is the capital of France?"), Turn("assistant", "Paris."))
    assert model.modalities_of(turns) == set()
    inputs, _ = embedded(model, turns)
    with active(model.language_model, model.modalities_of(turns)), torch.no_grad():
        assert torch.equal(model.base_model(inputs_embeds=inputs).logits, plain(inputs_embeds=inputs).logits)


def test_dtype_is_the_language_models_and_trained_parts_stay_float32(build: Build, picture: Path) -> None:
    model = build(dtype=torch.bfloat16)
    assert model.dtype == torch.bfloat16
    assert {one.dtype for one in model.parameters() if one.requires_grad} == {torch.float32}
    inputs, labels = embedded(model, (Turn("user", "?", (Media("image", picture),)), Turn("assistant", "!")))
    assert inputs.dtype == torch.bfloat16
    with active(model.language_model, ["image"]):
        assert model(inputs, None, labels).loss.dtype == torch.float32


def test_context_is_the_language_models(build: Build) -> None:
    assert build().context_tokens == 512


def test_a_modality_that_the_model_does_not_read_is_named(build: Build, picture: Path) -> None:
    with pytest.raises(MediaError, match=r"cannot read 'video'\. It reads: image, numbers"):
        build().encode([Media("video", picture)])


def test_a_model_needs_a_modality(tiny_lm_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no modality"):
        LammModel.build(LammConfig(str(tiny_lm_folder), {}), cache=tmp_path)


def test_a_language_model_that_is_nowhere_is_named(config: LammConfig, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="nobody/nothing"):
        LammModel.build(LammConfig("nobody/nothing", config.modalities), cache=tmp_path)
