"""Likelihoods of answers are those of a plain forward pass over prompt and answer together."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from lamm_core.conversation import Media, Turn
from lamm_core.errors import DataError, PromptTooLongError
from lamm_core.inference.engine import LocalEngine
from lamm_core.inference.likelihood import mean_log_probabilities
from lamm_core.model.adapters import active

ANSWERS = [[5, 9, 11], [7], [7, 5, 9, 200, 31], [300, 2]]


def plain(model: torch.nn.Module, prompt: Tensor, answer: list[int]) -> float:
    """One uncached pass over everything."""
    table = model.get_input_embeddings().weight  # type: ignore[operator]
    whole = torch.cat([prompt, table[torch.tensor(answer)]])
    with torch.no_grad():
        logits = model(inputs_embeds=whole[None]).logits[0].double()
    told = torch.log_softmax(logits, dim=-1)
    return float(sum(told[len(prompt) - 1 + place, token] for place, token in enumerate(answer)) / len(answer))


@pytest.mark.parametrize("adapter", ["image", "second", ""])
def test_sharing_the_prompt_changes_nothing(language_model: PeftModel, prompts: list[Tensor], adapter: str) -> None:
    model = language_model.get_base_model()
    with active(language_model, {adapter} - {""}):
        for prompt in prompts:
            expected = [plain(model, prompt, answer) for answer in ANSWERS]
            assert mean_log_probabilities(model, prompt, ANSWERS) == pytest.approx(expected, abs=1e-5)


def test_a_model_with_learned_positions_is_scored_too() -> None:
    torch.manual_seed(3)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=400, n_embd=32, n_layer=2, n_head=2, n_positions=64)).eval()
    prompt = torch.randn(9, 32)
    expected = [plain(model, prompt, answer) for answer in ANSWERS]
    assert mean_log_probabilities(model, prompt, ANSWERS) == pytest.approx(expected, abs=1e-5)


def test_an_answer_without_tokens_is_refused(language_model: PeftModel, prompts: list[Tensor]) -> None:
    with pytest.raises(DataError, match="without a single token"):
        mean_log_probabilities(language_model.get_base_model(), prompts[0], [[4], []])


def test_the_engine_scores_what_the_prompt_builder_would_teach(engine: LocalEngine, picture: Path) -> None:
    turns = [Turn("user", "What is this?", (Media("image", picture),))]
    options = ["a dog", "HOTEL", "a"]
    model = engine.model
    features = model.encode(turns[0].media)
    expected = []
    for option in options:
        rendered = model.prompts.build([*turns, Turn("assistant", option)], [len(features[0])], for_training=True)
        with torch.no_grad(), active(model.language_model, {"image"}):
            whole = model.embed(rendered, turns[0].media, features)
            told = torch.log_softmax(model.base_model(inputs_embeds=whole[None]).logits[0].float(), dim=-1)
        learned = [place for place, label in enumerate(rendered.labels) if label != -100]
        learned = learned[: len(model.prompts.answer_ids(option))]
        expected.append(sum(float(told[place - 1, rendered.input_ids[place]]) for place in learned) / len(learned))
    assert engine.option_scores(turns, options) == pytest.approx(expected, abs=1e-4)
    assert len(set(expected)) == 3


def test_an_answer_that_does_not_fit_the_context_is_refused(engine: LocalEngine) -> None:
    with pytest.raises(PromptTooLongError):
        engine.option_scores([Turn("user", "Why?")], ["because " * 600])
