"""The loop ends in time, averages, measures on the average and leaves weights that load."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.progress import Progress
from safetensors.torch import load_file
from torch import Tensor, nn

from lamm_core.errors import CheckpointError, LammError
from lamm_core.training.perception_checkpoint import finished
from lamm_core.training.perception_loop import Watch, tune
from lamm_core.training.progress import RunFiles, read_events, read_state
from lamm_core.training.stopping import StopSignal


class Ticks:
    """A clock that goes on by one second each time it is looked at."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(RunFiles(tmp_path), Progress(disable=True), StopSignal(), Ticks())


class Losses:
    """Two losses of a layer, noisy in both kinds of chance; from step ``dies`` on it breaks."""

    def __init__(self, stream: nn.Linear, dies: int | None = None) -> None:
        self.stream, self.dies = stream, dies
        self.rng = random.Random(0)
        self.calls = 0

    def __call__(self) -> Mapping[str, Tensor]:
        self.calls += 1
        if self.calls == self.dies:
            raise RuntimeError("killed")
        weight = self.stream.weight
        noise = self.rng.uniform(0.9, 1.1) + 0.1 * torch.rand(1)
        return {"far": (weight - noise).square().mean(), "near": weight.abs().mean() * 0}

    def draws(self) -> Mapping[str, Any]:
        return {"random": self.rng.getstate()}

    def redraw(self, draws: Mapping[str, Any]) -> None:
        self.rng.setstate(draws["random"])


def problem(
    measured: list[Tensor], dies: int | None = None
) -> tuple[nn.Linear, Losses, Callable[[], Mapping[str, float]]]:
    torch.manual_seed(0)
    stream = nn.Linear(3, 1)
    stream.bias.requires_grad_(False)
    losses = Losses(stream, dies)

    def evaluate() -> Mapping[str, float]:
        measured.append(stream.weight.detach().clone())
        return {"score": 0.123456}

    return stream, losses, evaluate


def run(
    watch: Watch,
    stream: nn.Module,
    losses: Losses,
    evaluate: Callable[[], Mapping[str, float]],
    *,
    checkpoint_seconds: float = 1e9,
) -> Path:
    out = watch.files.folder / "linear.safetensors"
    tune(stream, losses, rates={"": 0.05}, seconds=100, out=out, watch=watch, evaluate=evaluate,
         evaluate_seconds=30, checkpoint_seconds=checkpoint_seconds, warmup_steps=5)  # fmt: skip
    return out


def test_it_learns_for_the_time_given_and_writes_what_it_learned(watch: Watch) -> None:
    measured: list[Tensor] = []
    stream, losses, evaluate = problem(measured)
    first = stream.weight.detach().clone()
    bias = stream.bias.detach().clone()
    out = run(watch, stream, losses, evaluate)
    saved = load_file(out)
    assert torch.equal(saved["weight"], stream.weight) and torch.equal(saved["bias"], bias)
    assert (stream.weight - 1).abs().mean() < 0.5 * (first - 1).abs().mean()
    assert not out.with_suffix(".partial").exists()
    events = list(read_events(watch.files.folder))
    assert [event["step"] for event in events] == [20, 31, 40, 60, 62, 80, 93, 100, 100]
    assert events[0].keys() >= {"stream", "seconds", "loss", "learning_rate", "loss_far", "loss_near"}
    assert events[0]["learning_rate"] > events[7]["learning_rate"] and events[-1]["score"] == 0.1235
    assert read_state(watch.files.folder)["total_steps"] == 100


def test_measuring_sees_the_average_and_leaves_the_weights(watch: Watch) -> None:
    """A run that is measured on the way ends where one ends that is not."""
    measured: list[Tensor] = []
    stream, losses, evaluate = problem(measured)
    run(watch, stream, losses, evaluate)
    assert len(measured) == 4 and torch.equal(measured[-1], stream.weight)
    torch.manual_seed(0)
    other, losses, _ = problem([])
    quiet = Watch(watch.files, watch.bars, watch.stop, Ticks())
    tune(other, losses, rates={"": 0.05}, seconds=100, out=watch.files.folder / "other.safetensors",
         watch=quiet, evaluate=dict, evaluate_seconds=1e9, warmup_steps=5)  # fmt: skip
    assert torch.equal(other.weight, stream.weight)


def test_a_wish_to_stop_ends_it_with_weights(watch: Watch) -> None:
    stream, losses, evaluate = problem([])
    watch.stop.requested = True
    out = run(watch, stream, losses, evaluate)
    assert torch.equal(load_file(out)["weight"], stream.weight)


def again(folder: Path) -> Watch:
    """As a new process sees the run: another clock."""
    return Watch(RunFiles(folder), Progress(disable=True), StopSignal(), Ticks())


@pytest.mark.parametrize("dies", [5, 50, 75])  # before the first checkpoint, after it, after the second
def test_a_killed_run_goes_on_to_where_an_unbroken_one_ends(tmp_path: Path, dies: int) -> None:
    whole, losses, evaluate = problem([])
    run(again(tmp_path / "whole"), whole, losses, evaluate)
    broken, losses, evaluate = problem([], dies)
    with pytest.raises(RuntimeError, match="killed"):
        run(again(tmp_path / "broken"), broken, losses, evaluate, checkpoint_seconds=30)
    resumed, losses, evaluate = problem([])
    run(again(tmp_path / "broken"), resumed, losses, evaluate, checkpoint_seconds=30)
    assert torch.equal(resumed.weight, whole.weight)
    assert losses.calls == 100 - dies // 31 * 31
    steps = [[event["step"] for event in read_events(tmp_path / name)] for name in ("broken", "whole")]
    assert steps[0] == steps[1]


def test_a_stopped_run_can_go_on_and_a_finished_one_is_known(tmp_path: Path) -> None:
    stream, losses, evaluate = problem([])
    watch = again(tmp_path)
    watch.stop.requested = True
    out = run(watch, stream, losses, evaluate)
    assert not finished(out) and losses.calls == 0
    run(again(tmp_path), stream, losses, evaluate)
    assert finished(out) and losses.calls == 100
    assert not [*tmp_path.glob("*.partial")]


@pytest.mark.parametrize("content", [b"", b"no archive at all"])
def test_a_damaged_checkpoint_is_named(watch: Watch, content: bytes) -> None:
    stream, losses, evaluate = problem([])
    (watch.files.folder / "linear.checkpoint").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"linear\.checkpoint is damaged"):
        run(watch, stream, losses, evaluate)


def test_a_checkpoint_of_another_stream_is_refused(watch: Watch) -> None:
    stream, losses, evaluate = problem([])
    watch.stop.requested = True
    run(watch, stream, losses, evaluate)
    other = nn.Linear(7, 2)
    with pytest.raises(CheckpointError, match="of another stream"):
        run(watch, other, Losses(other), evaluate)


def test_a_loss_that_is_no_number_ends_it(watch: Watch) -> None:
    stream, losses, evaluate = problem([])
    stream.weight.data[:] = float("nan")
    with pytest.raises(LammError, match="loss of linear is nan at step 0"):
        run(watch, stream, losses, evaluate)
