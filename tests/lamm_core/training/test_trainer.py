"""Runs on tiny models: what moves, what stays, what is left on disk, and that a run goes on as if never stopped."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from lamm_core.errors import ConfigError, DataError, LammError
from lamm_core.launchers.run import ACCELERATE
from lamm_core.training import trainer
from lamm_core.training.progress import read_answers, read_events, read_state
from lamm_core.training.recipe import TrainingRecipe
from lamm_core.training.trainer import build_model, train

MakeRecipe = Callable[..., TrainingRecipe]


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    """All trained tensors of a checkpoint folder."""
    return {
        f"{path.relative_to(folder)}:{name}": tensor
        for path in sorted(folder.rglob("*.safetensors"))
        for name, tensor in load_file(path).items()
    }


def assert_equal(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> None:
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in left)


def losses(run: Path) -> list[float]:
    return [event["loss"] for event in read_events(run)]


def test_the_loss_falls_and_every_event_is_complete(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    final = train(make_recipe(max_steps=30, learning_rate=2e-2), run=tmp_path / "run", cache=tmp_path, progress=False)
    events = list(read_events(tmp_path / "run"))
    assert [event["step"] for event in events] == list(range(1, 31))
    assert sum(losses(tmp_path / "run")[-5:]) < 0.7 * sum(losses(tmp_path / "run")[:5])
    wanted = {"step", "loss", "learning_rate", "grad_norm", "tokens_per_second", "data_wait_share", "seconds"}
    assert all(wanted <= event.keys() for event in events)
    assert [event["step"] for event in events if "eval_loss" in event] == [6, 12, 18, 24, 30]
    state = read_state(tmp_path / "run")
    assert (state["state"], state["step"], state["total_steps"], state["pid"]) == ("done", 30, 30, os.getpid())
    assert final == tmp_path / "run" / "model"


def test_projector_and_adapter_move_and_the_base_stays_bit_equal(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    recipe = make_recipe(max_steps=3)
    before = build_model(recipe, cache=tmp_path).state_dict()
    before = {name: value.clone() for name, value in before.items()}
    final = train(recipe, run=tmp_path / "run", cache=tmp_path, progress=False)
    after = build_model(make_recipe(model=str(final)), cache=tmp_path).state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    expected = {name for name in before if name.startswith("projectors.") or "lora_" in name}
    assert moved == expected


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_stopped_run_goes_on_bit_for_bit(
    make_recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    model = make_recipe().to_dict()["model"]
    model["modalities"]["image"]["lora"]["dropout"] = 0.1  # randomness must go on too
    recipe = make_recipe(model=model, precision=precision, accumulation=2)
    whole = train(recipe, run=tmp_path / "whole", cache=tmp_path, progress=False)

    step = trainer.Run._step

    def stopping_at_five(self: trainer.Run, planned: Any) -> tuple[dict[str, float], bool]:
        if planned.number == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, planned)

    with monkeypatch.context() as patch:
        patch.setattr(trainer.Run, "_step", stopping_at_five)
        stopped = train(recipe, run=tmp_path / "parts", cache=tmp_path, progress=False)
    assert read_state(tmp_path / "parts")["state"] == "stopped"
    assert stopped.parent.name == "step-00000005"
    resumed = train(recipe, run=tmp_path / "parts", cache=tmp_path, progress=False)

    assert_equal(tensors(resumed), tensors(whole))
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    assert [event["step"] for event in read_events(tmp_path / "parts")] == list(range(1, 13))


def test_events_after_the_checkpoint_are_written_anew(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    run = tmp_path / "run"
    recipe = make_recipe(max_steps=6, checkpoint_steps=4)
    whole = tensors(train(recipe, run=run, cache=tmp_path, progress=False))
    # As a kill between steps 5 and 6 leaves it: the newest whole checkpoint is step 4's.
    (run / "checkpoints" / "step-00000006").rename(run / "checkpoints" / ".step-00000006.partial")
    again = train(recipe, run=run, cache=tmp_path, progress=False)
    assert [event["step"] for event in read_events(run)] == list(range(1, 7))
    assert_equal(tensors(again), whole)


def test_only_the_newest_checkpoints_are_kept(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    recipe = make_recipe(max_steps=6, checkpoint_steps=1, keep=2)
    train(recipe, run=tmp_path / "run", cache=tmp_path, progress=False)
    names = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert names == ["step-00000005", "step-00000006"]


def test_accumulated_batches_weigh_every_token_alike(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    """Several small batches in a step give the gradient of one that holds them all."""
    parts = make_recipe(max_steps=1, batch_tokens=None, batch_size=7, eval_fraction=0.0, accumulation=100)
    whole = make_recipe(max_steps=1, batch_tokens=None, batch_size=48, eval_fraction=0.0)
    train(whole, run=tmp_path / "whole", cache=tmp_path, progress=False)
    train(parts, run=tmp_path / "parts", cache=tmp_path, progress=False)
    (one,), (many,) = (list(read_events(tmp_path / name)) for name in ("whole", "parts"))
    assert many["loss"] == pytest.approx(one["loss"], rel=1e-5)
    assert many["grad_norm"] == pytest.approx(one["grad_norm"], rel=1e-4)


def test_features_are_encoded_once(make_recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(make_recipe(max_steps=1), run=tmp_path / "first", cache=tmp_path, progress=False)

    def encoding_again(*_: object) -> None:
        raise AssertionError("the features are in the cache")

    monkeypatch.setattr("lamm_core.model.lamm.LammModel.encode", encoding_again)
    train(make_recipe(max_steps=1), run=tmp_path / "second", cache=tmp_path, progress=False)


def test_a_loss_that_is_no_number_fails_with_the_reason(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(LammError, match="Lower learning_rate"):
        train(make_recipe(learning_rate=1e30, clip=1e30, warmup=0.0), run=run, cache=tmp_path, progress=False)
    state = read_state(run)
    assert state["state"] == "failed"
    assert "learning_rate" in state["reason"]
    assert all(math.isfinite(loss) for loss in losses(run))


def test_unusable_samples_are_listed_and_the_rest_is_learned(
    make_recipe: MakeRecipe, squares: Path, tmp_path: Path
) -> None:
    records = json.loads(squares.read_text())[:12]
    (tmp_path / "broken.png").write_text("no picture")
    turns = records[0]["conversations"]
    records.append({"id": "broken", "image": str(tmp_path / "broken.png"), "conversations": turns})
    records.append({"id": "missing", "image": "missing.png", "conversations": turns})
    records.append({"id": "text", "conversations": turns})
    long = [turns[0], {"from": "gpt", "value": "long " * 600}]
    records.append({"id": "long", "image": records[0]["image"], "conversations": long})
    path = tmp_path / "mixed.json"
    path.write_text(json.dumps(records))
    recipe = make_recipe(data=[{"path": str(path), "media_root": str(squares.parent)}], eval_fraction=0.0, max_steps=2)
    train(recipe, run=tmp_path / "run", cache=tmp_path, progress=False)
    listed = [json.loads(line) for line in (tmp_path / "run" / "dropped.jsonl").read_text().splitlines()]
    assert [entry["id"].split()[-1] for entry in listed] == ["broken", "missing", "text", "long"]
    assert "512" in listed[-1]["reason"]


def test_nothing_left_to_learn_from_is_said(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    path = tmp_path / "text.json"
    turns = [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]
    path.write_text(json.dumps([{"id": "0", "conversations": turns}]))
    with pytest.raises(DataError, match="No sample is left"):
        train(make_recipe(data=[str(path)]), run=tmp_path / "run", cache=tmp_path, progress=False)
    assert read_state(tmp_path / "run")["state"] == "failed"


def test_another_recipe_does_not_go_on_in_the_same_folder(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    train(make_recipe(max_steps=1), run=tmp_path / "run", cache=tmp_path, progress=False)
    with pytest.raises(ConfigError, match="learning_rate"):
        train(make_recipe(max_steps=1, learning_rate=1e-4), run=tmp_path / "run", cache=tmp_path, progress=False)
    with pytest.raises(ConfigError, match="already holds a run"):
        train(make_recipe(max_steps=1), run=tmp_path / "run", cache=tmp_path, resume=False, progress=False)


def launch(recipe: TrainingRecipe, run: Path, cache: Path, *, processes: int = 1) -> subprocess.Popen[bytes]:
    """A run in processes of its own, as the command line starts it."""
    path = run.with_suffix(".yaml")
    path.write_text(recipe.to_yaml())
    code = (
        "import sys, torch; from pathlib import Path; from lamm_core.training.trainer import train; "
        "torch.set_num_threads(1); run, recipe, cache = map(Path, sys.argv[1:]); "
        "train(recipe, run=run, cache=cache, progress=False)"
    )
    script = run.with_suffix(".py")
    script.write_text(code)
    command = [sys.executable]
    if processes > 1:
        command += [*ACCELERATE, "--cpu", "--num_processes", str(processes)]
    environment = os.environ | {"ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()}
    return subprocess.Popen([*command, str(script), str(run), str(path), str(cache)], env=environment)


@pytest.mark.slow
@pytest.mark.parametrize("special", [{}, {"shard": True, "quantize": "nf4", "gradient_checkpointing": True}])
def test_two_processes_learn_what_one_does(make_recipe: MakeRecipe, tmp_path: Path, special: dict[str, Any]) -> None:
    recipe = make_recipe(accumulation=3, max_steps=8, **special)
    train(recipe, run=tmp_path / "one", cache=tmp_path / "cache-one", progress=False)
    assert launch(recipe, tmp_path / "two", tmp_path / "cache-two", processes=2).wait(timeout=300) == 0
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-3)
    ends = [list(read_events(tmp_path / name))[-1]["eval_loss"] for name in ("one", "two")]
    assert ends[0] == pytest.approx(ends[1], rel=1e-3)
    one, two = (tensors(tmp_path / name / "model") for name in ("one", "two"))
    assert one.keys() == two.keys()
    assert all(torch.allclose(one[name], two[name], atol=1e-3) for name in one)


@pytest.mark.slow
@pytest.mark.parametrize("seconds_after_start", [0.05, 0.35, 0.8])
def test_a_killed_run_goes_on_bit_for_bit(make_recipe: MakeRecipe, tmp_path: Path, seconds_after_start: float) -> None:
    recipe = make_recipe(max_steps=60, checkpoint_steps=1)
    whole = train(recipe, run=tmp_path / "whole", cache=tmp_path / "cache", progress=False)
    run = tmp_path / "killed"
    process = launch(recipe, run, tmp_path / "cache")
    deadline = time.monotonic() + 200
    while not list(read_events(run)) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(seconds_after_start)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert read_state(run)["state"] == "running"
    resumed = train(recipe, run=run, cache=tmp_path / "cache", progress=False)
    assert_equal(tensors(resumed), tensors(whole))
    assert losses(run) == losses(tmp_path / "whole")


def test_a_run_may_live_in_a_thread(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    made: list[Path] = []
    recipe = make_recipe(max_steps=1)
    thread = threading.Thread(
        target=lambda: made.append(train(recipe, run=tmp_path / "run", cache=tmp_path, progress=False))
    )
    thread.start()
    thread.join()
    assert made == [tmp_path / "run" / "model"]


def test_the_same_samples_are_answered_at_every_evaluation(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    train(make_recipe(max_steps=12, eval_answers=2), run=tmp_path / "run", cache=tmp_path, progress=False)
    answers = list(read_answers(tmp_path / "run"))
    assert [one["step"] for one in answers] == [6, 6, 12, 12]
    assert answers[0]["id"] == answers[2]["id"] != answers[1]["id"]
    assert answers[0]["target"].startswith("It is ") and "Which colour?" in answers[0]["question"]
    assert all(isinstance(one["answer"], str) and one["loss"] > 0 for one in answers)
