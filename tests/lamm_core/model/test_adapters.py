"""The adapters of one shared model: who is active, in one thread and in two."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from lamm_core.config import LoraSettings
from lamm_core.errors import ConfigError
from lamm_core.model.adapters import active, active_names, adapter_parameters, add_adapter

IDS = torch.tensor([[5, 9, 30, 31, 7]])


@pytest.fixture
def base(tiny_lm_folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(tiny_lm_folder, dtype=torch.float32).eval()


@pytest.fixture
def model(base: Any) -> Any:
    """Two adapters that both change the answers, differently."""
    model = add_adapter(base, "image", LoraSettings(r=4))
    assert add_adapter(model, "pointcloud", LoraSettings(r=8, targets=("q_proj", "v_proj"))) is model
    torch.manual_seed(1)
    for name in ("image", "pointcloud"):
        for parameter in adapter_parameters(model, name):
            torch.nn.init.normal_(parameter, std=0.3)
    return model


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    return model.get_base_model()(IDS).logits


def test_a_fresh_adapter_changes_nothing(base: Any) -> None:
    before = base(IDS).logits
    model = add_adapter(base, "image", LoraSettings(r=4))
    with active(model, ["image"]):
        assert torch.equal(logits(model), before)


def test_no_adapter_gives_exactly_the_base_model(model: Any, tiny_lm_folder: Path) -> None:
    plain = AutoModelForCausalLM.from_pretrained(tiny_lm_folder, dtype=torch.float32).eval()
    with torch.no_grad():
        expected = plain(IDS).logits
    with active(model, []):
        assert active_names(model) == ()
        assert torch.equal(logits(model), expected)


def test_each_adapter_answers_differently_and_both_together_differ_from_either(model: Any) -> None:
    answers = []
    for names in ([], ["image"], ["pointcloud"], ["image", "pointcloud"]):
        with active(model, names):
            assert active_names(model) == tuple(names)
            answers.append(logits(model))
    for i, one in enumerate(answers):
        assert all(not torch.allclose(one, other, atol=1e-2) for other in answers[i + 1 :])


def test_several_names_add_the_sum_of_their_updates(model: Any) -> None:
    layer = model.get_base_model().model.layers[0].self_attn.q_proj
    x = torch.randn(3, 64)
    outputs = {}
    with torch.no_grad():
        for names in ((), ("image",), ("pointcloud",), ("image", "pointcloud")):
            with active(model, names):
                outputs[names] = layer(x)
    update = sum(outputs[(name,)] - outputs[()] for name in ("image", "pointcloud"))
    torch.testing.assert_close(outputs[("image", "pointcloud")], outputs[()] + update)


def test_what_was_active_before_is_active_again_even_after_an_error(model: Any) -> None:
    with active(model, ["pointcloud"]):
        with active(model, []):
            assert active_names(model) == ()
        assert active_names(model) == ("pointcloud",)
        with pytest.raises(RuntimeError), active(model, ["image"]):
            raise RuntimeError
        assert active_names(model) == ("pointcloud",)


def test_two_threads_with_two_modalities_get_the_answers_of_one(model: Any) -> None:
    expected = {}
    for name in ("image", "pointcloud"):
        with active(model, [name]):
            expected[name] = logits(model)
    wrong: list[str] = []
    start = threading.Barrier(2)

    def ask(name: str) -> None:
        start.wait()
        for _ in range(25):
            with active(model, [name]):
                if not torch.equal(logits(model), expected[name]):
                    wrong.append(name)

    threads = [threading.Thread(target=ask, args=(name,)) for name in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_second_thread_waits_until_the_first_leaves(model: Any) -> None:
    entered, order = threading.Event(), []

    def second() -> None:
        entered.set()
        with active(model, ["pointcloud"]):
            order.append("second")

    with active(model, ["image"]):
        thread = threading.Thread(target=second)
        thread.start()
        entered.wait()
        thread.join(timeout=0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_switching_leaves_what_is_trainable_and_gradients_reach_only_active_adapters(model: Any) -> None:
    flags = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    assert all(flag == ("lora_" in name) for name, flag in flags.items())
    with active(model, ["image"]):
        loss = model.get_base_model()(IDS).logits.square().mean()
    with active(model, []):  # an evaluation between forward and backward
        logits(model)
    loss.backward()
    assert {name: parameter.requires_grad for name, parameter in model.named_parameters()} == flags
    assert all(parameter.grad is not None for parameter in adapter_parameters(model, "image"))
    assert all(parameter.grad is None for parameter in adapter_parameters(model, "pointcloud"))


def test_an_unknown_adapter_is_named(model: Any) -> None:
    with pytest.raises(ConfigError, match=r"no adapter 'video'\. Known: image, pointcloud"), active(model, ["video"]):
        pass


def test_targets_that_the_model_lacks_are_refused(base: Any) -> None:
    with pytest.raises(ConfigError, match="does not fit the language model"):
        add_adapter(base, "image", LoraSettings(targets=("c_attn",)))
