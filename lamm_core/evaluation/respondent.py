"""Who answers the questions of a benchmark: a model on this machine, or anything else that gives replies.

Does not know tasks or scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from lamm_core.conversation import Turn
from lamm_core.errors import DataError, MediaError, PromptTooLongError

if TYPE_CHECKING:
    from lamm_core.inference.engine import LocalEngine

__all__ = ["Conversation", "LocalModel", "Reply", "Respondent"]

Conversation = Sequence[Turn]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Reply:
    """What came back; ``trouble`` says why nothing did, ``broken`` that it was a medium that cannot be opened.

    ``notes`` go into the record's detail. ``seconds`` is the share of the time that the reply's batch took.
    """

    text: str
    tokens: int | None = None
    seconds: float | None = None
    trouble: str = ""
    broken: bool = False
    notes: Mapping[str, Any] = field(default_factory=dict)


class Respondent(Protocol):
    """Answers conversations. A reply that failed says so; what makes all further asking useless is raised.

    ``batches_round`` says that a reply may differ in its rounding with what else is answered beside it, so that the
    same ones must be asked together again to get the same replies.
    """

    batches_round: bool

    def describe(self) -> dict[str, Any]:
        """The part ``model`` of run.json: what it is called, where it is, and the hashes that identify it."""
        ...

    def generate(
        self, conversations: Sequence[Conversation], *, max_new_tokens: int, progress: Progress | None = None
    ) -> list[Reply]:
        """The likeliest answer to each conversation, in order."""
        ...

    def option_scores(self, conversation: Conversation, options: Sequence[str]) -> list[float]:
        """Mean log-probability of each option as the answer. Raises ConfigError where it cannot be known."""
        ...


class LocalModel:
    """A loaded model; ``adapter`` is the one active whatever is shown, so that a blind model is the trained one too."""

    batches_round = True

    def __init__(self, engine: LocalEngine, *, adapter: str | None, batch: int, identity: Mapping[str, Any]) -> None:
        self._engine = engine
        self._adapter = adapter
        self._batch = batch
        self._identity = dict(identity)

    def describe(self) -> dict[str, Any]:
        return dict(self._identity)

    def generate(
        self, conversations: Sequence[Conversation], *, max_new_tokens: int, progress: Progress | None = None
    ) -> list[Reply]:
        try:
            return self._many(conversations, max_new_tokens, progress)
        except (MediaError, PromptTooLongError, DataError):
            # One of them cannot be asked: singly, each says for itself.
            return [self._one(conversation, max_new_tokens) for conversation in conversations]

    def _many(
        self, conversations: Sequence[Conversation], max_new_tokens: int, progress: Progress | None
    ) -> list[Reply]:
        from lamm_core.inference.sampling import Generation

        settings = Generation(max_new_tokens=max_new_tokens, temperature=0.0)
        answers = self._engine.answer_many(
            conversations, settings, batch=self._batch, adapter=self._adapter, progress=progress
        )
        return [Reply(answer.text, answer.tokens, round(answer.seconds, 4)) for answer in answers]

    def _one(self, conversation: Conversation, max_new_tokens: int) -> Reply:
        try:
            return self._many([conversation], max_new_tokens, None)[0]
        except MediaError as error:
            return Reply("", trouble=str(error), broken=True)
        except (PromptTooLongError, DataError) as error:
            return Reply("", trouble=str(error))

    def option_scores(self, conversation: Conversation, options: Sequence[str]) -> list[float]:
        return self._engine.option_scores(conversation, options, adapter=self._adapter)
