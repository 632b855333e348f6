"""The model card: valid front matter, no path of this machine, and a plain word where nothing was verified."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lamm_core.config import LammConfig, ModalitySettings
from lamm_core.errors import ConfigError
from lamm_core.model.card import UNVERIFIED, Card, base_model_id


def front_matter(card: str) -> dict[str, object]:
    return yaml.safe_load(card.split("---")[1])


def test_the_front_matter_names_licence_language_and_base_model() -> None:
    config = LammConfig("smollm2-135m-instruct", {"image": ModalitySettings("perception")})
    values = front_matter(Card(licence="cc-by-nc-4.0", language="de").render(config, "abc"))
    assert values["license"] == "cc-by-nc-4.0"
    assert values["language"] == "de"
    assert values["base_model"] == "HuggingFaceTB/SmolLM2-135M-Instruct"


def test_the_hash_is_stated_or_said_to_be_unverified() -> None:
    config = LammConfig("lmsys/vicuna-7b", {"image": ModalitySettings("perception")})
    assert "`abc` and is checked on loading" in Card().render(config, "abc")
    assert "**unverified**" in Card().render(config, UNVERIFIED)


def test_folders_are_named_without_their_path(tmp_path: Path) -> None:
    folder = tmp_path / "vicuna"
    folder.mkdir()
    config = LammConfig(str(folder), {"image": ModalitySettings(f"hub:{folder}")})
    card = Card().render(config, "abc")
    assert str(tmp_path) not in card and "`hub:vicuna`" in card
    assert "base_model" not in front_matter(card)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("lmsys/vicuna-7b", "lmsys/vicuna-7b"),
        ("/models/vicuna", "vicuna"),
        ("~/vicuna", "vicuna"),
        ("./a/b/vicuna", "vicuna"),
    ],
)
def test_a_hub_id_stays_and_a_path_does_not(name: str, shown: str) -> None:
    assert base_model_id(name) == shown


def test_a_card_needs_a_licence() -> None:
    with pytest.raises(ConfigError):
        Card(licence="")


@pytest.mark.parametrize(("modality", "task"), [("image", "image-text-to-text"), ("pointcloud", "text-generation")])
def test_the_hub_is_told_of_pictures_only_where_the_model_reads_them(modality: str, task: str) -> None:
    config = LammConfig("lmsys/vicuna-7b", {modality: ModalitySettings("any")})
    assert front_matter(Card().render(config, "abc"))["pipeline_tag"] == task
