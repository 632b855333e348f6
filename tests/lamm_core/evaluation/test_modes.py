"""Three ways to an answer: said, the likeliest option with how sure it is, and after thinking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamm_core.conversation import Sample
from lamm_core.errors import ConfigError, MediaError
from lamm_core.evaluation.modes import CUE, FINISH, THINKING_TOKENS, ask, option_confidence
from lamm_core.evaluation.records import last_records
from lamm_core.evaluation.respondent import Reply
from lamm_core.evaluation.runner import Plan, run

Named = Callable[..., list[Sample]]


def test_the_likeliest_option_is_the_answer_with_its_confidence(
    named: Named, naming: Any, reader: Any, tmp_path: Path
) -> None:
    result = run(tmp_path / "run", Plan(naming, mode="ppl", kinds=(None,)), named(8), reader())
    assert result["right"] == 1.0 and result["unparsed"] == 0
    detail = last_records(tmp_path / "run" / "records.jsonl")[None, "s1"]["detail"]
    assert detail["option_scores"] == [-2.0, -0.5, -2.0, -2.0] and detail["options"][1] == "DOG"
    sure = 1 / (1 + 3 * np.exp(-1.5))
    assert detail["confidence"] == pytest.approx(sure, abs=1e-6)
    assert result["ece_equal_count"] == result["ece_equal_width"] == pytest.approx(1 - sure, abs=1e-4)


def test_confidence_is_the_largest_softmax() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        scores = rng.normal(-3, 2, rng.integers(2, 9))
        shares = np.exp(scores) / np.exp(scores).sum()
        assert option_confidence(scores.tolist()) == pytest.approx(shares.max())


def test_fewer_than_two_options_are_refused(named: Named, reader: Any) -> None:
    with pytest.raises(ConfigError, match="no answers to choose among"):
        ask(reader(), [named(1)[0].turns], mode="ppl", options=[()], max_new_tokens=3)


def test_an_option_that_cannot_be_asked_is_told(named: Named, reader: Any) -> None:
    class Blindfolded(reader):  # type: ignore[misc]
        def option_scores(self, conversation: Any, options: Sequence[str]) -> list[float]:
            raise MediaError("x.png is cut short")

    (reply,) = ask(Blindfolded(), [named(1)[0].turns], mode="ppl", options=[("a", "b")], max_new_tokens=3)
    assert reply.broken and reply.trouble == "x.png is cut short"


def test_thinking_takes_two_passes_and_the_second_goes_on_from_the_first(named: Named, reader: Any) -> None:
    thinker = reader()
    (reply,) = ask(thinker, [named(2)[1].turns], mode="cot", options=[()], max_new_tokens=3)
    assert thinker.limits == [THINKING_TOKENS, 3]
    first, second = (call[0] for call in thinker.calls)
    assert first[0].text == f"Question 1?\n{CUE}" and len(first) == 1
    assert [turn.role for turn in second] == ["user", "assistant", "user"]
    assert second[1].text == "It is DOG." and second[2].text == FINISH
    assert (reply.text, reply.tokens, reply.seconds) == ("It is DOG.", 4, 1.0)
    assert reply.notes == {"reasoning": "It is DOG."}


def test_who_cannot_think_is_not_asked_for_an_answer(named: Named, reader: Any) -> None:
    class Silent(reader):  # type: ignore[misc]
        def generate(self, conversations: Any, **options: Any) -> list[Reply]:
            super().generate(conversations, **options)
            return [Reply("", trouble="HTTP 500") for _ in conversations]

    silent = Silent()
    (reply,) = ask(silent, [named(1)[0].turns], mode="cot", options=[()], max_new_tokens=3)
    assert reply.trouble == "HTTP 500" and silent.asked == 1
