"""Choosing tokens: what each setting does."""

from __future__ import annotations

import pytest
import torch

from lamm_core.errors import ConfigError
from lamm_core.inference.sampling import Generation, Sampler

LOGITS = torch.tensor([[1.0, 2.0, 0.5, 1.9]])
CPU = torch.device("cpu")


def draws(settings: Generation, count: int = 200) -> list[int]:
    sampler = Sampler(settings, CPU)
    return [sampler(LOGITS)[0] for _ in range(count)]


def test_temperature_zero_takes_the_likeliest_token() -> None:
    assert set(draws(Generation(), 5)) == {1}


def test_the_first_of_equal_logits_wins_as_in_transformers() -> None:
    logits = torch.tensor([[0.0, 3.0, 3.0]], dtype=torch.bfloat16)
    assert Sampler(Generation(), CPU)(logits) == [int(logits.float().argmax())]


def test_a_seed_repeats_the_draws_and_another_changes_them() -> None:
    assert draws(Generation(temperature=1.0, seed=3)) == draws(Generation(temperature=1.0, seed=3))
    assert draws(Generation(temperature=1.0, seed=3)) != draws(Generation(temperature=1.0, seed=4))


def test_without_a_seed_draws_differ() -> None:
    assert draws(Generation(temperature=1.0)) != draws(Generation(temperature=1.0))


def test_higher_temperature_draws_unlikely_tokens_more_often() -> None:
    cold, hot = (draws(Generation(temperature=t, seed=0), 500).count(2) for t in (0.3, 3.0))
    assert cold < hot


def test_top_p_leaves_out_the_tail() -> None:
    # probabilities: 0.15, 0.41, 0.09, 0.35
    assert set(draws(Generation(temperature=1.0, top_p=0.7, seed=0))) == {1, 3}
    assert set(draws(Generation(temperature=1.0, top_p=0.01, seed=0))) == {1}
    assert set(draws(Generation(temperature=1.0, seed=0), 500)) == {0, 1, 2, 3}


@pytest.mark.parametrize("wrong", [{"max_new_tokens": 0}, {"temperature": -1.0}, {"top_p": 0.0}, {"top_p": 1.5}])
def test_a_setting_out_of_range_is_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Generation(**wrong)  # type: ignore[arg-type]
