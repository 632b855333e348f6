"""The services over a real model: a tiny one, loaded from a folder as the page does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from app.chat import Sampling
from app.conversation import Thread
from app.services import build_services
from app.settings import Settings


def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment(
        {
            "LAMM_CACHE": str(tmp_path / "cache"),
            "LAMM_MODELS": str(tmp_path / "models"),
            "LAMM_MODEL": "tiny",
            "LAMM_DEVICE": "cpu",
            "GRADIO_TEMP_DIR": str(tmp_path / "uploads"),
        }
    )


def test_a_model_folder_is_loaded_and_answers_about_a_picture(
    tiny_lm_folder: Path, tiny_clip_folder: Path, tmp_path: Path, uploaded: Callable[..., Path]
) -> None:
    from lamm_core.config import LammConfig, ModalitySettings
    from lamm_core.model.lamm import LammModel

    config = LammConfig(str(tiny_lm_folder), {"image": ModalitySettings(f"hub:{tiny_clip_folder}")})
    LammModel.build(config, cache=tmp_path).save_pretrained(tmp_path / "models" / "tiny")
    services = build_services(settings(tmp_path))
    chat = services.chat
    thread = chat.ask(Thread(), "What is in the picture?", [uploaded("dog.png")])
    assert thread.notice is None
    for adapter in ("automatic", "none", "image"):
        last = [*chat.stream(thread, Sampling(max_new_tokens=6, adapter=adapter))][-1]
        assert last.notice is None and last.newest_answer is not None
        assert last.newest_answer.finished and last.newest_answer.prompt_tokens > 16
    status = services.shelf.status()
    assert (status.phase, status.device, status.precision) == ("ready", "CPU", "bf16")
    wrong = [*chat.stream(thread, Sampling(adapter="pointcloud"))][-1]
    assert wrong.notice is not None and "pointcloud" in wrong.notice.text


def test_a_folder_that_is_no_model_is_told_in_the_chat(tmp_path: Path) -> None:
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    (tmp_path / "models" / "tiny" / "config.json").write_text("{}")
    services = build_services(settings(tmp_path))
    last = [*services.chat.stream(services.chat.ask(Thread(), "hello", []), Sampling())][-1]
    assert last.notice is not None and last.returned is not None
    assert "The model cannot be loaded" in last.notice.title


def test_in_a_space_training_is_off_and_says_so(tmp_path: Path) -> None:
    assert build_services(settings(tmp_path)).training.off == ""
    assert "Space" in build_services(replace(settings(tmp_path), space="team/studio")).training.off
