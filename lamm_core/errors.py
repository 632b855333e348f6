"""Every error this project raises on purpose; each message is safe to show to a user.

Does not know who shows it: the page and the command line translate these in one place each.

LammError
├── ConfigError             a setting, a recipe or an option; names the key and the nearest valid one
├── MissingDependencyError  names the command that installs it
├── MediaError              a picture or a cloud: which file, what was expected
├── PromptTooLongError      the prompt does not fit the context; carries both numbers
├── EngineBusyError         too many requests wait for the model; says when to try again
├── EngineStoppedError      what computes answers was put away or ended
├── DataError               instruction data: file and record
├── CheckpointError         what differs between the checkpoint and what was found
├── WeightsError            base weights could not be fetched or do not match
├── DivergedError           training: the loss or a gradient is no number any more; which step and samples
├── HubError                the Hugging Face Hub refused, or could not be reached
├── TaskError               benchmark task: file and line
├── DeployError             bringing the app or its data elsewhere: what refused, and what to do
├── NotAllowedError         the person's role does not reach so far, or their share is used up
└── AnnotationError
    ├── ClientError         the GPT server said no, or nothing
    ├── DraftRejected       a generated draft broke the schema
    └── StaleItem           somebody else decided first
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AnnotationError",
    "CheckpointError",
    "ClientError",
    "ConfigError",
    "DataError",
    "DeployError",
    "DivergedError",
    "DraftRejected",
    "EngineBusyError",
    "EngineStoppedError",
    "HubError",
    "LammError",
    "MediaError",
    "MissingDependencyError",
    "NotAllowedError",
    "PromptTooLongError",
    "StaleItem",
    "TaskError",
    "WeightsError",
]


class LammError(Exception):
    """Base of all errors whose message says what happened, to what, and what to do."""


class ConfigError(LammError):
    """A setting is wrong."""


class MissingDependencyError(LammError):
    """A package or program that this feature needs is not installed."""


class MediaError(LammError):
    """A media file cannot be used."""


class PromptTooLongError(LammError):
    """The prompt has more tokens than the language model can read."""

    def __init__(self, prompt_tokens: int, context_tokens: int) -> None:
        self.prompt_tokens = prompt_tokens
        self.context_tokens = context_tokens
        super().__init__(
            f"The conversation is {prompt_tokens:,} tokens long and the model reads at most {context_tokens:,}. "
            "Start a new chat, or shorten the question."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.prompt_tokens, self.context_tokens)


class EngineBusyError(LammError):
    """So many requests wait for the model that another one is refused."""

    def __init__(self, waiting: int, *, retry_seconds: float) -> None:
        self.waiting = waiting
        self.retry_seconds = retry_seconds
        super().__init__(
            f"The model is busy: {waiting} requests wait already. Try again in about {max(1, round(retry_seconds))} s."
        )


class EngineStoppedError(LammError):
    """What computes answers was put away, or its process ended."""


class DataError(LammError):
    """Instruction data breaks its format."""


class CheckpointError(LammError):
    """A checkpoint does not fit what it is loaded into."""


class WeightsError(LammError):
    """Base weights are missing, damaged or other than expected."""


class DivergedError(LammError):
    """The loss of a training step, or its gradient, is no number any more."""


class HubError(LammError):
    """The Hugging Face Hub refused, or could not be reached."""


class TaskError(LammError):
    """A benchmark task cannot be read."""


class DeployError(LammError):
    """The app or its data could not be brought elsewhere."""


class NotAllowedError(LammError):
    """Whoever asks may not do this."""


class AnnotationError(LammError):
    """Something in making or reviewing instruction data failed."""


class ClientError(AnnotationError):
    """A chat server refused, failed or did not answer."""


class DraftRejected(AnnotationError):
    """A generated draft is not a valid instruction pair."""


class StaleItem(AnnotationError):
    """The item changed since it was opened.

    Carries the item as it was ``seen``, as it is ``current``ly, and what was ``attempt``ed, for a person to compare.
    """

    def __init__(self, message: str, *, seen: Any = None, current: Any = None, attempt: Any = None) -> None:
        super().__init__(message)
        self.seen = seen
        self.current = current
        self.attempt = attempt
