"""What a program is told when its request is not answered: the error in the shape that OpenAI's clients read.

Does not know routes; each kind of trouble becomes a `Refusal` in one place, here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lamm_core.errors import EngineBusyError, EngineStoppedError, LammError, MediaError, PromptTooLongError

__all__ = ["Refusal", "for_error", "for_validation"]


@dataclass(eq=False)
class Refusal(Exception):
    """A request that gets an error for an answer. ``message`` says what to do and never repeats a secret."""

    status: int
    message: str
    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON that goes out."""
        kind = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}.get(
            self.status, "invalid_request_error" if self.status < 500 else "server_error"
        )
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def for_error(error: Exception) -> Refusal:
    """The refusal of an error of ours; one of another kind is a bug, whose words stay in the log."""
    if isinstance(error, EngineBusyError):
        wait = {"Retry-After": str(max(1, math.ceil(error.retry_seconds)))}
        return Refusal(429, str(error), "rate_limit_exceeded", headers=wait)
    if isinstance(error, EngineStoppedError):
        return Refusal(503, str(error), "engine_stopped")
    if isinstance(error, PromptTooLongError):
        return Refusal(400, str(error), "context_length_exceeded", "messages")
    if isinstance(error, MediaError):
        return Refusal(400, str(error), "invalid_media", "messages")
    if isinstance(error, LammError):
        return Refusal(400, str(error), "invalid_request")
    return Refusal(500, "The server failed at this request; its log says why. Other requests go on.", "internal_error")


def for_validation(errors: Sequence[Mapping[str, Any]]) -> Refusal:
    """The refusal of a body that does not fit the schema, from what pydantic found."""
    found = max(errors, key=lambda error: len(error["loc"]))  # of a choice's branches the one that came furthest
    param = _where(found["loc"])
    if found["type"] == "json_invalid":
        return Refusal(400, "The body is not JSON. Send one object, encoded as UTF-8.", "invalid_json")
    told = str(found["msg"]).removeprefix("Value error, ")
    if found["type"] == "extra_forbidden":
        told = "this server does not know this setting; leave it out"
    return Refusal(400, f"{param or 'The body'}: {told}.", "invalid_value", param or None)


def _where(places: Sequence[str | int]) -> str:
    """``messages[0].content[1].text`` of pydantic's path, which also names the types that it tried on the way."""
    path = ""
    previous: str | int = "body"
    for place in places:
        if isinstance(place, int):
            path += f"[{place}]"
        elif place.isidentifier() and place not in (previous, "str"):
            path += f".{place}"
        previous = place
    return path.removeprefix(".")
