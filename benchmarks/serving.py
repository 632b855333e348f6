"""Tokens a second and time to the first token of 1, 8 and 32 chats at once over our engine, beside one at a time.

Does not know whether answers are right. Each chat is a client of its own that asks about a picture, a cloud or neither,
and once more after the answer. The baseline answers the first question of up to 8 of them one by one with transformers'
generate, as a plain script does: who asks last waits for all before. A chat is lost when an answer of it does not end.
Usage: python benchmarks/serving.py [--chats 1 8 32] [--tokens 24] [--threads N]
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lamm_core.conversation import Media, Turn
from lamm_core.inference.engine import LocalEngine
from lamm_core.inference.protocol import Engine
from lamm_core.inference.sampling import Generation
from lamm_core.launchers.commands import cache_folder
from lamm_core.model.adapters import active
from lamm_core.model.lamm import LammModel

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "assets" / "demo"
OPENINGS = [
    Turn("user", "Describe this picture.", (Media("image", DEMO / "cat.jpg"),)),
    Turn("user", "Which object is furthest to the left?", (Media("pointcloud", DEMO / "table.ply"),)),
    Turn("user", "Where are the shapes?", (Media("image", DEMO / "shapes.png"),)),
    Turn("user", "Name ten animals."),
]
SECOND = "Tell me more."


def summary(seconds: float, tokens: int, first: list[float], *, lost: int) -> dict[str, float | int]:
    """What one measurement says."""
    return {
        "tokens_per_second": round(tokens / seconds, 1),
        "ttft_p50": round(float(np.percentile(first, 50)), 2),
        "ttft_p99": round(float(np.percentile(first, 99)), 2),
        "lost": lost,
    }


def by_engine(engine: Engine, chats: int, longest: int) -> dict[str, float | int]:
    """All chats at once, each in a thread of its own."""
    first: list[float] = []
    counts: list[int] = []
    whole: list[int] = []

    def chat(number: int) -> None:
        turns = [OPENINGS[number % len(OPENINGS)]]
        for question in (SECOND, None):
            pieces = list(engine.stream(turns, Generation(longest), client=str(number)))
            counts.append(pieces[-1].tokens)
            if pieces[-1].first_token_seconds is not None:
                first.append(pieces[-1].first_token_seconds)
            if question and pieces[-1].done:
                turns += [Turn("assistant", "".join(piece.text for piece in pieces)), Turn("user", question)]
        whole.append(number)

    threads = [threading.Thread(target=chat, args=(number,)) for number in range(chats)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return summary(time.perf_counter() - began, sum(counts), first, lost=chats - len(whole))


@torch.no_grad()
def by_generate(model: LammModel, chats: int, longest: int) -> dict[str, float | int]:
    """The first question of every chat, all asked at the same moment, answered one after the other."""
    language_model: Any = model.language_model
    stop_ids = sorted(model.prompts.stop_ids())
    first: list[float] = []
    tokens = 0
    began = time.perf_counter()
    for number in range(chats):
        turn = OPENINGS[number % len(OPENINGS)]
        features = model.encode(turn.media)
        rendered = model.prompts.build([turn], [len(feature) for feature in features], for_training=False)
        prompt = model.embed(rendered, turn.media, features)[None]
        with active(model.language_model, model.modalities_of([turn])):
            ids = language_model.generate(
                inputs_embeds=prompt,
                attention_mask=torch.ones(prompt.shape[:2], dtype=torch.long),
                max_new_tokens=longest,
                do_sample=False,
                eos_token_id=stop_ids,
                pad_token_id=stop_ids[0],
            )
        tokens += ids.shape[1]
        first.append(time.perf_counter() - began)  # without a streamer the first is seen with the last
    return summary(time.perf_counter() - began, tokens, first, lost=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "assets" / "lamm-mini", help="the model to ask")
    parser.add_argument("--chats", type=int, nargs="+", default=[1, 8, 32], help="how many at once, one after another")
    parser.add_argument("--tokens", type=int, default=24, help="how long answers may get")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads of both sides")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    model = LammModel.from_pretrained(given.checkpoint, cache=cache_folder())
    engine = LocalEngine(model)
    by_engine(engine, len(OPENINGS), 4)  # weights are merged and media encoded the first time
    measured = {chats: by_engine(engine, chats, given.tokens) for chats in given.chats}
    result = {
        **measured[given.chats[-1]],
        "by_chats": measured,
        "one_at_a_time": by_generate(model, min(8, given.chats[-1]), given.tokens),
        "threads": given.threads,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
