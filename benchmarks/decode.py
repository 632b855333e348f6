"""Tokens a second and time to the first token of our decoder beside transformers' generate: same weights and prompts.

Does not know whether answers are right; only that both sides give the same greedy tokens. Generate runs twice, on the
weights with the adapter merged in (the fair comparison: ``ratio``) and with the adapter beside them, as PEFT leaves it.
``limit_tokens_per_second`` is what reading the weights once a token would allow.
Needs the weights that ``lamm fetch`` brings; takes the shipped checkpoint, or without one an untrained adapter.
Usage: python benchmarks/decode.py [--cache FOLDER] [--checkpoint FOLDER] [--tokens 48] [--prompts 7] [--threads N]
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from transformers.generation.streamers import BaseStreamer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lamm_core.config import LammConfig, ModalitySettings
from lamm_core.conversation import Media, Turn
from lamm_core.inference.decode import Decoder, decoder_for
from lamm_core.inference.sampling import Generation
from lamm_core.model.adapters import active, adapter_parameters
from lamm_core.model.lamm import LammModel

ROOT = Path(__file__).resolve().parents[1]
ADAPTER = "image"
QUESTIONS = [
    ("Explain in detail how a bicycle stays upright while it is moving.", None),
    ("Describe this picture in detail.", "cat.jpg"),
    ("Write a poem about the sea.", None),
    ("Where are the shapes? Give a box for each one.", "shapes.png"),
    ("List ten animals and the sounds they make.", None),
    ("What is the person in the picture doing, and what could happen next?", "astronaut.jpg"),
    ("Sum up this text in three sentences. " + "The tide comes in twice a day and takes the sand with it. " * 16, None),
]


@dataclass(frozen=True)
class Timing:
    """One answer: its tokens, when the first came, and tokens a second from there on."""

    tokens: list[int]
    first_token_seconds: float
    tokens_per_second: float

    @classmethod
    def of(cls, tokens: list[int], began: float, times: list[float]) -> Timing:
        return cls(tokens, times[0] - began, (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0)


class Clock(BaseStreamer):
    """Notes when generate gives a token away; the first call brings the prompt."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def put(self, value: Tensor) -> None:
        self.times.append(time.perf_counter())

    def end(self) -> None:
        del self.times[0]


def load_model(checkpoint: Path, cache: Path) -> LammModel:
    """The shipped model, or its language model with an adapter of random weights."""
    if checkpoint.exists():
        return LammModel.from_pretrained(checkpoint, cache=cache)
    torch.manual_seed(0)
    settings = ModalitySettings(encoder="efficientnet-lite0")
    model = LammModel.build(LammConfig("smollm2-135m-instruct", modalities={ADAPTER: settings}), cache=cache)
    for parameter in adapter_parameters(model.language_model, ADAPTER):
        nn.init.normal_(parameter, std=0.01)
    return model


@torch.no_grad()
def embed(model: LammModel, question: str, picture: str | None) -> Tensor:
    """A prompt (L, H)."""
    media = (Media(ADAPTER, ROOT / "assets" / "demo" / picture),) if picture else ()
    features = model.encode(media)
    rendered = model.prompts.build(
        [Turn("user", question, media)], [len(feature) for feature in features], for_training=False
    )
    return model.embed(rendered, media, features)


def by_transformers(model: Any, prompt: Tensor, count: int, stop_ids: list[int]) -> Timing:
    """Plain generate, greedy."""
    clock = Clock()
    mask = torch.ones(1, len(prompt), dtype=torch.long)
    began = time.perf_counter()
    tokens = model.generate(
        inputs_embeds=prompt[None],
        attention_mask=mask,
        max_new_tokens=count,
        do_sample=False,
        eos_token_id=stop_ids,
        pad_token_id=stop_ids[0],
        streamer=clock,
    )[0].tolist()
    return Timing.of([token for token in tokens if token not in stop_ids], began, clock.times)


def by_us(decoder: Decoder, prompt: Tensor, count: int, stop_ids: list[int]) -> Timing:
    """Our decoder, greedy."""
    tokens, times = [], []
    began = time.perf_counter()
    for token in decoder.generate(prompt, Generation(max_new_tokens=count), stop_ids, threading.Event()):
        tokens.append(token)
        times.append(time.perf_counter())
    return Timing.of(tokens, began, times or [time.perf_counter()])


def limit(model: nn.Module) -> float:
    """Tokens a second if a token cost no more than reading the weights once: the median of nine reads."""
    read = sum(weight.nbytes for weight in {id(weight): weight for weight in model.parameters()}.values())
    buffer = torch.ones(read // 4)
    seconds = []
    for _ in range(9):
        began = time.perf_counter()
        buffer.sum()
        seconds.append(time.perf_counter() - began)
    return 1 / median(seconds)


def middle(timings: list[Timing], name: str) -> float:
    """Median over the answers that are long enough to time."""
    return round(median(getattr(timing, name) for timing in timings if len(timing.tokens) > 4), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--cache", type=Path, default=Path.home() / ".cache" / "lamm-studio", help="where the weights are"
    )
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "assets" / "lamm-mini", help="the model to measure")
    parser.add_argument("--tokens", type=int, default=48, help="how long answers may get")
    parser.add_argument("--prompts", type=int, default=len(QUESTIONS), help="how many of the prompts to measure")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads of both sides")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load_model(options.checkpoint, options.cache)
    stop_ids = sorted(model.prompts.stop_ids())
    prompts = [embed(model, *question) for question in QUESTIONS[: options.prompts]]
    merged = copy.deepcopy(model.language_model).merge_and_unload(adapter_names=[ADAPTER])
    decoder = decoder_for(model.language_model)
    ours: list[Timing] = []
    plain: list[Timing] = []
    beside: list[Timing] = []
    with active(model.language_model, {ADAPTER}):
        for warm in (
            lambda: by_us(decoder, prompts[0][:4], 2, []),
            lambda: by_transformers(merged, prompts[0], 2, stop_ids),
        ):
            warm()
        for prompt in prompts:  # in turn, so that whatever else the machine does meets all three
            plain.append(by_transformers(merged, prompt, options.tokens, stop_ids))
            ours.append(by_us(decoder, prompt, options.tokens, stop_ids))
            beside.append(by_transformers(model.language_model, prompt, options.tokens, stop_ids))
    same = [mine.tokens == theirs.tokens for mine, theirs in zip(ours, plain, strict=True)]
    long = [(mine, theirs) for mine, theirs in zip(ours, plain, strict=True) if len(mine.tokens) > 4]
    ratio = median(mine.tokens_per_second / theirs.tokens_per_second for mine, theirs in long)
    print(
        json.dumps(
            {
                "ratio": round(ratio, 2),
                "ours_tokens_per_second": middle(ours, "tokens_per_second"),
                "transformers_tokens_per_second": middle(plain, "tokens_per_second"),
                "transformers_unmerged_tokens_per_second": middle(beside, "tokens_per_second"),
                "ours_first_token_seconds": middle(ours, "first_token_seconds"),
                "transformers_first_token_seconds": middle(plain, "first_token_seconds"),
                "identical": all(same),
                "identical_prompts": f"{sum(same)} of {len(same)}",
                "tokens": sum(len(timing.tokens) for timing in ours),
                "limit_tokens_per_second": round(limit(merged), 1),
                "threads": options.threads,
            }
        )
    )


if __name__ == "__main__":
    main()
