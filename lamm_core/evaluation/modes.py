"""Ways to get an answer: said straight away, chosen by likelihood among options, or after thinking aloud.

Does not know who answers, nor how an answer is scored.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar, get_args

from lamm_core.conversation import Turn
from lamm_core.errors import ConfigError, DataError, MediaError, PromptTooLongError
from lamm_core.evaluation.respondent import Conversation, Reply, Respondent

__all__ = ["MODES", "THINKING_TOKENS", "Mode", "ask", "option_confidence"]

Mode = Literal["direct", "ppl", "cot"]
MODES: tuple[Mode, ...] = get_args(Mode)
Progress = Callable[[int], None]
Number = TypeVar("Number", int, float)

CUE = "Think about it step by step before you answer."
FINISH = "So what is the answer? Give only the answer."
THINKING_TOKENS = 128


def ask(
    respondent: Respondent,
    conversations: Sequence[Conversation],
    *,
    mode: Mode,
    options: Sequence[Sequence[str]],
    max_new_tokens: int,
    progress: Progress | None = None,
) -> list[Reply]:
    """A reply to each conversation. ``options`` are, for each, the answers to choose among; only "ppl" needs them."""
    if mode == "ppl":
        return [
            _likeliest(respondent, conversation, choices, progress=progress, done=done)
            for done, (conversation, choices) in enumerate(zip(conversations, options, strict=True), start=1)
        ]
    if mode == "cot":
        return _after_thinking(respondent, conversations, max_new_tokens, progress)
    return respondent.generate(conversations, max_new_tokens=max_new_tokens, progress=progress)


def _likeliest(
    respondent: Respondent, conversation: Conversation, options: Sequence[str], *, progress: Progress | None, done: int
) -> Reply:
    if len(options) < 2:
        raise ConfigError("This task offers no answers to choose among. Measure it with --mode direct.")
    began = time.perf_counter()
    try:
        scores = respondent.option_scores(conversation, options)
    except MediaError as error:
        return Reply("", trouble=str(error), broken=True)
    except (PromptTooLongError, DataError) as error:
        return Reply("", trouble=str(error))
    if progress is not None:
        progress(done)
    best = max(range(len(options)), key=lambda place: scores[place])
    notes = {
        "options": list(options),
        "option_scores": [round(score, 6) for score in scores],
        "confidence": round(option_confidence(scores), 6),
    }
    return Reply(options[best], None, round(time.perf_counter() - began, 4), notes=notes)


def option_confidence(scores: Sequence[float]) -> float:
    """The share that the best option has of all, as softmax of the mean log-probabilities."""
    best = max(scores)
    return 1.0 / sum(math.exp(score - best) for score in scores)


def _after_thinking(
    respondent: Respondent, conversations: Sequence[Conversation], max_new_tokens: int, progress: Progress | None
) -> list[Reply]:
    """First pass: the question with a cue to reason. Second: the same conversation goes on, asking for the answer."""
    cued = [_with_cue(conversation) for conversation in conversations]
    thoughts = respondent.generate(cued, max_new_tokens=THINKING_TOKENS)
    places = [place for place, thought in enumerate(thoughts) if not thought.trouble]
    second = [
        (*cued[place], Turn("assistant", thoughts[place].text.strip() or "..."), Turn("user", FINISH))
        for place in places
    ]
    answers = respondent.generate(second, max_new_tokens=max_new_tokens, progress=progress)
    replies = list(thoughts)
    for place, answer in zip(places, answers, strict=True):
        thought = thoughts[place]
        replies[place] = dataclasses.replace(
            answer,
            tokens=_sum(thought.tokens, answer.tokens),
            seconds=_sum(thought.seconds, answer.seconds),
            notes={"reasoning": thought.text},
        )
    return replies


def _with_cue(conversation: Conversation) -> tuple[Turn, ...]:
    *before, last = conversation
    return (*before, dataclasses.replace(last, text=f"{last.text}\n{CUE}"))


def _sum(first: Number | None, second: Number | None) -> Number | None:
    return None if first is None or second is None else first + second
