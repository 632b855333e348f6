"""On ZeroGPU each answer is computed in a forked process; a stand-in for the Hub's package forks as that one does."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from app.services import build_services
from app.settings import Settings
from lamm_core.config import LammConfig, ModalitySettings
from lamm_core.conversation import Media, Turn
from lamm_core.errors import ConfigError, EngineStoppedError, MissingDependencyError, PromptTooLongError
from lamm_core.inference.engine import LocalEngine
from lamm_core.inference.sampling import Generation
from lamm_core.model.lamm import LammModel

QUESTION = (Turn("user", "What is in the picture?"),)


@pytest.fixture(scope="module")
def spaces() -> Iterator[Any]:
    """The stand-in, and ours on top of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent / "lent"))
        import spaces

        yield spaces
        for process in spaces.processes:
            process.kill()
            process.join()
    for name in ("spaces", "app.zero_gpu"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def zero_gpu(spaces: ModuleType) -> Any:
    import app.zero_gpu

    return app.zero_gpu


@pytest.fixture(scope="module")
def model(tiny_lm_folder: Path, tiny_clip_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> LammModel:
    torch.manual_seed(2)
    config = LammConfig(str(tiny_lm_folder), {"image": ModalitySettings(f"hub:{tiny_clip_folder}")})
    return LammModel.build(config, cache=tmp_path_factory.mktemp("cache"), dtype=torch.float32)


@pytest.fixture(scope="module")
def engine(zero_gpu: Any, model: LammModel) -> Any:
    return zero_gpu.ZeroGpuEngine(model)


def test_an_answer_of_another_process_is_the_one_of_our_engine(
    spaces: Any, engine: Any, model: LammModel, picture: Path
) -> None:
    turns = (Turn("user", "What is in the picture?", (Media("image", picture),)),)
    settings = Generation(max_new_tokens=80)
    ours = LocalEngine(model)
    expected = ours.answer(turns, settings)
    ours.close()
    pieces = [*engine.stream(turns, settings)]
    assert "".join(piece.text for piece in pieces) == expected and expected
    assert pieces[-1].done and pieces[-1].first_token_seconds > 0 and engine.load().running == 0
    assert [process.pid for process in spaces.processes] != [os.getpid()] and spaces.asked_seconds == [20 + 80 // 8]
    assert [*engine.stream(turns, settings)][-1].done and len(spaces.processes) == 1, "the process is kept"


def test_a_stop_ends_it_and_the_next_one_is_answered(engine: Any) -> None:
    stop = threading.Event()
    seen = []
    for piece in engine.stream(QUESTION, Generation(max_new_tokens=100_000, temperature=1.0), stop=stop):
        seen.append(piece)
        stop.set()
    assert seen[-1].done and seen[-1].ended == "cancelled" and len(seen) == 2
    assert [*engine.stream(QUESTION, Generation(max_new_tokens=4))][-1].done


def test_what_goes_wrong_keeps_its_words(spaces: Any, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PromptTooLongError) as raised:
        [*engine.stream((Turn("user", "word " * 5000),))]
    assert raised.value.prompt_tokens > raised.value.context_tokens
    monkeypatch.setattr(spaces, "refusal", "You have exceeded your quota")
    with pytest.raises(EngineStoppedError, match="ZeroGPU: You have exceeded your quota"):
        [*engine.stream(QUESTION)]
    assert engine.load().running == 0


def test_a_process_from_before_a_model_says_so(zero_gpu: Any, engine: Any, model: LammModel) -> None:
    [*engine.stream(QUESTION, Generation(max_new_tokens=1))]
    later = zero_gpu.ZeroGpuEngine(model)
    with pytest.raises(EngineStoppedError, match="model of before"):
        [*later.stream(QUESTION)]


def test_the_page_computes_on_it_in_half_precision_and_trains_nothing(
    zero_gpu: Any, model: LammModel, tmp_path: Path
) -> None:
    model.save_pretrained(tmp_path / "models" / "tiny")
    environment = {
        "SPACES_ZERO_GPU": "true", "SPACE_ID": "me/lamm", "LAMM_MODEL": "tiny", "LAMM_MODELS": str(tmp_path / "models"),
        "LAMM_CACHE": str(tmp_path / "cache"), "GRADIO_TEMP_DIR": str(tmp_path / "uploads"),
    }  # fmt: skip
    services = build_services(Settings.from_environment(environment))
    ready = services.shelf.wait(threading.Event())
    assert ready is not None and (ready[0].device, ready[0].precision) == ("ZeroGPU", "bf16")
    assert isinstance(ready[1].engine, zero_gpu.ZeroGpuEngine) and "Space" in services.training.off
    with pytest.raises(ConfigError, match="LAMM_QUANTIZE"):
        Settings.from_environment({**environment, "LAMM_QUANTIZE": "nf4"})


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spaces", None)
    monkeypatch.delitem(sys.modules, "app.zero_gpu", raising=False)
    settings = Settings.from_environment({"SPACES_ZERO_GPU": "1", "LAMM_CACHE": str(tmp_path)})
    with pytest.raises(MissingDependencyError, match="pip install spaces"):
        build_services(settings)
