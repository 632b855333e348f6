"""The configuration refuses what it does not know and reads back what it writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lamm_core.config import LammConfig, LoraSettings, ModalitySettings, as_number
from lamm_core.errors import ConfigError
from lamm_core.training.perception_recipe import EncoderRecipe
from lamm_core.training.recipe import TrainingRecipe

VALUES = {
    "language_model": "smollm2-135m-instruct",
    "template": "vicuna_v0",
    "system": "Be short.",
    "modalities": {
        "image": {
            "encoder": "hub:openai/clip-vit-large-patch14",
            "options": {"layer": -2},
            "projector": "linear",
            "lora": {"r": 32, "alpha": 32, "dropout": 0.1, "targets": ["q_proj", "v_proj"]},
        }
    },
}


def test_every_value_is_read() -> None:
    lora = LoraSettings(r=32, alpha=32, dropout=0.1, targets=("q_proj", "v_proj"))
    image = ModalitySettings("hub:openai/clip-vit-large-patch14", {"layer": -2}, "linear", lora)
    expected = LammConfig("smollm2-135m-instruct", {"image": image}, "vicuna_v0", "Be short.")
    assert LammConfig.from_dict(VALUES) == expected


def test_defaults_fill_what_is_left_out() -> None:
    config = LammConfig.from_dict({"language_model": "x", "modalities": {"image": {"encoder": "perception"}}})
    assert (config.template, config.system) == ("chat", "")
    assert config.modalities["image"] == ModalitySettings("perception", {}, "mlp", LoraSettings())


def test_a_written_configuration_reads_back_through_json_and_yaml(tmp_path: Path) -> None:
    config = LammConfig.from_dict(VALUES)
    assert LammConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    path = tmp_path / "model.yaml"
    path.write_text(yaml.safe_dump(config.to_dict()))
    assert LammConfig.from_yaml(path) == config


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"langage_model": "x"}, "Did you mean 'language_model'"),
        ({"template": "vicuna"}, "Did you mean 'vicuna_v0'"),
        ({"modalities": {"image": {"encoder": "x", "projektor": "mlp"}}}, "Did you mean 'projector'"),
        ({"modalities": {"image": {"encoder": "x", "projector": "mpl"}}}, "Did you mean 'mlp'"),
        ({"modalities": {"image": {}}}, "modalities.image needs the setting 'encoder'"),
        ({"modalities": {"image": "perception"}}, "must be keys and values"),
        ({"modalities": ["image"]}, "expected a mapping by name"),
        ({"modalities": {"image": {"encoder": "x", "lora": {"rank": 8}}}}, "lora has no setting 'rank'"),
        ({"modalities": {"image": {"encoder": "x", "lora": {"r": 0}}}}, "lora.r is 0"),
        ({"modalities": {"image": {"encoder": "x", "lora": {"dropout": 1.0}}}}, "lora.dropout is 1.0"),
        ({"modalities": {"image": {"encoder": "x", "lora": {"targets": "q_proj"}}}}, "expected a list of layer names"),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_meant(change: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError) as error:
        LammConfig.from_dict({**VALUES, **change})
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"), [("[1, 2]", "holds list"), ("a: [", "not valid YAML"), (None, "cannot be read")]
)
def test_a_file_that_is_no_configuration_is_named(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "broken.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=r"broken\.yaml") as error:
        LammConfig.from_yaml(path)
    assert words in str(error.value)
    assert str(tmp_path) not in str(error.value)


def test_importing_it_imports_no_torch() -> None:
    code = "import sys, lamm_core.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("kind", [LammConfig, TrainingRecipe, EncoderRecipe])
@pytest.mark.parametrize("text", ["[", "- a", "nonsense: 1", None])
def test_every_file_of_settings_is_named_once_in_what_is_wrong_with_it(
    kind: type[LammConfig | TrainingRecipe | EncoderRecipe], text: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError) as error:
        kind.from_yaml(path)
    assert str(error.value).count("mine.yaml") == 1


def test_a_number_that_yaml_reads_as_text_is_one() -> None:
    assert [as_number(value, "rate") for value in ("5e-4", 3, None)] == [5e-4, 3, None]
    with pytest.raises(ConfigError, match="rate is 'fast'"):
        as_number("fast", "rate")
