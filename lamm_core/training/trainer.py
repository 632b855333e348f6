"""The training loop: a recipe in, a checkpoint folder out; the same on one process or many.

Does not know how data become examples (preparation), which batches a step takes (steps), or who started it.

Everything random follows from the seed, the step and the batch, and a step is the same batches however many processes
share them: so a run that was killed goes on bit for bit, and two processes learn what one would.
"""

from __future__ import annotations

import math
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import torch
from accelerate import Accelerator, InitProcessGroupKwargs
from peft.tuners.tuners_utils import BaseTunerLayer
from rich.progress import Progress
from torch import Tensor

from lamm_core.data.collate import Batch
from lamm_core.errors import ConfigError, DivergedError
from lamm_core.model.adapters import active
from lamm_core.model.lamm import LammModel, Loss
from lamm_core.run_files import claimed, replace_text
from lamm_core.training import checkpoints
from lamm_core.training.allocator import keep_freed_memory
from lamm_core.training.attention import use_short_attention
from lamm_core.training.bars import Bars
from lamm_core.training.fused import fuse
from lamm_core.training.optim import build_optimizer, build_schedule, share_gradients, trainable
from lamm_core.training.preparation import prepare
from lamm_core.training.progress import RunFiles
from lamm_core.training.recipe import TrainingRecipe
from lamm_core.training.sample_answers import answer_samples
from lamm_core.training.steps import Plan, Step, prefetch
from lamm_core.training.stopping import StopSignal
from lamm_core.training.trackers import Trackers

__all__ = ["batch_loss", "build_model", "train"]

RECIPE = "recipe.yaml"
MODEL = "model"


class _StoppedEarly(Exception):
    """A stop was asked for while data were read and media encoded, which may take hours."""


def train(recipe: TrainingRecipe | Path, *, run: Path, cache: Path, resume: bool = True, progress: bool = True) -> Path:
    """Carry out a recipe in the folder ``run`` and return the checkpoint folder that it ends with.

    With ``resume`` a run that was stopped or killed goes on from its newest checkpoint; SIGTERM and Ctrl-C save one
    and stop; where that comes before the first step, and nothing was saved yet, ``run`` itself is returned. However it
    ends, state.json says so. Raises ConfigError for a folder that holds another run, DataError
    for data that cannot be used, LammError where the loss is no number any more.
    """
    recipe = recipe if isinstance(recipe, TrainingRecipe) else TrainingRecipe.from_yaml(recipe)
    # Encoding a large data set takes longer than the ten minutes that processes wait for each other by default.
    accelerator = Accelerator(kwargs_handlers=[InitProcessGroupKwargs(timeout=timedelta(hours=12))])
    with claimed(run, another="choose another folder with --run") if accelerator.is_main_process else nullcontext():
        return _train(recipe, run, accelerator, cache=cache, resume=resume, progress=progress)


def _train(
    recipe: TrainingRecipe, run: Path, accelerator: Accelerator, *, cache: Path, resume: bool, progress: bool
) -> Path:
    main = accelerator.is_main_process
    check_folder(run, recipe, resume=resume)
    accelerator.wait_for_everyone()
    files = RunFiles(run, active=main)
    if main:
        replace_text(run / RECIPE, recipe.to_yaml())
    saved = checkpoints.newest_step(run)
    files.state("preparing", step=saved)
    stop = StopSignal()

    def tell(words: str) -> None:
        if stop.requested and accelerator.num_processes == 1:  # several would wait for each other
            raise _StoppedEarly
        files.state("preparing", step=saved, doing=words)

    bars = Bars(tell, shown=progress and main)
    try:
        with bars, stop, Trackers(recipe.track if main else (), run, recipe.to_dict()) as trackers:
            return Run(recipe, run, accelerator, files, bars, stop, trackers, cache=cache).go()
    except _StoppedEarly:
        files.state("stopped", step=saved)
        found = checkpoints.list_checkpoints(run)
        return found[-1] / MODEL if found else run
    except BaseException as error:
        files.failed(error)
        raise


