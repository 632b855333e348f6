"""Tokens a second and time to the first token of our decoder beside transformers' generate: same weights and prompts.

Does not know whether answers are right; only whether all sides give the same greedy tokens. Words are answered by the
language model as it came, pictures with their adapter: generate has it merged in (the fair comparison: ``ratio``) and a
second time beside the weights, as PEFT leaves it. ``--compiled`` adds generate with a static cache and torch.compile,
which takes minutes to warm. ``limit_tokens_per_second`` is what reading the weights once a token would allow.
Needs the weights that ``lamm fetch`` brings; takes the shipped checkpoint, or without one an untrained adapter.

Peers (`decode_peers.py`) run in an environment of their own and answer the prompts without a picture. ``--peer
llama_cpp`` reads the same weights, written as a GGUF file in bf16; ``--peer NAME=MODEL`` a file or folder as it is.
``ratio`` is then ours to theirs.
Usage: python benchmarks/decode.py [--tokens 48] [--prompts 7] [--threads N] [--peers PYTHON --peer llama_cpp]
"""

from __future__ import annotations

import argparse
import copy
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers.generation.streamers import BaseStreamer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lamm_core.config import LammConfig, ModalitySettings
from lamm_core.conversation import Media, Turn
from lamm_core.inference.decode import Decoder, decoder_for
from lamm_core.inference.sampling import Generation
from lamm_core.model.adapters import active, adapter_parameters
from lamm_core.model.gguf_file import write_gguf
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


class Prompt(NamedTuple):
    """A question ready to be answered."""

    embeds: Tensor  # (L, H)
    ids: list[int] | None  # where words are all it has


@torch.no_grad()
def prepare(model: LammModel, question: str, picture: str | None) -> Prompt:
    """The prompt of a question."""
    media = (Media(ADAPTER, ROOT / "assets" / "demo" / picture),) if picture else ()
    features = model.encode(media)
    rendered = model.prompts.build(
        [Turn("user", question, media)], [len(feature) for feature in features], for_training=False
    )
    return Prompt(model.embed(rendered, media, features), None if media else list(rendered.input_ids))


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


class Peer:
    """Another program, in a process of its own that does nothing until it is asked."""

    def __init__(self, python: Path, name: str, model: Path, threads: int) -> None:
        self.name, self.model, self.timings = name, model, list[Timing]()
        command = [str(python), str(ROOT / "benchmarks" / "decode_peers.py"), name, str(model), str(threads)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.version = self._read()["version"]

    def ask(self, ids: Sequence[int], count: int, stop_ids: list[int]) -> Timing:
        """Its greedy answer."""
        assert self._process.stdin is not None
        asked = {"ids": list(ids), "tokens": count, "stop_ids": stop_ids}
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        told = self._read()
        return Timing.of(told["tokens"], 0.0, told["times"] or [0.0])

    def close(self) -> dict[str, Any]:
        """End it; says what it was."""
        self._process.communicate()
        return {"peer": self.name, "version": self.version, "model": self.model.name}

    def _read(self) -> Any:
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            sys.exit(f"{self.name} ended with {self._process.wait()}; what it said is above.")
        return json.loads(line)


def open_peers(options: argparse.Namespace, model: LammModel, plain: Any, folder: Path) -> list[Peer]:
    """The peers asked for; those without a model of their own get our weights as a GGUF file in ``folder``."""
    peers = []
    for spelled in options.peer:
        name, _, given = spelled.partition("=")
        file = Path(given) if given else folder / "bf16.gguf"
        if not file.exists():
            plain.save_pretrained(folder)
            model.tokenizer.save_pretrained(folder)
            write_gguf(folder, file, name="plain")
        peers.append(Peer(options.peers, name, file, options.threads))
    return peers


def compiled(model: Any, prompts: Sequence[Prompt], count: int, stop_ids: list[int]) -> Any:
    """A copy whose steps torch has compiled, warmed with the longest prompt, which sets the size of the cache."""
    copied = copy.deepcopy(model)
    copied.generation_config.cache_implementation = "static"
    copied.forward = torch.compile(copied.forward)
    for prompt in sorted(prompts, key=lambda one: -len(one.embeds)):
        by_transformers(copied, prompt.embeds, count, stop_ids)
    return copied


def beside(ours: list[Timing], theirs: list[Timing]) -> dict[str, Any]:
    """Theirs, and how ours stands to it over the answers that are long enough to time."""
    pairs = list(zip(ours, theirs, strict=True))
    same = [mine.tokens == other.tokens for mine, other in pairs]
    timed = [(mine, other) for mine, other in pairs if min(len(mine.tokens), len(other.tokens)) > 4]
    ratio = median(mine.tokens_per_second / other.tokens_per_second for mine, other in timed)
    return {
        "ratio": round(ratio, 2),
        "tokens_per_second": middle(theirs, "tokens_per_second"),
        "first_token_seconds": middle(theirs, "first_token_seconds"),
        "identical": all(same),
        "identical_prompts": f"{sum(same)} of {len(same)}",
    }


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
    """Median over the answers that are long enough to time; 0 without one."""
    return round(median([getattr(timing, name) for timing in timings if len(timing.tokens) > 4] or [0.0]), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--cache", type=Path, default=Path.home() / ".cache" / "lamm-studio", help="where the weights are"
    )
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "assets" / "lamm-mini", help="the model to measure")
    parser.add_argument("--tokens", type=int, default=48, help="how long answers are")
    parser.add_argument("--prompts", type=int, default=len(QUESTIONS), help="how many of the prompts to measure")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads of all sides")
    parser.add_argument("--compiled", action="store_true", help="transformers with torch.compile, too")
    parser.add_argument("--peers", type=Path, default=Path(sys.executable), help="the Python that has the peers")
    parser.add_argument("--peer", action="append", default=[], help="NAME or NAME=MODEL; once for each")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load_model(options.checkpoint, options.cache)
    with tempfile.TemporaryDirectory() as folder:
        measure(options, model, Path(folder))


