"""The command measures a model folder, goes on with a run, compares two, and ends with one JSON line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from PIL import Image
from typer.testing import CliRunner

from lamm_core.__main__ import app
from lamm_core.config import LammConfig
from lamm_core.errors import ConfigError, LammError, TaskError
from lamm_core.evaluation.records import read_records
from lamm_core.evaluation.run_folder import read_manifest
from lamm_core.evaluation.tasks import TASKS
from lamm_core.model.lamm import LammModel


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four word crops as the hub stores them."""
    rows = []
    for shade in range(4):
        buffer = io.BytesIO()
        Image.new("RGB", (40, 20), (60 * shade, 0, 90)).save(buffer, "PNG")
        rows.append({"image": {"bytes": buffer.getvalue(), "path": "w.png"}, "text": f"Word{shade}"})
    (tmp_path / "iiit5k").mkdir()
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "iiit5k" / "test.parquet")
    return tmp_path


@pytest.fixture
def model(tmp_path: Path, tiny_lm_folder: Path, tiny_clip_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model of pictures in a folder; the caches are this test's own."""
    monkeypatch.setenv("LAMM_CACHE", str(tmp_path / "cache"))
    config = LammConfig.from_dict(
        {"language_model": str(tiny_lm_folder), "modalities": {"image": {"encoder": f"hub:{tiny_clip_folder}"}}}
    )
    folder = tmp_path / "model"
    LammModel.build(config, cache=tmp_path / "cache").save_pretrained(folder)
    return folder


def bench(*words: object) -> Any:
    """What a command prints last, as JSON; its LammError where it ends with one."""
    result = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["bench", *map(str, words)])
    if isinstance(result.exception, LammError):
        raise result.exception
    assert result.exit_code == 0, result.output
    lines = result.stdout.strip().splitlines()
    return json.loads(lines[-1]) if lines and lines[-1].startswith("{") else result.stdout


def test_a_run_is_measured_gone_on_with_compared_and_listed(data: Path, tmp_path: Path, model: Path) -> None:
    out, words = (
        tmp_path / "runs" / "one",
        ("run", "--task", "iiit5k", "--data", data, "--device", "cpu", "--model", model),
    )
    last = bench(*words, "--out", out)
    assert (last["task"], last["n"], last["blind"]["n"], last["shuffled"]["n"]) == ("iiit5k", 4, 4, 4)
    assert last["word_accuracy"] is not None and len(last["interval"]) == 2
    assert last["model"] == "model" and last["failed"] == last["broken"] == 0
    records = list(read_records(out / "records.jsonl"))
    assert [record["baseline"] for record in records][::4] == [None, "blind", "shuffled"]
    assert all(record["tokens"] > 0 and record["latency_seconds"] > 0 for record in records)
    identity = read_manifest(out)["model"]
    assert all(len(identity[key]) == 64 for key in ("adapter_sha256", "projector_encoder_sha256", "base_sha256"))
    assert bench(*words, "--out", out) == last
    assert len(list(read_records(out / "records.jsonl"))) == 12
    with pytest.raises(ConfigError, match="limit was None and is 2"):
        bench(*words, "--out", out, "--limit", 2)
    bench(*words, "--out", tmp_path / "runs" / "two", "--corrupt", "blur", "--no-baselines")
    found = bench("compare", out, tmp_path / "runs" / "two")
    assert found["n"] == 4 and "no difference can be claimed" in found["sentence"]
    listed = bench("list", tmp_path / "runs")
    assert "completed" in listed and "12/12" in listed
    assert "shuffled" in bench("leaderboard", tmp_path / "runs")
    assert "quoted" in bench("leaderboard", tmp_path / "runs", "--task", "cifar10")


def test_thinking_first_is_kept_in_the_record(data: Path, tmp_path: Path, model: Path) -> None:
    bench("run", "--task", "iiit5k", "--data", data, "--device", "cpu", "--model", model, "--mode", "cot",
          "--no-baselines", "--limit", 2, "--no-cache", "--out", tmp_path / "cot")  # fmt: skip
    records = list(read_records(tmp_path / "cot" / "records.jsonl"))
    assert all(isinstance(record["detail"]["reasoning"], str) for record in records)
    assert not (tmp_path / "cache" / "predictions.sqlite").exists()


def test_a_task_without_options_has_none_to_choose_among(data: Path, tmp_path: Path, model: Path) -> None:
    with pytest.raises(ConfigError, match="--mode direct"):
        bench("run", "--task", "iiit5k", "--data", data, "--device", "cpu", "--model", model, "--mode", "ppl",
              "--out", tmp_path / "ppl")  # fmt: skip


def test_a_missing_set_a_wrong_task_and_a_missing_name_are_told(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="is missing"):
        bench("run", "--data", tmp_path, "--task", "iiit5k", "--out", tmp_path)
    with pytest.raises(ConfigError, match="nonsense"):
        bench("run", "--data", tmp_path, "--task", "nonsense", "--out", tmp_path)
    with pytest.raises(TaskError, match="holds no run"):
        bench("compare", tmp_path / "a", tmp_path / "b")


def test_all_tasks_are_listed() -> None:
    listed = bench("tasks")
    assert all(task.name in listed for task in TASKS)


def test_every_command_and_option_is_in_the_documentation() -> None:
    guide = (Path(__file__).resolve().parents[3] / "docs" / "benchmark.md").read_text()
    own = ["run", "tasks", "list", "leaderboard", "compare", "following", "robustness", "scaling"]
    assert [name for name in own if f"lamm bench {name}" not in guide] == []
    options = [
        "--mode",
        "--corrupt",
        "--remap",
        "--api-base",
        "--api-model",
        "--timeout",
        "--no-cache",
        "--retry-failed",
        "--quantize",
    ]
    assert [name for name in options if name not in guide] == []
    assert [task.name for task in TASKS if f"`{task.name}`" not in guide] == []