def build_model(recipe: TrainingRecipe, *, cache: Path, device: str = "cpu", load_on: str | None = None) -> LammModel:
    """The model a recipe starts from, encoders frozen, ready to train; fresh weights follow from the seed.

    It will train on ``device``; ``load_on`` is where its weights are put first, if not there.
    """
    torch.manual_seed(recipe.seed)
    dtype = torch.bfloat16 if recipe.precision == "bf16" else torch.float32
    if isinstance(recipe.model, str):
        model = LammModel.from_pretrained(
            recipe.model, cache=cache, device=load_on or device, dtype=dtype, quantize=recipe.quantize
        )
    else:
        model = LammModel.build(
            recipe.model, cache=cache, device=load_on or device, dtype=dtype, quantize=recipe.quantize
        )
    model.encoders.requires_grad_(False)
    if recipe.gradient_checkpointing:
        model.base_model.gradient_checkpointing_enable({"use_reentrant": False})
    for module in model.language_model.modules():
        if isinstance(module, BaseTunerLayer):
            # PEFT would copy every input to the adapter's float32; autocast brings the small adapter weights to bf16
            # instead, and the optimiser still works on the float32 ones.
            module.cast_input_dtype_enabled = False
    if torch.device(device).type == "cpu":
        use_short_attention(model.base_model)
        fuse(model.base_model)
    return model.train()


def batch_loss(model: LammModel, batch: Batch) -> Loss:
    """Loss of a batch whose adapters are active. Media of the whole batch are projected and put in place at once."""
    embeddings = model.embeddings(batch.input_ids)  # (B, L, H)
    flat = embeddings.flatten(0, 1)
    for modality, features in batch.features.items():
        flat = flat.index_copy(0, batch.positions[modality], model.project(modality, features))
    # Padding is on the right and attention is causal: nothing that is scored can see it.
    loss: Loss = model(flat.view_as(embeddings), None, batch.labels)
    return loss


