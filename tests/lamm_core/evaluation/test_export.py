"""Runs exported as a folder that opens without Python."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from lamm_core.errors import ConfigError, TaskError
from lamm_core.evaluation.__main__ import bench_app
from lamm_core.evaluation.export import CHUNK, SITE, export
from lamm_core.evaluation.scan_picture import scan_views
from tests.app.inspection.made_runs import HOSTILE, figures, record, write_run

SCAN = Path(__file__).parents[3] / "assets" / "demo" / "table.ply"


def board(out: Path) -> dict[str, Any]:
    text = (out / "data" / "board.js").read_text()
    assert text.startswith("LAMM.board(") and text.endswith(");\n")
    found: dict[str, Any] = json.loads(text[len("LAMM.board(") : -3])
    return found


def samples(out: Path, task: int, chunk: int) -> list[dict[str, Any]]:
    text = (out / "data" / f"samples-{task}-{chunk}.js").read_text()
    found: list[dict[str, Any]] = json.loads(text[len(f"LAMM.samples({task}, {chunk}, ") : -3])
    return found


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "picture.png")
    media = [{"modality": "image", "path": str(tmp_path / "picture.png")}]
    gone = [{"modality": "image", "path": "gone.png"}]
    blind = [record("one", 0.0, baseline="blind")]
    write_run(tmp_path / "a", [record("one", 1.0, media=media), record("two", 0.0, media=gone), *blind],
              summary=figures(0.5, n=2) | {"blind": figures(0.0, n=1)})  # fmt: skip
    write_run(tmp_path / "b", [record("one", 0.0, media=media), record("three", None, extraction="failed")],
              model="other", summary=figures(0.0, n=1))  # fmt: skip
    return [tmp_path / "a", tmp_path / "b"]


def test_series_and_baselines_stand_beside_each_other(two: list[Path], tmp_path: Path) -> None:
    made = export(two, tmp_path / "out", title="Ours")
    assert (made.series, made.samples, made.missing) == (3, 3, 1)
    (task,) = board(tmp_path / "out")["tasks"]
    assert [(one["title"], one["baseline"]) for one in task["series"]] == [
        ("lamm-mini", None),
        ("lamm-mini", "blind"),
        ("other", None),
    ]
    assert task["ids"] == ["one", "two", "three"]
    assert task["right"] == [[1, 0, None], [0, None, None], [0, None, None]]
    assert [row["kind"] for row in task["rows"]] == ["ours", "blind", "ours"]


def test_pictures_are_copied_once_and_no_path_of_this_machine_gets_out(two: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(two, out)
    first, second, _ = samples(out, 0, 0)
    assert first["media"] | {"file": ""} == {
        "kind": "picture",
        "file": "",
        "name": "picture.png",
        "width": 40,
        "height": 30,
    }
    assert (out / first["media"]["file"]).is_file() and second["media"]["kind"] == "missing"
    assert len(list((out / "media").iterdir())) == 1
    for file in out.rglob("*.js"):
        assert str(tmp_path) not in file.read_text()


def test_hostile_words_cannot_end_the_script(tmp_path: Path) -> None:
    run = [record(HOSTILE, 1.0, text=f"{HOSTILE}\u2028</script>", prompt=HOSTILE)]
    write_run(tmp_path / "a", run, model=HOSTILE, title=HOSTILE, summary=figures(1.0))
    export([tmp_path / "a"], tmp_path / "out", title='"]: </title>')
    for file in (tmp_path / "out" / "data").iterdir():
        text = file.read_text()
        assert "<" not in text and text.isascii()
    assert samples(tmp_path / "out", 0, 0)[0]["id"] == HOSTILE
    assert re.match(r'---\ntitle: "\\"]: </title>"\n', (tmp_path / "out" / "README.md").read_text())


def test_the_page_sets_words_as_text_only_and_fetches_nothing() -> None:
    for file in SITE.iterdir():
        text = file.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text), file
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), file


def test_samples_are_written_in_pieces(tmp_path: Path) -> None:
    write_run(tmp_path / "a", [record(f"s{number}", 1.0) for number in range(CHUNK + 1)], summary=figures(1.0))
    steps: list[tuple[int, int]] = []
    export([tmp_path / "a"], tmp_path / "out", progress=lambda done, total: steps.append((done, total)))
    assert steps == [(CHUNK, CHUNK + 1), (CHUNK + 1, CHUNK + 1)]
    assert len(samples(tmp_path / "out", 0, 1)) == 1


def test_a_folder_of_other_files_is_left_alone(two: list[Path], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds other files"):
        export(two, tmp_path / "out")
    assert (tmp_path / "out" / "letter.txt").read_text() == "mine"
    with pytest.raises(ConfigError, match="is a file"):
        export(two, tmp_path / "out" / "letter.txt")
    export(two, tmp_path / "new")
    assert export(two[:1], tmp_path / "new").series == 2


def test_a_run_without_records_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "a", [])
    with pytest.raises(TaskError, match="no records yet"):
        export([tmp_path / "a"], tmp_path / "out")
    with pytest.raises(TaskError, match="holds no run"):
        export([tmp_path], tmp_path / "other")


def test_a_scan_is_shown_from_above_and_from_the_front(tmp_path: Path) -> None:
    top, front = scan_views(SCAN)
    assert (top.axes, front.axes) == ((0, 1), (0, 2)) and max(top.picture.size) == 480
    assert top.low[0] < top.high[0] and len(top.picture.getcolors(1 << 20) or []) > 10
    write_run(
        tmp_path / "a", [record("s", 1.0, media=[{"modality": "pointcloud", "path": str(SCAN)}])], summary=figures(1.0)
    )
    export([tmp_path / "a"], tmp_path / "out")
    media = samples(tmp_path / "out", 0, 0)[0]["media"]
    assert [view["axes"] for view in media["views"]] == [[0, 1], [0, 2]]
    assert all((tmp_path / "out" / view["file"]).is_file() for view in media["views"])


def test_the_command_prints_what_it_made(two: list[Path], tmp_path: Path) -> None:
    done = CliRunner().invoke(bench_app, ["export", *map(str, two), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout.splitlines()[-1])["series"] == 3
    assert (tmp_path / "out" / "index.html").is_file()
