"""The decoder for every model: architectures that are no Llama."""

from __future__ import annotations

import threading

import pytest
import torch
from transformers import BloomConfig, BloomForCausalLM, GPT2Config, GPT2LMHeadModel, PreTrainedModel

from lamm_core.inference.decode import TransformersDecoder, decoder_for
from lamm_core.inference.sampling import Generation
from tests.lamm_core.inference.conftest import together


def gpt2() -> PreTrainedModel:
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=64, n_embd=32, n_layer=2, n_head=2, n_positions=64, initializer_range=0.3)
    )


def bloom() -> PreTrainedModel:
    return BloomForCausalLM(BloomConfig(vocab_size=64, hidden_size=32, n_layer=2, n_head=2, initializer_range=0.3))


@pytest.mark.parametrize("build", [gpt2, bloom])
def test_any_causal_model_decodes_as_generate_does_alone_and_together(build: type) -> None:
    torch.manual_seed(0)
    model = build().eval()
    decoder = decoder_for(model)
    assert isinstance(decoder, TransformersDecoder)
    settings, never = Generation(max_new_tokens=8), threading.Event()
    prompts = [model.get_input_embeddings()(torch.randint(3, 64, (length,))).detach() for length in (4, 9, 2)]
    single = [list(decoder.generate(prompt, settings, (), never)) for prompt in prompts]
    for prompt, answer in zip(prompts, single, strict=True):
        ids = model.generate(inputs_embeds=prompt[None], max_new_tokens=8, min_new_tokens=8, do_sample=False)
        assert answer == ids[0].tolist() or model.config.eos_token_id in answer
    assert together(decoder.group(), prompts, 8, ()) == single
