"""How a position must stand in a prompt for an untrained language model to repeat it.

    python benchmarks/written.py [--questions 20]

Fourteen joints with random points stand in the prompt, each named by one averaged embedding as an encoder's token would
name it. The model is asked for one of them, and its digits are compared with the right ones, each given the right text
before it. No baseline but the other spellings. The last line is JSON; ``ratio`` is full spelling against digits alone.
"""

from __future__ import annotations

import argparse
import json
import random

import torch

from lamm_core.__main__ import cache_folder
from lamm_core.backbones import resolve_language_model
from lamm_core.names import JOINTS

SPELLINGS = {
    "[0.43, 0.71];": ["Ġ[", "0", ".", "x1", "x2", ",", "Ġ", "0", ".", "y1", "y2", "];"],
    "[0.43,0.71": ["Ġ[", "0", ".", "x1", "x2", ",", "0", ".", "y1", "y2"],
    "0.43,0.71;": ["0", ".", "x1", "x2", ",", "0", ".", "y1", "y2", ";"],
    "[.43,.71];": ["Ġ[", ".", "x1", "x2", ",", ".", "y1", "y2", "];"],
    "4371": ["x1", "x2", "y1", "y2"],
}
DIGITS = "0123456789"


@torch.no_grad()
def share_right(spelling: list[str], questions: int) -> tuple[float, float]:
    """Shares of right digits of x and of y."""
    rng = random.Random(0)
    right = [0, 0]
    for _ in range(questions):
        points = {joint: f"{rng.randrange(100):02d}{rng.randrange(100):02d}" for joint in JOINTS}
        parts = [words("<|im_start|>user\n")]
        for joint, digits in points.items():
            parts.append(words(f" {joint}").mean(0, keepdim=True))
            named = dict(zip(("x1", "x2", "y1", "y2"), digits, strict=True))
            parts.append(table[tokenizer.convert_tokens_to_ids([named.get(mark, mark) for mark in spelling])])
        asked = rng.choice(JOINTS)
        parts.append(words(f"\nWhere is the {asked}?<|im_end|>\n<|im_start|>assistant\n"))
        told = points[asked]
        answer = tokenizer(f"{asked} [0.{told[:2]}, 0.{told[2:]}]")["input_ids"]
        before = sum(len(part) for part in parts)
        logits = model(inputs_embeds=torch.cat([*parts, table[answer]])[None]).logits[0]
        said = logits[before - 1 : -1].argmax(-1).tolist()
        places = [place for place, token in enumerate(tokenizer.convert_ids_to_tokens(answer)) if token in DIGITS]
        for axis, both in enumerate((places[1:3], places[4:6])):  # the zeros before the points are no news
            right[axis] += sum(said[place] == answer[place] for place in both)
    return right[0] / questions / 2, right[1] / questions / 2


def words(text: str) -> torch.Tensor:
    """Embeddings of a text."""
    return table[tokenizer(text)["input_ids"]]


if __name__ == "__main__":
    from transformers import AutoModelForCausalLM, AutoTokenizer

    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--questions", type=int, default=20)
    questions = arguments.parse_args().questions
    folder = resolve_language_model("smollm2-135m-instruct", cache_folder())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    table = model.get_input_embeddings().weight
    results = {name: share_right(spelling, questions) for name, spelling in SPELLINGS.items()}
    for name, (x, y) in results.items():
        print(f"{name:16} x {x:.2f}  y {y:.2f}", flush=True)
    means = {name: (x + y) / 2 for name, (x, y) in results.items()}
    print(json.dumps({"ratio": round(means["[0.43, 0.71];"] / means["4371"], 2), "right": means}))
