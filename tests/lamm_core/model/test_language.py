"""Any causal language model: logits at chosen positions equal those that transformers gives."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BloomConfig,
    CohereConfig,
    Gemma2Config,
    GPT2Config,
    GPTNeoXConfig,
    GraniteConfig,
    LlamaConfig,
    LlamaForCausalLM,
)

from lamm_core.errors import WeightsError
from lamm_core.model.language import context_tokens, head_logits, hidden_states, load_language_model

SMALL = {
    "vocab_size": 50,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
CONFIGS: list[Any] = [
    LlamaConfig(**SMALL),
    CohereConfig(**SMALL, logit_scale=0.5),
    GraniteConfig(**SMALL, logits_scaling=4.0),
    Gemma2Config(**SMALL, head_dim=16, final_logit_softcapping=0.05),
    GPTNeoXConfig(**SMALL),
    GPT2Config(vocab_size=50, n_embd=32, n_layer=2, n_head=2, n_positions=64),
    BloomConfig(vocab_size=50, hidden_size=32, n_layer=2, n_head=2),
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.model_type)
def test_logits_equal_those_of_the_whole_model(config: Any) -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).eval()
    ids = torch.randint(1, 50, (2, 7))
    embeddings = model.get_input_embeddings()(ids)
    mask = torch.ones(2, 7, dtype=torch.long)
    with torch.no_grad():
        hidden = hidden_states(model, embeddings, mask)
        expected = model(inputs_embeds=embeddings, attention_mask=mask).logits
    torch.testing.assert_close(head_logits(model, hidden[:, 3]), expected[:, 3])


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.model_type)
def test_left_padding_changes_no_answer(config: Any) -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).eval()
    embeddings = model.get_input_embeddings()(torch.randint(1, 50, (1, 5)))
    padded = torch.cat([torch.zeros(1, 3, 32), embeddings], dim=1)
    mask = torch.tensor([[0, 0, 0, 1, 1, 1, 1, 1]])
    with torch.no_grad():
        alone, beside = hidden_states(model, embeddings, None), hidden_states(model, padded, mask)
    torch.testing.assert_close(beside[:, 3:], alone)


def test_the_context_is_read_under_any_of_its_names() -> None:
    contexts = [context_tokens(AutoModelForCausalLM.from_config(config)) for config in (CONFIGS[0], *CONFIGS[5:])]
    assert contexts == [64, 64, 1_000_000]


def test_weights_in_pickles_are_refused_with_a_way_out_that_works(tiny_lm_folder: Path, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    model = LlamaForCausalLM.from_pretrained(tiny_lm_folder)
    model.config.save_pretrained(old)
    AutoTokenizer.from_pretrained(tiny_lm_folder).save_pretrained(old)
    torch.save(model.state_dict(), old / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="pickles") as error:
        load_language_model(old, device="cpu", dtype=torch.float32, quantize=None)
    command = re.search(r'python -c "(.*)"', str(error.value))
    assert command is not None
    exec(command[1].replace("FOLDER", str(old)).replace("NEW", str(new)))
    loaded, _ = load_language_model(new, device="cpu", dtype=torch.float32, quantize=None)
    state = loaded.state_dict()
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())


def test_a_folder_without_weights_says_so(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="holds no weights"):
        load_language_model(tmp_path, device="cpu", dtype=torch.float32, quantize=None)
