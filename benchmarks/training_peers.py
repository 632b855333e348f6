"""Other ways to write the training that `training.py` measures: transformers' Trainer, and a loop as nanoVLM writes it.

Does not know our loop. Both put the same model together the obvious way, with the frozen encoder in the loop, batches
padded to their longest sample and logits at every position; both are our own writing of those approaches.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from lamm_core.conversation import Sample
from lamm_core.data.instructions import read_samples
from lamm_core.modalities import modality
from lamm_core.model.lamm import LammModel
from lamm_core.training.recipe import TrainingRecipe

__all__ = ["Measured", "measure_nanovlm", "measure_trainer", "now"]

TensorDict = dict[str, torch.Tensor]


class Measured(NamedTuple):
    """Samples a second (and a second of the processor) after the first step, the steps, and the loss of each."""

    samples_per_second: float
    samples_per_processor_second: float
    steps: int
    losses: list[float]


class PlainModel(nn.Module):
    """The same parts, put together the obvious way."""

    def __init__(self, recipe: TrainingRecipe, cache: Path) -> None:
        super().__init__()
        torch.manual_seed(recipe.seed)
        self.model = LammModel.build(recipe.model, cache=cache, dtype=torch.bfloat16)  # type: ignore[arg-type]
        self.model.encoders.requires_grad_(False)

    def forward(self, input_ids: Any, attention_mask: Any, labels: Any, prepared: Any, slots: Any) -> dict[str, Any]:
        embeddings = self.model.embeddings(input_ids)
        with torch.no_grad():
            features = self.model.encoder("image").encode(list(prepared))
        rows = []
        for row, (start, length), feature in zip(embeddings, slots.tolist(), features, strict=True):
            rows.append(torch.cat([row[:start], self.model.project("image", feature), row[start + length :]]))
        output = self.model.language_model(inputs_embeds=torch.stack(rows), attention_mask=attention_mask)
        logits = output.logits[:, :-1].float()
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
        return {"loss": loss}


class Collate:
    """Samples as one padded batch, their pictures opened and prepared."""

    def __init__(self, model: LammModel, first: Sample) -> None:
        self.model = model
        self.tokens = len(model.encode(first.media)[0])

    def __call__(self, chosen: Sequence[Sample]) -> TensorDict:
        prompts, image = self.model.prompts, modality("image")
        rendered = [prompts.build(sample.turns, [self.tokens], for_training=True) for sample in chosen]
        longest = max(len(one.input_ids) for one in rendered)
        pairs = [(one, longest - len(one.input_ids)) for one in rendered]
        opened = [image.load(sample.media[0].path) for sample in chosen]
        return {
            "input_ids": torch.tensor([one.input_ids + [prompts.pad_id] * gap for one, gap in pairs]),
            "labels": torch.tensor([one.labels + [-100] * gap for one, gap in pairs]),
            "attention_mask": torch.tensor([[1] * len(one.input_ids) + [0] * gap for one, gap in pairs]),
            "prepared": torch.stack([self.model.encoder("image").prepare(picture) for picture in opened]),
            "slots": torch.tensor([[one.slots[0].start, one.slots[0].length] for one in rendered]),
        }


def measure_trainer(recipe: TrainingRecipe, folder: Path, cache: Path, *, seconds: float, steps: int) -> Measured:
    """transformers' Trainer, over the samples in the order of their file, for at most so many seconds or steps."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    model, samples = PlainModel(recipe, cache), list(read_samples(recipe.data[0].path))
    times: list[tuple[float, float]] = []
    losses: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            times.append(now())
            control.should_training_stop = times[-1][0] - times[0][0] >= seconds

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if "loss" in logs:
                losses.append(float(logs["loss"]))

    class InOrder(Trainer):
        def _get_train_sampler(self, *_: Any) -> Any:
            return torch.utils.data.SequentialSampler(self.train_dataset)

    arguments = TrainingArguments(
        output_dir=str(folder / "trainer"),
        per_device_train_batch_size=recipe.batch_size,
        max_steps=steps,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="constant",
        weight_decay=recipe.weight_decay,
        adam_beta1=0.9,
        adam_beta2=0.95,
        optim="adamw_torch_fused",
        max_grad_norm=recipe.clip,
        bf16=True,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        logging_steps=1,
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    trainer = InOrder(
        model, arguments, data_collator=Collate(model.model, samples[0]), train_dataset=samples, callbacks=[Clock()]
    )
    with quiet():
        trainer.train()
    return measured(times, losses, recipe)


def measure_nanovlm(recipe: TrainingRecipe, folder: Path, cache: Path, *, seconds: float, steps: int) -> Measured:
    """A loop of its own as nanoVLM has it: DataLoader, autocast, clipping, AdamW with a group for each part."""
    model, samples = PlainModel(recipe, cache), list(read_samples(recipe.data[0].path))
    loader = torch.utils.data.DataLoader(
        samples, batch_size=recipe.batch_size, collate_fn=Collate(model.model, samples[0]), drop_last=True
    )  # type: ignore[var-annotated,arg-type]
    groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups["projectors." in name].append(parameter)
    optimizer = torch.optim.AdamW(
        [{"params": members} for members in groups.values()],
        lr=recipe.learning_rate,
        betas=(0.9, 0.95),
        weight_decay=recipe.weight_decay,
    )
    times: list[tuple[float, float]] = []
    losses: list[float] = []
    model.train()
    model.model.encoders.eval()
    while True:
        for batch in loader:
            with torch.autocast("cpu", torch.bfloat16):
                loss = model(**batch)["loss"]
            loss.backward()
            torch.nn.utils.clip_grad_norm_([one for members in groups.values() for one in members], recipe.clip)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            losses.append(float(loss.detach()))
            times.append(now())
            if len(times) == steps or times[-1][0] - times[0][0] >= seconds:
                return measured(times, losses, recipe)


def now() -> tuple[float, float]:
    """What the clock says, and what this process has had of the processor: beside other work the two part."""
    return time.perf_counter(), time.process_time()


def measured(times: Sequence[tuple[float, float]], losses: list[float], recipe: TrainingRecipe) -> Measured:
    assert recipe.batch_size is not None
    samples = recipe.batch_size * (len(times) - 1)
    clock, processor = (last - first for first, last in zip(times[0], times[-1], strict=True))
    return Measured(samples / max(clock, 1e-9), samples / max(processor, 1e-9), len(times) - 1, losses)


@contextmanager
def quiet() -> Iterator[None]:
    """The Trainer prints what it logs; only figures are wanted here."""
    import io
    from contextlib import redirect_stdout

    with redirect_stdout(io.StringIO()):
        yield
