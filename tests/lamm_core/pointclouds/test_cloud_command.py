"""``lamm cloud info`` as a person and as a program meet it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from lamm_core import __main__ as cli


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of ``lamm cloud info ARGUMENTS``."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "argv", ["lamm", "cloud", "info", *arguments])
    try:
        cli.main()
    except SystemExit as exit:
        return int(exit.code or 0)
    return 0


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.npz"
    xyz = np.array([[0, 0, 1], [2, 3, 5], [np.nan, 0, 0]], np.float32)
    np.savez(path, xyz=xyz, rgb=np.full((3, 3), 9, np.uint8), instance=np.array([0, 4, 0]))
    return path


def test_info_prints_what_is_in_the_file(
    scan: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, str(scan)) == 0
    out = capsys.readouterr().out
    for words in ("scan.npz", "npz", "rgb", "0 to 3, 3 long", "1 to 5, 4 long", "1 point without a position", "sure)"):
        assert words in out


def test_info_prints_one_json_object(
    scan: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, str(scan), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["file"], found["format"], found["points"], found["objects"]) == ("scan.npz", "npz", 2, 1)
    assert {finding["name"] for finding in found["findings"]} >= {"unit", "up axis", "colours"}
    assert found["minimum"] == [0, 0, 1] and found["extent"] == [2, 3, 4]


def test_names_in_a_file_are_shown_as_they_are_and_command_no_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    properties = "".join(f"property float {name}\n" for name in ("x", "y", "z", "[/bold]", "\x1b[31m"))
    path = tmp_path / "[red]a.ply"
    path.write_text(f"ply\nformat ascii 1.0\nelement vertex 1\n{properties}end_header\n1 2 3 4 5\n", encoding="latin-1")
    assert run(monkeypatch, str(path)) == 0
    out = capsys.readouterr().out
    assert "[red]a.ply" in out and "[/bold], ?[31m" in out and "\x1b" not in out


def test_a_refused_file_is_one_line_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.ply").touch()
    assert run(monkeypatch, str(tmp_path / "empty.ply"), "--json") == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("MediaError: empty.ply is an empty file") and captured.err.count("\n") == 1
