"""The command line as a person meets it: help, errors in one red line, answers that stream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lamm_core import __main__ as cli
from lamm_core.conversation import Turn
from lamm_core.errors import CheckpointError, WeightsError

COMMANDS = ("fetch", "chat", "train", "train-encoder", "models", "convert")


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing was fetched or trained yet."""
    monkeypatch.setenv("LAMM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LAMM_MODELS", raising=False)
    monkeypatch.setattr(cli, "SHIPPED_MODELS", tmp_path / "shipped")
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of ``lamm ARGUMENTS``."""
    monkeypatch.setattr(sys, "argv", ["lamm", *arguments])
    try:
        cli.main()
    except SystemExit as exit:
        return int(exit.code or 0)
    return 0


def make_model(folder: Path) -> None:
    folder.mkdir(parents=True)
    config = {"language_model": "smollm2-135m-instruct", "modalities": {"image": {}}}
    (folder / "config.json").write_text(json.dumps({"config": config}), encoding="utf-8")
    (folder / "projector-image.safetensors").write_bytes(bytes(1_500_000))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, command, "--help") == 0
    assert len(capsys.readouterr().out.split()) > 20


def test_module_and_console_script_are_the_same(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "lamm_core", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and all(command in done.stdout for command in COMMANDS)


def test_models_lists_own_and_shipped_models_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_model(tmp_path / "shipped" / "lamm-mini")
    make_model(tmp_path / "shipped" / "mine")
    make_model(tmp_path / "cache" / "models" / "mine")
    assert run(monkeypatch, "models") == 0
    table = capsys.readouterr().out
    assert table.count("mine") == 2  # its name and its folder, in one row
    assert "smollm2-135m-instruct" in table and "image" in table and "1.5 MB" in table


def test_models_says_what_to_do_when_there_are_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "models") == 0
    assert "lamm train" in capsys.readouterr().out


def test_unreadable_model_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_model(tmp_path / "shipped" / "good")
    make_model(tmp_path / "shipped" / "bad")
    (tmp_path / "shipped" / "bad" / "config.json").write_text("{", encoding="utf-8")
    assert run(monkeypatch, "models") == 0
    table = capsys.readouterr().out
    assert "unreadable" in table and "good" in table


def test_error_of_ours_is_one_line_on_stderr_and_exit_code_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "fetch", "smollm2-135m-instrukt") == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Did you mean 'smollm2-135m-instruct'?" in printed.err and "Traceback" not in printed.err


def test_unknown_model_names_the_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_model(tmp_path / "shipped" / "lamm-mini")
    assert run(monkeypatch, "chat", "--model", "lam-mini", "Hello?") == 1
    assert "Did you mean 'lamm-mini'?" in capsys.readouterr().err


def test_forgotten_question_and_missing_picture_are_told(
    picture: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "chat", str(picture)) == 1
    assert "Add a question" in capsys.readouterr().err
    assert run(monkeypatch, "chat", "nowhere.png", "What is it?") == 1
    assert "no file 'nowhere.png'" in capsys.readouterr().err
    assert run(monkeypatch, "chat", "a question " * 400) == 1
    assert "no model called 'lamm-mini'" in capsys.readouterr().err


def test_fetch_passes_on_where_from_and_shows_errors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str, str]] = []

    def refuse(name: str, cache: Path, *, progress: Any, source: str) -> Path:
        asked.append((name, source))
        progress("downloading", 5, 10)
        progress("converting", 0, 1)
        raise WeightsError("The disk is [full].")

    monkeypatch.setattr(cli, "fetch", refuse)
    assert run(monkeypatch, "fetch", "--hub", "efficientnet-lite0") == 1
    assert asked == [("efficientnet-lite0", "hub")]
    assert "WeightsError: The disk is [full]." in capsys.readouterr().err


@dataclass(frozen=True)
class SpokenPiece:
    """What an engine yields."""

    text: str
    done: bool = False
    tokens: int = 0
    first_token_seconds: float | None = None
    tokens_per_second: float | None = None


class SpokenEngine:
    """An engine that answers every question with two boxes, and keeps what it was asked."""

    def __init__(self, model: object) -> None:
        SpokenEngine.asked: list[tuple[list[Turn], Any, str | None]] = []

    def stream(self, turns: list[Turn], settings: Any, *, adapter: str | None = None) -> Iterator[SpokenPiece]:
        SpokenEngine.asked.append((turns, settings, adapter))
        yield SpokenPiece("dog [0.10, 0.20, ")
        yield SpokenPiece("0.50, 0.90]", done=True, tokens=9, first_token_seconds=0.5, tokens_per_second=40.0)


def test_chat_shows_boxes_as_they_are_and_passes_its_options_on(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lamm_core.inference import engine

    make_model(tmp_path / "shipped" / "lamm-mini")
    monkeypatch.setattr(engine, "LocalEngine", SpokenEngine)
    monkeypatch.setattr(cli, "load_model", lambda folder, **options: folder)
    arguments = (str(picture), str(picture), "Where is the dog?", "--adapter", "image", "--max-tokens", "7")
    assert run(monkeypatch, "chat", *arguments, "--temperature", "0.5", "--top-p", "0.9", "--seed", "3") == 0
    printed = capsys.readouterr()
    assert printed.out == "dog [0.10, 0.20, 0.50, 0.90]\n"
    assert "9 tokens, 40 a second, first after 0.5 s" in printed.err
    [(turns, settings, adapter)] = SpokenEngine.asked
    assert turns[0].text == "Where is the dog?" and len(turns[0].media) == 2 and adapter == "image"
    assert (settings.max_new_tokens, settings.temperature, settings.top_p, settings.seed) == (7, 0.5, 0.9, 3)


TABLE = Path(__file__).parents[2] / "assets" / "demo" / "table.ply"


class SceneEngine(SpokenEngine):
    """Names two objects of a scan, one of them twice, and one that is not there."""

    def stream(self, turns: list[Turn], settings: Any, *, adapter: str | None = None) -> Iterator[SpokenPiece]:
        SpokenEngine.asked.append((turns, settings, adapter))
        yield SpokenPiece("The red one [obj1] stands left of the purple one [obj7]; not [obj1] or [obj99].", done=True)


@pytest.mark.parametrize("with_photo", [False, True])
def test_chat_about_a_scan_prints_the_answer_and_the_boxes_it_names(
    with_photo: bool,
    picture: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from lamm_core.inference import engine
    from lamm_core.modalities.pointcloud.scene import boxes_in

    make_model(tmp_path / "shipped" / "lamm-mini")
    monkeypatch.setattr(engine, "LocalEngine", SceneEngine)
    monkeypatch.setattr(cli, "load_model", lambda folder, **options: folder)
    files = [picture, TABLE] if with_photo else [TABLE]
    assert run(monkeypatch, "chat", *map(str, files), "Which is furthest to the left?") == 0
    [(turns, _, adapter)] = SpokenEngine.asked
    assert [(medium.modality, medium.path) for medium in turns[0].media] == [
        ("pointcloud" if file == TABLE else "image", file) for file in files
    ]
    assert adapter is None  # each medium brings its own
    answer, head, *rows = capsys.readouterr().out.splitlines()
    assert answer.startswith("The red one [obj1] stands left") and "centre x y z" in head
    boxes = boxes_in(TABLE)
    wanted = [" ".join(f"{value:.3f}" for value in boxes[number - 1].centre) for number in (1, 7)]
    assert [centre in row for centre, row in zip(wanted, rows, strict=True)] == [True, True]


def test_chat_answers_with_a_real_model_folder(
    picture: Path,
    tiny_lm_folder: Path,
    tiny_clip_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from lamm_core.config import LammConfig, ModalitySettings
    from lamm_core.model.lamm import LammModel

    config = LammConfig(str(tiny_lm_folder), {"image": ModalitySettings(f"hub:{tiny_clip_folder}")})
    LammModel.build(config, cache=tmp_path).save_pretrained(tmp_path / "model")
    arguments = (str(picture), "What is in the picture?", "--model", str(tmp_path / "model"), "--max-tokens", "5")
    assert run(monkeypatch, "chat", *arguments) == 0
    printed = capsys.readouterr()
    assert printed.out.endswith("\n") and "tokens" in printed.err
    assert run(monkeypatch, "chat", *arguments, "--adapter", "pointcloud") == 1
    assert "pointcloud" in capsys.readouterr().err


def test_train_encoder_refuses_a_recipe_with_an_unknown_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.yaml").write_text("folder: []\n", encoding="utf-8")
    assert run(monkeypatch, "train-encoder", str(tmp_path / "mine.yaml"), "--out", str(tmp_path / "out")) == 1
    assert "Did you mean 'folders'?" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_train_refuses_a_recipe_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "train", "nowhere.yaml") == 1
    assert "nowhere.yaml" in capsys.readouterr().err


def test_convert_refuses_a_checkpoint_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = (str(tmp_path / "nowhere.pt"), str(tmp_path / "out"))
    assert run(monkeypatch, "convert", *files, "--language-model", "lmsys/vicuna-7b-v0") == 1
    assert "nowhere.pt" in capsys.readouterr().err


def test_find_model_takes_names_folders_and_hub_ids(tmp_path: Path) -> None:
    make_model(tmp_path / "shipped" / "lamm-mini")
    assert cli.find_model("lamm-mini") == tmp_path / "shipped" / "lamm-mini"
    assert cli.find_model(str(tmp_path)) == tmp_path
    assert cli.find_model("maker/model") == "maker/model"
    with pytest.raises(CheckpointError):
        cli.find_model("./nowhere")


def test_telemetry_is_off_before_anything_is_imported() -> None:
    code = "import lamm_core.__main__, os; print(os.environ['HF_HUB_DISABLE_TELEMETRY'], os.environ['DO_NOT_TRACK'])"
    switches = ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK")
    clean = {name: value for name, value in os.environ.items() if name not in switches}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=clean, check=True)
    assert done.stdout.split() == ["1", "1"]
