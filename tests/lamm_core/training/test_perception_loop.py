"""The loop ends in time, averages, measures on the average and leaves weights that load."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from rich.progress import Progress
from safetensors.torch import load_file
from torch import Tensor, nn

from lamm_core.errors import LammError
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


def problem(measured: list[Tensor]) -> tuple[nn.Linear, object, object]:
    torch.manual_seed(0)
    stream = nn.Linear(3, 1)
    stream.bias.requires_grad_(False)

    def losses() -> Mapping[str, Tensor]:
        return {"far": (stream.weight - 1).square().mean(), "near": stream.weight.abs().mean() * 0}

    def evaluate() -> Mapping[str, float]:
        measured.append(stream.weight.detach().clone())
        return {"score": 0.123456}

    return stream, losses, evaluate


def run(watch: Watch, stream: nn.Module, losses: object, evaluate: object, *, seconds: float = 100) -> Path:
    out = watch.files.folder / "linear.safetensors"
    tune(stream, losses, rates={"": 0.05}, seconds=seconds, out=out, watch=watch, evaluate=evaluate,  # type: ignore[arg-type]
         evaluate_seconds=30, warmup_steps=5)  # fmt: skip
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
    tune(other, losses, rates={"": 0.05}, seconds=100, out=watch.files.folder / "other.safetensors",  # type: ignore[arg-type]
         watch=quiet, evaluate=dict, evaluate_seconds=1e9, warmup_steps=5)  # fmt: skip
    assert torch.equal(other.weight, stream.weight)


def test_a_wish_to_stop_ends_it_with_weights(watch: Watch) -> None:
    stream, losses, evaluate = problem([])
    watch.stop.requested = True
    out = run(watch, stream, losses, evaluate)
    assert torch.equal(load_file(out)["weight"], stream.weight)


def test_a_loss_that_is_no_number_ends_it(watch: Watch) -> None:
    stream, _, evaluate = problem([])
    with pytest.raises(LammError, match="loss of linear is nan at step 0"):
        run(watch, stream, lambda: {"bad": stream.weight.sum() * float("nan")}, evaluate)
