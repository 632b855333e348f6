"""The loop of every stream: steps for a given time under a cosine learning rate, averaged weights, measured on the way.

Does not know what a step computes or measures. How many steps fit into the time depends on the machine, so two runs
of one recipe come close to each other and are not equal.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from rich.progress import Progress
from safetensors.torch import save_file
from torch import Tensor, nn

from lamm_core.errors import LammError
from lamm_core.training import perception_checkpoint
from lamm_core.training.perception_checkpoint import Progressed
from lamm_core.training.progress import RunFiles
from lamm_core.training.stopping import StopSignal

__all__ = ["Steps", "Watch", "tune"]

EVENT_STEPS = 20
LONGEST_AVERAGE = 0.998  # about the last 500 steps


@dataclass(frozen=True)
class Watch:
    """Who follows a run: its files, the bars, and the wish to stop."""

    files: RunFiles
    bars: Progress
    stop: StopSignal
    clock: Callable[[], float] = time.monotonic


class Steps(Protocol):
    """What computes the losses of one batch after the other, and can tell and be told how its draws stand."""

    def __call__(self) -> Mapping[str, Tensor]: ...

    def draws(self) -> Mapping[str, Any]:
        """The state of everything random, in plain values."""
        ...

    def redraw(self, draws: Mapping[str, Any]) -> None:
        """Go on from a state that `draws` gave."""
        ...


def tune(
    stream: nn.Module,
    losses: Steps,
    *,
    rates: Mapping[str, float],
    seconds: float,
    out: Path,
    watch: Watch,
    evaluate: Callable[[], Mapping[str, float]],
    evaluate_seconds: float,
    checkpoint_seconds: float = 120.0,
    warmup_steps: int = 100,
    clip: float = 5.0,
) -> None:
    """Minimise the sum of ``losses()`` for ``seconds``; ``out`` gets the averaged weights, and so does ``stream``.

    ``rates`` are peak learning rates by the beginning of a parameter's name, the longest that fits; "" fits all.
    ``evaluate`` is called with the averaged weights in place. Where ``out`` has a checkpoint beside it, tuning goes on
    from there; one is written every ``checkpoint_seconds`` and at a wish to stop. Raises LammError where the loss is no
    number any more, and CheckpointError.
    """
    moving = {name: value for name, value in stream.named_parameters() if value.requires_grad}
    optimiser = torch.optim.AdamW(_groups(moving, rates), weight_decay=0.02, betas=(0.9, 0.99))
    average = {name: value.detach().clone() for name, value in moving.items()}
    found = perception_checkpoint.load(out, stream=stream, optimiser=optimiser, average=average)
    at = Progressed()
    if found is not None:
        at, draws = found
        losses.redraw(draws)
        watch.files.rewind(at.step, stream=out.stem)

    def keep(*, done: bool = False) -> None:
        perception_checkpoint.save(
            out, at, stream=stream, optimiser=optimiser, average=average, draws=losses.draws(), done=done
        )

    bar = watch.bars.add_task(out.stem, total=seconds)
    start, kept = watch.clock() - at.elapsed, at.elapsed
    stream.train()
    while at.elapsed < seconds and not watch.stop.requested:
        pace = min(1.0, (at.step + 1) / warmup_steps) * (0.5 + 0.5 * math.cos(math.pi * at.elapsed / seconds))
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * pace
        parts = losses()
        total = torch.stack(list(parts.values())).sum()
        if not math.isfinite(total.item()):
            raise LammError(f"The loss of {out.stem} is {total.item()} at step {at.step}. Lower its learning_rate.")
        total.backward()
        torch.nn.utils.clip_grad_norm_(moving.values(), clip)
        optimiser.step()
        optimiser.zero_grad()
        at.step += 1
        share = min(LONGEST_AVERAGE, at.step / (at.step + 20))
        with torch.no_grad():
            for name, value in moving.items():
                average[name].lerp_(value, 1 - share)
        for name, part in parts.items():
            at.means[name] = 0.95 * at.means.get(name, part.item()) + 0.05 * part.item()
        at.elapsed = watch.clock() - start
        watch.bars.update(bar, completed=min(at.elapsed, seconds), description=f"{out.stem} {at.step:,}")
        row: dict[str, float | str] = {"stream": out.stem, "step": at.step, "seconds": round(at.elapsed, 1)}
        if at.step % EVENT_STEPS == 0:
            rate = optimiser.param_groups[0]["lr"]
            watch.files.event({**row, "loss": round(sum(at.means.values()), 4), "learning_rate": rate,
                               **{f"loss_{name}": round(value, 4) for name, value in at.means.items()}})  # fmt: skip
            watch.files.state("running", step=round(at.elapsed), total_steps=round(seconds))
        if at.elapsed - at.evaluated > evaluate_seconds:
            at.evaluated = at.elapsed
            with _averaged(stream, average):
                _save(stream, out)
                watch.files.event({**row, **_rounded(evaluate())})
        if at.elapsed - kept > checkpoint_seconds:
            kept = at.elapsed
            keep()
    keep()
    stream.load_state_dict(average, strict=False)
    stream.eval()
    _save(stream, out)
    last = {"stream": out.stem, "step": at.step, "seconds": round(at.elapsed, 1), **_rounded(evaluate())}
    watch.files.event(last)
    if at.elapsed >= seconds:
        keep(done=True)


def _groups(moving: Mapping[str, Tensor], rates: Mapping[str, float]) -> list[dict[str, object]]:
    members: dict[str, list[Tensor]] = {beginning: [] for beginning in rates}
    for name, value in moving.items():
        members[max((one for one in rates if name.startswith(one)), key=len)].append(value)
    return [{"params": values, "lr": rates[one], "peak": rates[one]} for one, values in members.items() if values]


@contextmanager
def _averaged(stream: nn.Module, average: Mapping[str, Tensor]) -> Iterator[None]:
    current = {name: value.detach().clone() for name, value in stream.named_parameters() if name in average}
    stream.load_state_dict(dict(average), strict=False)
    stream.eval()
    try:
        yield
    finally:
        stream.load_state_dict(current, strict=False)
        stream.train()


def _save(stream: nn.Module, out: Path) -> None:
    partial = out.with_suffix(".partial")
    save_file({name: value.detach().cpu().contiguous() for name, value in stream.state_dict().items()}, partial)
    os.replace(partial, out)


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in figures.items()}
