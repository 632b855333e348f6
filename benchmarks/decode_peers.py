"""Other programs that decode, for decode.py: run by the Python of an environment that has them, spoken to in lines.

Does not know this project: it imports nothing of it. A line asks ``{"ids": [...], "tokens": 48, "stop_ids": [...]}``
and is told ``{"tokens": [...], "times": [...]}``: greedy, up to the first id that stops, seconds since it was asked.
The first line told is ``{"version": ...}``.
Usage: python benchmarks/decode_peers.py llama_cpp|openvino_genai|onnxruntime_genai MODEL THREADS
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

Decode = Callable[[list[int], int], Iterator[tuple[int, float]]]  # of ids and a count: tokens, each with its time
CONTEXT = 2048


def llama_cpp(model: Path, threads: int) -> Decode:
    """llama.cpp on a GGUF file, through llama-cpp-python."""
    from llama_cpp import Llama

    llama = Llama(str(model), n_ctx=CONTEXT, n_threads=threads, n_threads_batch=threads, verbose=False)

    def decode(ids: list[int], _: int) -> Iterator[tuple[int, float]]:
        llama.reset()
        for token in llama.generate(ids, temp=0.0):
            yield token, time.perf_counter()

    return decode


def openvino_genai(model: Path, threads: int) -> Decode:
    """OpenVINO GenAI on a GGUF file (2026.4 reads none in bf16) or a folder of its own; it computes in bf16."""
    import numpy as np
    import openvino as ov
    import openvino_genai as genai

    pipeline = genai.LLMPipeline(str(model), "CPU", INFERENCE_NUM_THREADS=threads)

    class Times(genai.StreamerBase):
        def __init__(self) -> None:
            super().__init__()
            self.noted: list[float] = []

        def write(self, token: Any) -> Any:
            self.noted += [time.perf_counter()] * (len(token) if isinstance(token, list) else 1)
            return genai.StreamingStatus.RUNNING

        def end(self) -> None:
            pass

    def decode(ids: list[int], count: int) -> Iterator[tuple[int, float]]:
        prompt = np.array([ids], dtype=np.int64)
        inputs = genai.TokenizedInputs(ov.Tensor(prompt), ov.Tensor(np.ones_like(prompt)))
        settings = genai.GenerationConfig(max_new_tokens=count, do_sample=False, ignore_eos=True)
        times = Times()
        tokens = pipeline.generate(inputs, settings, times).tokens[0]
        yield from zip(tokens, times.noted, strict=True)

    return decode


def onnxruntime_genai(model: Path, threads: int) -> Decode:
    """ONNX Runtime GenAI on a folder that its own builder made."""
    import onnxruntime_genai as genai

    config = genai.Config(str(model))
    config.overlay(json.dumps({"model": {"decoder": {"session_options": {"intra_op_num_threads": threads}}}}))
    loaded = genai.Model(config)

    def decode(ids: list[int], count: int) -> Iterator[tuple[int, float]]:
        settings = genai.GeneratorParams(loaded)
        length = len(ids) + count
        settings.set_search_options(min_length=length, max_length=length, do_sample=False)
        generator = genai.Generator(loaded, settings)
        generator.append_tokens(ids)
        while not generator.is_done():
            generator.generate_next_token()
            yield int(generator.get_next_tokens()[0]), time.perf_counter()

    return decode


PEERS = {"llama_cpp": llama_cpp, "openvino_genai": openvino_genai, "onnxruntime_genai": onnxruntime_genai}


def main() -> None:
    name, model, threads = sys.argv[1:]
    decode = PEERS[name](Path(model), int(threads))
    told, sys.stdout = sys.stdout, sys.stderr  # what the libraries print is no answer
    print(json.dumps({"version": version(name.replace("llama_cpp", "llama_cpp_python"))}), file=told, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        tokens, times = list[int](), list[float]()
        began = time.perf_counter()
        for token, when in decode(asked["ids"], asked["tokens"]):
            if token in asked["stop_ids"]:
                break
            tokens.append(token)
            times.append(when - began)
            if len(tokens) == asked["tokens"]:
                break
        print(json.dumps({"tokens": tokens, "times": times}), file=told, flush=True)


if __name__ == "__main__":
    main()
