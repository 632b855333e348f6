"""The command measures a model folder and ends with one JSON line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from PIL import Image
from typer import Typer
from typer.testing import CliRunner

from lamm_core.config import LammConfig
from lamm_core.evaluation.__main__ import evaluate
from lamm_core.evaluation.records import read_records
from lamm_core.model.lamm import LammModel

app = Typer()
app.command()(evaluate)


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


def test_the_last_line_holds_the_model_and_both_baselines(
    data: Path, tmp_path: Path, tiny_lm_folder: Path, tiny_clip_folder: Path
) -> None:
    config = LammConfig.from_dict(
        {"language_model": str(tiny_lm_folder), "modalities": {"image": {"encoder": f"hub:{tiny_clip_folder}"}}}
    )
    model, out = tmp_path / "model", tmp_path / "out"
    LammModel.build(config, cache=tmp_path / "cache").save_pretrained(model)
    command = ["--model", str(model), "--data", str(data), "--task", "iiit5k", "--out", str(out), "--device", "cpu"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    last = json.loads(result.stdout.strip().splitlines()[-1])
    assert (last["task"], last["n"], last["blind"]["n"], last["shuffled"]["n"]) == ("iiit5k", 4, 4, 4)
    assert last["word_accuracy"] is not None and len(last["interval"]) == 2
    assert [record["baseline"] for record in read_records(out / "records.jsonl")][::4] == [None, "blind", "shuffled"]


def test_a_missing_set_is_told_in_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--data", str(tmp_path), "--task", "lsp", "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "is missing" in " ".join(result.output.split())