def measure(options: argparse.Namespace, model: LammModel, folder: Path) -> None:
    """Ask everybody every prompt in turn, so that whatever else the machine does meets all of them."""
    stop_ids, count = sorted(model.prompts.stop_ids()), options.tokens
    prompts = [prepare(model, *question) for question in QUESTIONS[: options.prompts]]
    words = [prompt for prompt in prompts if prompt.ids is not None]
    plain = copy.deepcopy(model.language_model).unload()
    merged = copy.deepcopy(model.language_model).merge_and_unload(adapter_names=[ADAPTER])
    decoder = decoder_for(model.language_model)
    peers = open_peers(options, model, plain, folder)
    quick = compiled(plain, words, count, stop_ids) if options.compiled else None
    ours, theirs, unmerged, fast = list[Timing](), list[Timing](), list[Timing](), list[Timing]()
    for peer in peers:
        peer.ask([1, 2, 3, 4], 2, [])
    for prompt in [prompts[0], *prompts]:  # the first twice: it warms
        worded = prompt.ids is not None
        theirs.append(by_transformers(plain if worded else merged, prompt.embeds, count, stop_ids))
        with active(model.language_model, set() if worded else {ADAPTER}):
            ours.append(by_us(decoder, prompt.embeds if len(ours) else prompt.embeds[:4], count, stop_ids))
            if not worded:
                unmerged.append(by_transformers(model.language_model, prompt.embeds, count, stop_ids))
        if prompt.ids is not None:
            if quick is not None:
                fast.append(by_transformers(quick, prompt.embeds, count, stop_ids))
            for peer in peers:
                peer.timings.append(peer.ask(prompt.ids, count, stop_ids))
    ours, theirs, fast = ours[1:], theirs[1:], fast[1:]
    compared = beside(ours, theirs)
    in_words = [mine for mine, prompt in zip(ours, prompts, strict=True) if prompt.ids is not None]
    result = {
        "ratio": compared["ratio"],
        "ours_tokens_per_second": middle(ours, "tokens_per_second"),
        "transformers_tokens_per_second": compared["tokens_per_second"],
        "transformers_unmerged_tokens_per_second": middle(unmerged, "tokens_per_second"),
        "ours_first_token_seconds": middle(ours, "first_token_seconds"),
        "transformers_first_token_seconds": compared["first_token_seconds"],
        "identical": compared["identical"],
        "identical_prompts": compared["identical_prompts"],
        "tokens": sum(len(timing.tokens) for timing in ours),
        "ours_each": [round(timing.tokens_per_second, 1) for timing in ours],
        "limit_tokens_per_second": round(limit(merged), 1),
        "threads": options.threads,
    }
    if quick is not None:
        result["compiled"] = beside(in_words, fast)
    result["peers"] = [peer.close() | beside(in_words, peer.timings[1:]) for peer in peers]
    print(json.dumps(result))


if __name__ == "__main__":
    main()
