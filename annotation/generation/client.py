"""What a chat client is: a request in, a reply with its usage out.

Does not know any server. Three implementations stand beside it: the openai client, which also speaks to the fake
server, and our own model in a process of its own.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from annotation.generation.prompt import Message
from lamm_core.conversation import Media
from lamm_core.errors import ClientError

__all__ = ["Busy", "ChatClient", "ItemFailed", "Reply", "Request", "Structure", "rough_tokens"]

Structure = Literal["schema", "object", "none"]
"""How a server is told the form: by JSON schema, as any JSON object, or by the examples alone."""

CHARACTERS_A_TOKEN = 4  # English in the tokenizers of large models; estimates only, what is paid comes from the server


@dataclass(frozen=True)
class Request:
    """One answer to ask for. ``questions`` and ``media`` are for models that see; others get the messages alone."""

    messages: tuple[Message, ...]
    shape: str
    schema: Mapping[str, Any] = field(hash=False)
    model: str = ""
    max_tokens: int = 1200
    temperature: float = 0.7
    seed: int = 0
    media: tuple[Media, ...] = ()
    questions: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Names the request by all that goes into it: the same request is never paid twice."""
        said = [[message.role, message.content] for message in self.messages]
        parts = [said, self.shape, self.schema, self.model, self.max_tokens, self.temperature, self.seed]
        shown = [[medium.modality, str(medium.path)] for medium in self.media] if self.questions else []
        return hashlib.sha256(json.dumps([parts, shown, self.questions], sort_keys=True).encode()).hexdigest()[:32]

    @property
    def rough_input(self) -> int:
        """About how many tokens the messages are."""
        structure = len(json.dumps(self.schema)) // CHARACTERS_A_TOKEN
        return structure + sum(4 + rough_tokens(message.content) for message in self.messages)


@dataclass(frozen=True)
class Reply:
    """What came back. ``finish`` is why it ended: stop, length, content_filter; ``fingerprint`` names the server."""

    text: str
    finish: str
    input_tokens: int
    output_tokens: int
    model: str
    refusal: str | None = None
    fingerprint: str = ""


class ItemFailed(ClientError):
    """This one request could not be answered; others may. ``doubtful``: the server may have taken money for it."""

    def __init__(self, message: str, *, doubtful: bool = False) -> None:
        self.doubtful = doubtful
        super().__init__(message)


class Busy(ItemFailed):
    """Not answered now, but trying again may help; not before ``retry_after`` seconds where the server says so."""

    def __init__(self, message: str, *, retry_after: float | None = None, doubtful: bool = False) -> None:
        self.retry_after = retry_after
        super().__init__(message, doubtful=doubtful)


class ChatClient(Protocol):
    """Answers requests, from any number of threads at once. ``name`` goes into the drafts."""

    name: str

    def complete(self, request: Request) -> Reply:
        """The reply. Raises Busy and ItemFailed for this request alone, ClientError where asking on is of no use."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


def rough_tokens(text: str) -> int:
    """About how many tokens a text is."""
    return math.ceil(len(text) / CHARACTERS_A_TOKEN)
