"""On how many of 100 prompts an engine that computes many answers at once gives those that ours gives one by one.

Does not know whether answers are right. Half of the prompts are text and take no adapter, half show something: a
picture or a cloud with its adapter, every fifth both with both. All are asked at once and greedy; an answer is equal
when its text and its number of tokens are. Those that are not are written to stderr, and for each is found by how much
the likeliest token leads the second, in logits of f32, where the answers part: a small lead is decided by rounding.
Usage: python benchmarks/same_answers.py [--engine local|vllm] [--vllm ENVIRONMENT] [--dtype bfloat16|float32]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lamm_core.conversation import Media, Turn
from lamm_core.inference.engine import LocalEngine
from lamm_core.inference.protocol import Answer, Engine
from lamm_core.inference.sampling import Generation
from lamm_core.launchers.commands import cache_folder
from lamm_core.model.adapters import active
from lamm_core.model.lamm import LammModel

ROOT = Path(__file__).resolve().parents[1]
TOPICS = [
    "the sea",
    "a bicycle",
    "bread",
    "the moon",
    "a violin",
    "rain",
    "a bridge",
    "chess",
    "coffee",
    "a lighthouse",
]
TEXTS = ["Explain {} in two sentences.", "Write a poem about {}.", "Name three facts about {}."]
TEXTS += ["Who would talk about {}, and why?", "Sum up what a child should know about {}."]
SHOWN = ["Describe this in detail.", "Where is everything? Give a box for each thing.", "What is this?"]
SHOWN += ["How many things are there?", "What could happen next?"]


def conversations(count: int) -> list[list[Turn]]:
    """Text and shown things in turn."""
    demo = ROOT / "assets" / "demo"
    media = [Media("image", path) for path in sorted([*demo.glob("*.jpg"), *demo.glob("*.png")])]
    media += [Media("pointcloud", path) for path in sorted(demo.glob("*.ply"))]
    texts = [[Turn("user", text.format(topic))] for text in TEXTS for topic in TOPICS]
    shown = [[Turn("user", question, (medium,))] for question in SHOWN for medium in media]
    half = count // 2
    shown = (shown * half)[:half]
    pictures, clouds = ([one for one in media if one.modality == name] for name in ("image", "pointcloud"))
    for number in range(half // 5):
        both = (pictures[number % len(pictures)], clouds[number % len(clouds)])
        shown[5 * number + 4] = [Turn("user", SHOWN[number % len(SHOWN)], both)]
    return [one for pair in zip((texts * half)[:half], shown, strict=True) for one in pair]


def read(answer: Answer) -> tuple[str, int]:
    """The text of an answer and the number of its tokens."""
    pieces = list(answer)
    return "".join(piece.text for piece in pieces), pieces[-1].tokens


@torch.no_grad()
def leads(model: LammModel, turns: list[Turn], answer: str, other: str) -> list[float]:
    """By how many logits the likeliest token leads the second at each place of two answers up to where they part."""
    written, instead = ([*model.tokenizer(text, add_special_tokens=False).input_ids, -1] for text in (answer, other))
    shared = next((place for place, pair in enumerate(zip(written, instead, strict=False)) if pair[0] != pair[1]), 0)
    media = [medium for turn in turns for medium in turn.media]
    features = model.encode(media)
    rendered = model.prompts.build(turns, [len(feature) for feature in features], for_training=False)
    prompt = model.embed(rendered, media, features)
    inputs = torch.cat([prompt, model.embeddings(torch.tensor(written[:shared], dtype=torch.long))])
    with active(model.language_model, model.modalities_of(turns)):
        logits = model.language_model(inputs_embeds=inputs[None]).logits[0, len(prompt) - 1 :]
    best = logits.topk(2).values
    found: list[float] = (best[:, 0] - best[:, 1]).tolist()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "assets" / "lamm-mini", help="the model to ask")
    parser.add_argument("--engine", choices=("local", "vllm"), default="local", help="what answers many at once")
    parser.add_argument("--vllm", type=Path, default=cache_folder() / "vllm", help="vLLM's environment")
    parser.add_argument("--dtype", choices=("bfloat16", "float32"), default="bfloat16", help="what it computes in")
    parser.add_argument("--prompts", type=int, default=100, help="how many")
    parser.add_argument("--tokens", type=int, default=32, help="how long answers may get")
    given = parser.parse_args()
    model = LammModel.from_pretrained(given.checkpoint, cache=cache_folder(), dtype=getattr(torch, given.dtype))
    alone, settings, asked = LocalEngine(model), Generation(given.tokens), conversations(given.prompts)
    began = time.perf_counter()
    expected = [read(alone.stream(turns, settings)) for turns in asked]
    alone_seconds = time.perf_counter() - began
    engine: Engine = alone
    if given.engine == "vllm":
        from lamm_core.inference.vllm_engine import VllmEngine

        engine = VllmEngine(model, given.vllm, log=cache_folder() / "vllm.log")
    began = time.perf_counter()
    found = [read(answer) for answer in [engine.stream(turns, settings) for turns in asked]]
    together_seconds = time.perf_counter() - began
    engine.close()
    same = [one == other for one, other in zip(expected, found, strict=True)]
    exact = LammModel.from_pretrained(given.checkpoint, cache=cache_folder(), dtype=torch.float32)
    parting, before = list[float](), list[float]()
    for turns, one, other in zip(asked, expected, found, strict=True):
        if one != other:
            print(json.dumps({"asked": turns[0].text, "alone": one, "together": other}), file=sys.stderr)
            *earlier, last = leads(exact, turns, one[0], other[0])
            parting.append(last)
            before += earlier
    both = [len(turns[0].media) == 2 for turns in asked]
    tokens = sum(count for _, count in expected)
    result = {
        "engine": given.engine,
        "dtype": given.dtype,
        "same": sum(same),
        "prompts": len(same),
        "same_without_adapter": sum(same[::2]),
        "same_with_adapter": sum(same[1::2]),
        "with_two_adapters": sum(both),
        "same_with_two_adapters": sum(one for one, two in zip(same, both, strict=True) if two),
        "lead_where_they_part": round(median(parting), 3) if parting else None,
        "lead_before": round(median(before), 3) if before else None,
        "local_alone_tokens_per_second": round(tokens / alone_seconds, 1),
        "together_tokens_per_second": round(sum(count for _, count in found) / together_seconds, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
