"""Answers to a fixed few of the held-apart samples, written at each evaluation: answers.jsonl.

Does not know the training loop. The same questions every time, answered by the likeliest word each time, so that one
can see a model learn, not only its loss.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lamm_core.data.collate import Batch, Example
from lamm_core.model.adapters import active
from lamm_core.model.lamm import LammModel
from lamm_core.training.progress import ANSWERS

__all__ = ["answer_samples"]

LONGEST_ANSWER = 32  # tokens
SHOWN = 600  # letters of a question


@torch.no_grad()
def answer_samples(
    model: LammModel,
    examples: Sequence[Example],
    folder: Path | None,
    *,
    step: int,
    collate: Callable[[Example], Batch],
    loss: Callable[[LammModel, Batch], Any],
    precision: Callable[[], AbstractContextManager[object]],
) -> None:
    """Answer the samples and append a line for each. The model is in evaluation mode.

    Without a folder they are only answered: a model that is divided among processes needs all of them for it.
    """
    lines = []
    for example in examples:
        batch = collate(example)
        first = int(np.flatnonzero(example.learned)[0])
        last = first + int(np.argmin(np.append(example.learned[first:], False)))
        with active(model.language_model, batch.modalities), precision():
            measured = float(loss(model, batch).loss)
            embeddings = model.embeddings(batch.input_ids)  # (1, L, H)
            flat = embeddings.flatten(0, 1)
            for modality, features in batch.features.items():
                flat = flat.index_copy(0, batch.positions[modality], model.project(modality, features))
            prompt = flat[None, :first].to(model.dtype)
            ids = model.base_model.generate(
                inputs_embeds=prompt,
                attention_mask=torch.ones(prompt.shape[:2], dtype=torch.long, device=prompt.device),
                max_new_tokens=LONGEST_ANSWER,
                do_sample=False,
                eos_token_id=sorted(model.prompts.stop_ids()),
                pad_token_id=model.prompts.pad_id,
            )

        def words(tokens: Any) -> str:
            return str(model.tokenizer.decode(tokens, skip_special_tokens=True)).strip()

        media = {place for start, count in example.slots for place in range(start, start + count)}
        asked = [int(token) for place, token in enumerate(example.input_ids[:first]) if place not in media]
        line = {
            "step": step,
            "id": example.sample_id,
            "question": words(asked)[-SHOWN:],
            "target": words(example.input_ids[first:last].tolist()),
            "answer": words(ids[0]),
            "loss": round(measured, 4),
        }
        lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    if folder is None:
        return
    with (folder / ANSWERS).open("a", encoding="utf-8") as file:
        file.writelines(lines)
