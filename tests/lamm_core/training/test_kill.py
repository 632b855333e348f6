"""A run that is killed at random moments, again and again, ends as if nothing had happened."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lamm_core.training.progress import newest_step, read_events, read_state
from lamm_core.training.recipe import TrainingRecipe
from lamm_core.training.trainer import train

KILLS = 20
# Imported once, in a server that each attempt is forked from: it is the training that is killed here, not the imports.
PRELOADED = ["lamm_core.training.trainer", "transformers.models.llama.modeling_llama", "transformers.models.clip"]


@pytest.mark.slow
def test_killed_at_twenty_random_moments_it_ends_bit_equal(
    make_recipe: Callable[..., TrainingRecipe], tmp_path: Path
) -> None:
    recipe = make_recipe(max_steps=200, eval_steps=50, checkpoint_steps=3, batch_tokens=128)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)

    def attempt(run: Path) -> multiprocessing.process.BaseProcess:
        options = {"run": run, "cache": tmp_path, "progress": False}
        process = context.Process(target=train, args=(recipe,), kwargs=options)
        process.start()
        return process

    whole = attempt(tmp_path / "whole")
    whole.join()
    assert whole.exitcode == 0

    # A moment is a number of steps and a little: told by the clock alone, a busy machine would put them all before the
    # first step. No step at all is one of the moments: the preparation is killed then, somewhere.
    choose, run, saved = random.Random(0), tmp_path / "killed", set()
    for kill in range(KILLS):
        process = attempt(run)
        wanted = newest_step(run) + choose.choice((0, 1, 2, 4, 5))
        while process.is_alive() and read_state(run).get("step", 0) < wanted:
            time.sleep(0.002)
        process.join(choose.uniform(0.0, 0.02))
        assert process.is_alive(), f"it came to its end before kill {kill}"
        process.kill()
        process.join()
        saved.add(newest_step(run))
    last = attempt(run)
    last.join()
    assert last.exitcode == 0 and len(saved) > 3

    assert read_state(run)["state"] == "done"
    for path in sorted((tmp_path / "whole" / "model").rglob("*.safetensors")):
        twin = load_file(run / path.relative_to(tmp_path / "whole"))
        assert all(torch.equal(tensor, twin[name]) for name, tensor in load_file(path).items()), path.name
    losses = [[(event["step"], event["loss"]) for event in read_events(one)] for one in (tmp_path / "whole", run)]
    assert losses[0] == losses[1]