class Run:
    """One run in one process."""

    def __init__(
        self,
        recipe: TrainingRecipe,
        run: Path,
        accelerator: Accelerator,
        files: RunFiles,
        bars: Progress,
        stop: StopSignal,
        trackers: Trackers,
        *,
        cache: Path,
    ) -> None:
        self.recipe = recipe
        self.run = run
        self.accelerator = accelerator
        self.files = files
        self.bars = bars
        self.stop = stop
        self.trackers = trackers
        self.device: torch.device = accelerator.device
        if self.device.type == "cpu":
            keep_freed_memory()
        self.divided = recipe.shard and accelerator.num_processes > 1
        self.model = build_model(recipe, cache=cache, device=str(self.device), load_on="cpu" if self.divided else None)
        if self.divided:
            from lamm_core.training.sharding import shard

            shard(self.model, self.device)
        self.data = prepare(recipe, self.model, cache=cache, accelerator=accelerator, bars=bars)
        files.dropped(self.data.dropped)
        if self.data.dropped:
            bars.print(f"{len(self.data.dropped)} samples are left out; dropped.jsonl lists each with its reason.")
        self.plan = Plan(
            recipe,
            self.data.caches,
            pad_id=self.model.prompts.pad_id,
            process=accelerator.process_index,
            processes=accelerator.num_processes,
            even=self.divided,
        )
        self.total_steps = self.plan.count(self.data.train)
        self.parameters = trainable(self.model)
        self.optimizer = build_optimizer(
            self.parameters,
            learning_rate=recipe.learning_rate,
            projector_learning_rate=recipe.projector_learning_rate or recipe.learning_rate,
            weight_decay=recipe.weight_decay,
        )
        self.schedule = build_schedule(
            self.optimizer, kind=recipe.schedule, warmup=recipe.warmup, total_steps=self.total_steps
        )

    def go(self) -> Path:
        """Train from the newest checkpoint, or the start, to the end or a stop."""
        step = self._restore()
        self.files.rewind(step)
        self.files.state("running", step=step, total_steps=self.total_steps)
        task = self.bars.add_task("Training", total=self.total_steps, completed=step)
        saved_at = time.monotonic()
        ended = time.perf_counter()
        for planned in prefetch(self.plan.steps(self.data.train, after=step, last=self.total_steps)):
            step = planned.number
            waited = time.perf_counter() - ended
            event, stopping = self._step(planned)
            seconds = time.perf_counter() - ended
            event |= {
                "tokens_per_second": round(planned.tokens / seconds, 1),
                "samples_per_second": round(planned.samples / seconds, 2),
                "data_wait_share": round(waited / seconds, 4),
                "seconds": round(seconds, 4),
            }
            last = step == self.total_steps
            if self.data.evaluation and (last or step % self.recipe.eval_steps == 0):
                event["eval_loss"] = self._evaluate()
                self._answer(step)
            self.files.event(event)
            self.trackers.log(event)
            self.files.state("running", step=step, total_steps=self.total_steps)
            self.bars.update(task, completed=step, description=f"Training (loss {event['loss']:.3f})")
            if self._checkpoint_due(step, time.monotonic() - saved_at) or last or stopping:
                self._save(step)
                saved_at = time.monotonic()
            if stopping and not last:
                self.accelerator.wait_for_everyone()
                self.files.state("stopped", step=step, total_steps=self.total_steps)
                return checkpoints.list_checkpoints(self.run)[-1] / MODEL
            ended = time.perf_counter()
        final = self.run / MODEL
        if self.accelerator.is_main_process:
            self.model.save_pretrained(final)
        self.accelerator.wait_for_everyone()
        self.files.state("done", step=step, total_steps=self.total_steps)
        return final

    def _step(self, planned: Step) -> tuple[dict[str, float], bool]:
        """Gradients of all batches of a step, then the optimiser. Gives the event and whether a stop was asked for."""
        parameters = list(self.parameters.values())
        own_loss = 0.0
        for place, batch, counts in planned.own:
            torch.manual_seed(hash((self.recipe.seed, planned.number, place)))  # LoRA's dropout
            with active(self.model.language_model, batch.modalities), self._precision():
                loss = batch_loss(self.model, batch.to(self.device))
                # Every labelled token of the step counts the same, whichever batch or process it is in.
                share = loss.loss * (loss.tokens / max(1, planned.label_tokens) if counts else 0.0)
                share.backward()
            own_loss += share.item()
        loss_sum, stop_wishes = share_gradients(parameters, [own_loss, float(self.stop.requested)])
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, self.recipe.clip))
        if not (math.isfinite(loss_sum) and math.isfinite(norm)):
            names = ", ".join(name for one in planned.own for name in one.batch.sample_ids[:3])
            raise DivergedError(
                f"At step {planned.number} the loss is {loss_sum} and the gradient's norm {norm}: nothing to learn "
                f"from. Lower learning_rate, or look at the samples of that step ({names}, ...)."
            )
        rate = float(self.schedule.get_last_lr()[-1])
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad(set_to_none=True)
        return {"step": planned.number, "loss": loss_sum, "learning_rate": rate, "grad_norm": norm}, stop_wishes > 0

    @torch.no_grad()
    def _evaluate(self) -> float:
        """Loss for each labelled token of the held-apart side."""
        self.model.eval()
        total = torch.zeros(2, device=self.device)
        for _, batch, counts in self.plan.evaluation(self.data.evaluation):
            with active(self.model.language_model, batch.modalities), self._precision():
                loss = batch_loss(self.model, batch.to(self.device))
            if counts:
                total += torch.tensor([float(loss.loss) * loss.tokens, loss.tokens], device=self.device)
        self.model.train()
        summed: Tensor = self.accelerator.reduce(total, reduction="sum")
        return float(summed[0] / summed[1].clamp(min=1))

    def _answer(self, step: int) -> None:
        """Answers to the same few held-apart samples every time, for people to read."""
        chosen = self.data.evaluation[: self.recipe.eval_answers]
        main = self.accelerator.is_main_process
        if chosen and (main or self.divided):
            self.model.eval()
            answer_samples(
                self.model,
                chosen,
                self.run if main else None,
                step=step,
                collate=lambda example: self.plan.one(example).to(self.device),
                loss=batch_loss,
                precision=self._precision,
            )
            self.model.train()

    def _precision(self) -> AbstractContextManager[object]:
        bf16 = self.recipe.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16) if bf16 else nullcontext()

    def _checkpoint_due(self, step: int, seconds: float) -> bool:
        every = self.recipe.checkpoint_steps
        return seconds >= 60 * self.recipe.checkpoint_minutes or (every is not None and step % every == 0)

    def _restore(self) -> int:
        found = checkpoints.list_checkpoints(self.run)
        if not found:
            return 0
        return checkpoints.restore(
            found[-1], parameters=self.parameters, optimizer=self.optimizer, schedule=self.schedule
        )

    def _save(self, step: int) -> None:
        if self.accelerator.is_main_process:
            checkpoints.save(
                self.run,
                step,
                parameters=self.parameters,
                optimizer=self.optimizer,
                schedule=self.schedule,
                save_model=self.model.save_pretrained,
                keep=self.recipe.keep,
            )


def check_folder(run: Path, recipe: TrainingRecipe, *, resume: bool) -> None:
    """Raise ConfigError rather than mix two runs in one folder."""
    if not checkpoints.list_checkpoints(run):
        return
    if not resume:
        raise ConfigError(f"{run.name} already holds a run. Choose another folder, or resume.")
    before = TrainingRecipe.from_yaml(run / RECIPE)
    free = ("out", "keep", "checkpoint_minutes", "track", "shard")  # what does not change what is learned
    same = replace(recipe, **{name: getattr(before, name) for name in free})
    if same != before:
        old, new = before.to_dict(), same.to_dict()
        changed = ", ".join(key for key in new if new[key] != old[key])
        raise ConfigError(
            f"{run.name} holds a run of another recipe: {changed} differ. Choose another folder, or go on with the "
            f"{RECIPE} in it."
        )
