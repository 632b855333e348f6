"""The fast decoder computes what transformers computes."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from lamm_core.inference.decode import Decoder, TransformersDecoder, decoder_for
from lamm_core.inference.llama_decoder import LlamaDecoder
from lamm_core.inference.llama_weights import Projection, WeightStore
from lamm_core.inference.sampling import Generation
from lamm_core.model.adapters import active
from tests.lamm_core.inference.conftest import together

NEVER = threading.Event()
LONG = Generation(max_new_tokens=24)
STOPS = {2}
SETS: list[Collection[str]] = [(), ("image",), ("second",), ("image", "second")]


def decode(decoder: Decoder, prompt: Tensor, settings: Generation = LONG) -> list[int]:
    return list(decoder.generate(prompt, settings, STOPS, NEVER))


def by_transformers(model: PeftModel, prompt: Tensor) -> list[int]:
    ids = model.generate(
        inputs_embeds=prompt[None],
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        max_new_tokens=LONG.max_new_tokens,
        do_sample=False,
        eos_token_id=2,
        pad_token_id=2,
    )[0].tolist()
    return ids[: ids.index(2)] if 2 in ids else ids


@pytest.mark.parametrize("names", SETS, ids=str)
def test_greedy_tokens_are_those_of_generate(
    language_model: PeftModel, prompts: Sequence[Tensor], names: Collection[str]
) -> None:
    decoder = LlamaDecoder(language_model)
    with active(language_model, names):
        for prompt in prompts:
            assert decode(decoder, prompt) == by_transformers(language_model, prompt)


@pytest.mark.parametrize("kind", [LlamaDecoder, TransformersDecoder])
def test_adapters_change_the_answers_and_switching_back_restores_them(
    language_model: PeftModel, prompts: Sequence[Tensor], kind: type[Decoder]
) -> None:
    decoder = kind(language_model)  # type: ignore[call-arg]
    found = []
    for names in [*SETS, *SETS]:
        with active(language_model, names):
            found.append([decode(decoder, prompt) for prompt in prompts[:4]])
    assert found[:4] == found[4:]
    assert all(found[one] != found[other] for one in range(4) for other in range(one))


def test_both_decoders_agree(language_model: PeftModel, prompts: Sequence[Tensor]) -> None:
    fast, plain = LlamaDecoder(language_model), TransformersDecoder(language_model)
    with active(language_model, ("image",)):
        assert [decode(fast, prompt) for prompt in prompts] == [decode(plain, prompt) for prompt in prompts]


@pytest.mark.parametrize("kind", [LlamaDecoder, TransformersDecoder])
def test_prompts_that_come_and_go_get_the_answers_of_single_prompts(
    language_model: PeftModel, prompts: Sequence[Tensor], kind: type[Decoder]
) -> None:
    decoder = kind(language_model)  # type: ignore[call-arg]
    with active(language_model, ("image",)):
        single = [decode(decoder, prompt) for prompt in prompts]
        # Stop tokens that some answers meet early, so that rows leave at different times.
        stops = {single[0][3], single[4][5], single[7][1]}
        single = [list(decoder.generate(prompt, LONG, stops, NEVER)) for prompt in prompts]
        assert together(decoder.group(), prompts, LONG.max_new_tokens, stops) == single
    assert len({len(answer) for answer in single}) > 2


def test_going_on_from_a_common_beginning_changes_nothing(language_model: PeftModel, prompts: Sequence[Tensor]) -> None:
    table = language_model.get_input_embeddings().weight.detach()
    warm = LlamaDecoder(language_model)
    for beginning in prompts[5:]:
        answer = decode(warm, beginning)
        following = torch.cat([beginning, table[torch.tensor(answer)], prompts[3]])
        again = torch.cat([following, prompts[4]])
        for prompt in (following, again, following, beginning, prompts[2]):
            assert decode(warm, prompt) == decode(LlamaDecoder(language_model), prompt)


def test_a_later_turn_computes_only_what_is_new(
    language_model: PeftModel, prompts: Sequence[Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = LlamaDecoder(language_model)
    lengths: list[int] = []
    forward = decoder._network.forward
    monkeypatch.setattr(
        decoder._network,
        "forward",
        lambda *given, **more: (lengths.append(given[1].shape[1]), forward(*given, **more))[1],
    )
    decode(decoder, prompts[8], Generation(max_new_tokens=1))
    decode(decoder, prompts[6], Generation(max_new_tokens=1))  # somebody else's
    decode(decoder, torch.cat([prompts[8], prompts[3]]), Generation(max_new_tokens=1))
    decode(decoder, torch.cat([prompts[8], prompts[3]]), Generation(max_new_tokens=1))
    assert lengths == [55, 21, 5, 1]


def test_four_conversations_taking_turns_are_all_remembered(
    language_model: PeftModel, prompts: Sequence[Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = LlamaDecoder(language_model)
    lengths: list[int] = []
    forward = decoder._network.forward
    monkeypatch.setattr(
        decoder._network,
        "forward",
        lambda *given, **more: (lengths.append(given[1].shape[1]), forward(*given, **more))[1],
    )
    for prompt in [*prompts[5:9], *prompts[5:9]]:
        decode(decoder, prompt, Generation(max_new_tokens=1))
    assert lengths == [13, 21, 34, 55, 1, 1, 1, 1]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_guessing_saves_steps_and_changes_no_token(
    language_model: PeftModel, prompts: Sequence[Tensor], monkeypatch: pytest.MonkeyPatch, temperature: float
) -> None:
    settings = Generation(max_new_tokens=60, temperature=temperature, seed=0)
    repeating = [torch.cat([prompt, prompt, prompt[:-1]]) for prompt in prompts[1:7]]
    with monkeypatch.context() as patched:
        patched.setattr("lamm_core.inference.llama_decoder.GUESSES", 0)
        plain = [decode(LlamaDecoder(language_model), prompt, settings) for prompt in repeating]
    decoder = LlamaDecoder(language_model)
    steps: list[int] = []
    forward = decoder._network.forward
    monkeypatch.setattr(
        decoder._network, "forward", lambda *given, **more: (steps.append(1), forward(*given, **more))[1]
    )
    assert [decode(decoder, prompt, settings) for prompt in repeating] == plain
    if temperature == 0.0:  # even a random model repeats itself a little
        assert len(steps) < sum(len(answer) for answer in plain)


def test_a_prompt_longer_than_one_step_is_read_whole(
    language_model: PeftModel, prompts: Sequence[Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = decode(LlamaDecoder(language_model), prompts[9])
    monkeypatch.setattr("lamm_core.inference.llama_decoder.PREFILL_STEP", 32)
    assert decode(LlamaDecoder(language_model), prompts[9]) == expected


def test_stop_ends_the_computation(language_model: PeftModel, prompts: Sequence[Tensor]) -> None:
    for decoder in (LlamaDecoder(language_model), TransformersDecoder(language_model)):
        stop = threading.Event()
        tokens = decoder.generate(prompts[3], LONG, (), stop)
        next(tokens)
        stop.set()
        assert list(tokens) == []
        assert list(decoder.generate(prompts[4], LONG, (), stop)) == []


def test_new_weights_of_an_adapter_take_effect(language_model: PeftModel, prompts: Sequence[Tensor]) -> None:
    decoder = LlamaDecoder(language_model)
    weight = next(one for name, one in language_model.named_parameters() if "lora_B.image" in name)
    with active(language_model, ("image",)):
        before = decode(decoder, prompts[5])
        with torch.no_grad():
            weight.neg_()
        changed = decode(decoder, prompts[5])
        with torch.no_grad():
            weight.neg_()
        assert changed != before
        assert decode(decoder, prompts[5]) == before


def test_the_models_own_weights_stay_as_they_are(language_model: PeftModel, prompts: Sequence[Tensor]) -> None:
    before = {name: weight.clone() for name, weight in language_model.state_dict().items()}
    with active(language_model, ("image",)):
        decode(LlamaDecoder(language_model), prompts[5])
    assert all(torch.equal(weight, before[name]) for name, weight in language_model.state_dict().items())


def test_in_bfloat16_merged_weights_are_pefts_and_logits_those_of_transformers(tiny_lm_folder: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_lm_folder, dtype=torch.bfloat16).eval()
    prompt = model.get_input_embeddings()(torch.arange(5, 40)).detach()
    decoder = LlamaDecoder(model)
    ids = model.generate(inputs_embeds=prompt[None], max_new_tokens=16, do_sample=False, eos_token_id=2, pad_token_id=2)
    expected = ids[0].tolist()
    assert decode(decoder, prompt, Generation(max_new_tokens=16)) == (
        expected[: expected.index(2)] if 2 in expected else expected
    )
    assert decoder.private_bytes >= 0


def test_private_copies_are_counted_and_shared_between_adapters(language_model: PeftModel) -> None:
    store = WeightStore(language_model)
    with active(language_model, ()):
        assert store.current().private_bytes == 0  # float32 needs no copies
        assert store.current() is store.current()
    with active(language_model, ("image",)):
        # q (64 × 64), k and v (32 × 64) and o (64 × 64) of two layers
        assert store.current().private_bytes == 2 * (64 + 32 + 32 + 64) * 64 * 4


def test_the_fast_decoder_is_taken_for_plain_llamas_only(language_model: PeftModel, tiny_lm_folder: Path) -> None:
    def choice(model: nn.Module) -> type[Decoder]:
        return type(decoder_for(model))

    assert choice(language_model) is LlamaDecoder
    assert choice(AutoModelForCausalLM.from_pretrained(tiny_lm_folder, dtype=torch.float16)) is TransformersDecoder
    small = {"vocab_size": 32, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    assert choice(LlamaForCausalLM(LlamaConfig(**small, **heads))) is LlamaDecoder
    assert choice(LlamaForCausalLM(LlamaConfig(**small, **heads, attention_bias=True))) is TransformersDecoder


def test_in_bfloat16_a_row_is_computed_among_others_as_it_is_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    product = Projection([torch.randn(192, 1536, generator=generator).bfloat16()])
    rows = torch.randn(64, 16, 1536, generator=generator).bfloat16()
    assert all(torch.equal(product.each(some), torch.cat([product(row) for row in some.split(1)])) for some in rows)
