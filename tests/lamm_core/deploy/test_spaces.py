"""A Space's folder is complete and checked, and reaches the Hub: the real client against one that stands for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import yaml
from typer.testing import CliRunner

import lamm_core.deploy.commands as commands
from lamm_core.__main__ import app
from lamm_core.deploy.hub_space import Published, publish
from lamm_core.deploy.space_folder import KINDS, KindName, Space, build, check
from lamm_core.errors import CheckpointError, ConfigError, DeployError
from tests.fake_spaces import FakeHub, running_hub

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder as far as a Space looks at it."""
    folder = tmp_path_factory.mktemp("models") / "mine"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"config": {"language_model": "org/lm", "modalities": {}}}))
    return folder


@pytest.fixture
def space(model: Path, tmp_path: Path) -> Path:
    build(Space("cpu", model), REPOSITORY, tmp_path / "space")
    return tmp_path / "space"


@pytest.mark.parametrize("kind", list(KINDS))
def test_each_kind_passes_its_own_check(model: Path, tmp_path: Path, kind: KindName) -> None:
    build(Space(kind, model, login=kind == "gpu"), REPOSITORY, tmp_path / "space")
    assert check(tmp_path / "space") == []
    matter = yaml.safe_load((tmp_path / "space" / "README.md").read_text().split("---\n")[1])
    wanted = (tmp_path / "space" / "requirements.txt").read_text().splitlines()
    pins = (REPOSITORY / "requirements.txt").read_text().splitlines()
    assert f"gradio=={matter['sdk_version']}" in pins and not any(line.startswith("gradio==") for line in wanted)
    assert matter["models"] == ["org/lm"] and matter.get("hf_oauth", False) == (kind == "gpu")
    assert any("whl/cpu" in line for line in wanted) == (kind == "cpu")
    # What the Hub adds, gradio[oauth,mcp] and on ZeroGPU a torch of its own, would not go with these pins.
    assert not any(line.startswith("pydantic==") for line in wanted)
    assert (matter["python_version"], "torch" in wanted, "spaces" in wanted) == (
        ("3.12.12", True, True) if kind == "zero" else ("3.11", False, False)
    )
    assert any(line.startswith("bitsandbytes==") for line in wanted) == (kind != "zero")
    assert not list((tmp_path / "space").rglob("__pycache__"))


def test_what_may_not_go_to_the_hub_is_named(space: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (space / "assets" / "demo" / "holiday.jpg").write_bytes(b"x")
    (space / "packages.txt").write_text("libgl1\n; rm -rf /\n")
    with (space / "requirements.txt").open("a") as file:
        file.write("gradio==6.31.0\ngit+https://example.org/x\n")
    (space / "README.md").write_text("---\ntitle: x\nsdk: docker\n---\n")
    monkeypatch.setattr("lamm_core.deploy.space_folder.SPACE_BYTES", 1000)
    found = "\n".join(check(space))
    for words in ("demo/holiday.jpg has no line", "; rm -rf /", "gradio, which", "git+https", "lacks sdk_version",
                  "'docker'", "None, which is not there", "The largest file is"):  # fmt: skip
        assert words in found, words


def test_a_folder_with_something_else_in_it_is_left_alone(model: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(ConfigError, match="something else"):
        build(Space("cpu", model), REPOSITORY, tmp_path / "mine")
    with pytest.raises(CheckpointError, match="no model folder"):
        build(Space("cpu", tmp_path), REPOSITORY, tmp_path / "space")
    assert (tmp_path / "mine" / "thesis.tex").exists()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with running_hub() as server:
        yield server


def sent(hub: FakeHub, folder: Path, **options: Any) -> Published:
    given: dict[str, Any] = {"hardware": "cpu-basic", "variables": {"LAMM_MODEL": "mine"}, "secrets": {"HF_TOKEN": "t"}}
    return publish(folder, "me/lamm", endpoint=hub.address, token="hf_x", poll_seconds=0.01, **{**given, **options})


def test_the_whole_folder_arrives_with_its_settings_and_runs(hub: FakeHub, space: Path) -> None:
    told: list[str] = []
    done = sent(hub, space, tell=told.append)
    there = {path.relative_to(space).as_posix() for path in space.rglob("*") if path.is_file()}
    assert set(hub.files["me/lamm"]) == there
    assert hub.files["me/lamm"]["app.py"] == (space / "app.py").read_bytes()
    made = hub.made["me/lamm"]
    assert made["sdk"] == "gradio" and made["secrets"] == [{"key": "HF_TOKEN", "value": "t"}]
    assert (done.stage, done.address) == ("RUNNING", f"{hub.address}/spaces/me/lamm")
    assert told[-3:] == ["building", "app starting", "running"]


def test_a_name_that_is_taken_is_only_replaced_when_told_to(hub: FakeHub, space: Path) -> None:
    sent(hub, space)
    with pytest.raises(DeployError, match="--update"):
        sent(hub, space)
    hub.files["me/lamm"]["old.py"] = b"x"
    (space / "new.txt").write_text("new")
    sent(hub, space, update=True)
    assert "old.py" not in hub.files["me/lamm"] and "new.txt" in hub.files["me/lamm"]
    assert hub.set_later == {"LAMM_MODEL": "mine", "HF_TOKEN": "t"}


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "hf auth login"), (402, "paid plan"), (403, "may not write"), (413, "too large"), (500, "Try again")],
)
def test_each_refusal_says_what_to_do(hub: FakeHub, space: Path, status: int, words: str) -> None:
    hub.refuses = status
    with pytest.raises(DeployError, match=words):
        sent(hub, space)


def test_a_space_that_does_not_start_shows_the_end_of_its_log(hub: FakeHub, space: Path) -> None:
    hub.stages = ["BUILDING", "RUNTIME_ERROR"]
    with pytest.raises(DeployError, match=r"(?s)RUNTIME_ERROR.*No module named 'nothing'"):
        sent(hub, space)


def test_no_token_and_no_network_are_said(hub: FakeHub, space: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.shutdown()
    hub.server_close()
    with pytest.raises(DeployError, match="cannot be reached"):
        sent(hub, space)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(DeployError, match="hf auth login"):
        publish(space, "me/lamm", hardware="cpu-basic", variables={}, secrets={})


def test_the_command_shows_what_it_wrote(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    arguments = ["deploy", "spaces", "me/lamm", "--model", str(model), "--out", str(tmp_path / "s"), "--dry-run"]
    ran = CliRunner().invoke(app, [*arguments, "--keep", "hf:me/reviews", "--secret", "HF_TOKEN"])
    assert ran.exit_code == 0, ran.output
    assert "Nothing was uploaded" in ran.output and "LAMM_REVIEW_KEEP=hf:me/reviews" in ran.output
    assert "hf_secret" not in ran.output and (tmp_path / "s" / "app.py").is_file()
    without = CliRunner().invoke(app, [*arguments, "--keep", "hf:me/reviews"])
    assert isinstance(without.exception, ConfigError) and "--secret HF_TOKEN" in str(without.exception)
    assert commands.REPOSITORY == REPOSITORY
