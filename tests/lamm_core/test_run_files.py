"""A folder has one writer at a time, and lines torn by a kill are not read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lamm_core.errors import ConfigError, TaskError
from lamm_core.run_files import STATE, bytes_in, claimed, files_below, json_lines, replace_text


def test_a_second_writer_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with claimed(folder, another="choose another"):
        with pytest.raises(ConfigError, match="process of another program"):
            claimed(folder, another="choose another").__enter__()
        (folder / STATE).write_text(json.dumps({"pid": 4711}))
        with pytest.raises(ConfigError, match="process 4711"):
            claimed(folder, another="choose another").__enter__()
    with claimed(folder, another="choose another"):
        pass


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="Make it writable, or take another"):
        claimed(tmp_path / "file" / "run", another="take another").__enter__()


def test_a_torn_last_line_is_passed_over_and_any_other_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    assert list(json_lines(path)) == []
    path.write_text('{"a": 1}\n{"a": 2}\n{"a": ')
    assert list(json_lines(path)) == [{"a": 1}, {"a": 2}]
    path.write_text('{"a": 1}\n{"a"\n[]\n{"a": 3}\n')
    with pytest.raises(TaskError, match="line 2"):
        list(json_lines(path, refused=TaskError))
    assert list(json_lines(path, refused=None)) == [{"a": 1}, {"a": 3}]


def test_a_file_that_cannot_be_replaced_keeps_what_it_held(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    replace_text(file, "max_steps: 1\n")
    with pytest.raises(UnicodeEncodeError):
        replace_text(file, "max_steps: 2\n\ud800")  # fails half-way, as on a full disk
    assert file.read_text() == "max_steps: 1\n"
    assert list(tmp_path.iterdir()) == [file]


def test_what_vanishes_while_it_is_weighed_weighs_nothing(tmp_path: Path) -> None:
    for name in ("a/one", "b/two"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(bytes(10))
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert bytes_in(tmp_path) == 20
    files = files_below(tmp_path)
    assert next(files) == tmp_path / "gone"
    for folder in ("a", "b"):  # known by now, and not yet looked into
        shutil.rmtree(tmp_path / folder)
    assert list(files) == []
