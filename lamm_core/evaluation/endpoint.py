"""A model behind an OpenAI-compatible address as the one that is measured; pictures go along as data URLs.

Does not know tasks or scores. What passes (too many requests, a server in trouble, no answer in time) is tried again;
what then still fails is a reply that says why. A refused key or an unknown model ends the run.
"""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import tenacity
from PIL import Image, UnidentifiedImageError

from lamm_core.conversation import Turn
from lamm_core.errors import ClientError, ConfigError, MediaError
from lamm_core.evaluation.respondent import Conversation, Progress, Reply

__all__ = ["Endpoint", "data_url"]

ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 30.0
PLACEHOLDER = "<image>"
SENT_AS_THEY_ARE = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
PASSING = (
    openai.RateLimitError,
    openai.InternalServerError,
    openai.APIConnectionError,  # also no answer in time
    openai.APIResponseValidationError,
    json.JSONDecodeError,
)
FINAL = (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError)


class Endpoint:
    """Asks up to ``at_once`` questions at a time; a ``seed`` is sent along where one is given."""

    batches_round = False

    def __init__(
        self,
        base: str,
        model: str,
        *,
        key: str,
        at_once: int = 16,
        timeout_seconds: float = 120.0,
        seed: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base, self._model, self._at_once = base, model, at_once
        self._client = openai.OpenAI(base_url=base, api_key=key, timeout=timeout_seconds, max_retries=0)
        self._limit_name = "max_tokens"
        self._more = {} if seed is None else {"seed": seed}
        self._retrying: Callable[..., Any] = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=_wait,
            retry=tenacity.retry_if_exception_type(PASSING),
            sleep=sleep,
            reraise=True,
        )

    def describe(self) -> dict[str, Any]:
        return {"name": self._model, "endpoint": self._base, "adapter": None, "quantize": None, "template": None}

    def option_scores(self, conversation: Conversation, options: Sequence[str]) -> list[float]:
        raise ConfigError(
            "A chat server does not tell how likely an answer is that it did not give. Measure it with --mode direct."
        )

    def generate(
        self, conversations: Sequence[Conversation], *, max_new_tokens: int, progress: Progress | None = None
    ) -> list[Reply]:
        replies: list[Reply] = []
        with ThreadPoolExecutor(self._at_once) as pool:
            for reply in pool.map(lambda conversation: self._reply(conversation, max_new_tokens), conversations):
                replies.append(reply)
                if progress is not None:
                    progress(len(replies))
        if replies and all(reply.trouble.startswith("no connection") for reply in replies):
            raise ClientError(
                f"{self._base} cannot be reached ({replies[0].trouble}). Check the address and that the server runs; "
                "the same command goes on then."
            )
        return replies

    def _reply(self, conversation: Conversation, max_new_tokens: int) -> Reply:
        began = time.perf_counter()
        try:
            messages = [message(turn) for turn in conversation]
        except MediaError as error:
            return Reply("", trouble=str(error), broken=True)
        try:
            answer = self._retrying(self._asked, messages, max_new_tokens)
            text, tokens = _read(answer)
        except FINAL as error:
            raise ConfigError(
                f"{self._base} refuses to answer as {self._model!r} ({_short(error)}). Check OPENAI_API_KEY, "
                "--api-base and --api-model."
            ) from error
        except openai.APITimeoutError:
            return Reply("", trouble=f"no answer in time, asked {ATTEMPTS} times")
        except openai.APIConnectionError as error:
            return Reply("", trouble=f"no connection: {_short(error.__cause__ or error)}")
        except (openai.OpenAIError, json.JSONDecodeError, Nonsense) as error:
            return Reply("", trouble=_short(error))
        return Reply(text, tokens, round(time.perf_counter() - began, 4))

    def _asked(self, messages: list[dict[str, Any]], max_new_tokens: int) -> Any:
        ask: Any = self._client.chat.completions.create
        limit = self._limit_name
        try:
            return ask(model=self._model, messages=messages, temperature=0, **{limit: max_new_tokens}, **self._more)
        except openai.BadRequestError as error:
            # Newer servers have another name for the same limit.
            if limit != "max_tokens" or "max_completion_tokens" not in str(error):
                raise
            self._limit_name = "max_completion_tokens"
            limit = self._limit_name
            return ask(model=self._model, messages=messages, temperature=0, **{limit: max_new_tokens}, **self._more)


class Nonsense(Exception):
    """A server said something that is no answer."""


def _read(answer: Any) -> tuple[str, int | None]:
    choices = getattr(answer, "choices", None)
    content = getattr(getattr(choices[0], "message", None), "content", None) if choices else None
    if not isinstance(content, str):
        raise Nonsense(f"no text in what the server said: {_short(answer)}")
    tokens = getattr(getattr(answer, "usage", None), "completion_tokens", None)
    return content, tokens if isinstance(tokens, int) else None


def _wait(state: tenacity.RetryCallState) -> float:
    """As long as the server asks for, else longer each time."""
    error = state.outcome.exception() if state.outcome is not None else None
    response = getattr(error, "response", None)
    try:
        asked = float(response.headers["retry-after"]) if response is not None else None
    except (KeyError, ValueError):
        asked = None
    if asked is not None:
        return min(asked, LONGEST_WAIT_SECONDS)
    return float(tenacity.wait_random_exponential(max=LONGEST_WAIT_SECONDS)(state))


def _short(what: object) -> str:
    return " ".join(str(what).split())[:200] or type(what).__name__


def message(turn: Turn) -> dict[str, Any]:
    """A turn as the protocol wants it: pictures at their placeholders, or before the text. Raises MediaError."""
    if not turn.media:
        return {"role": turn.role, "content": turn.text}
    pictures = [{"type": "image_url", "image_url": {"url": data_url(medium.path)}} for medium in turn.media]
    pieces = turn.text.split(PLACEHOLDER)
    if len(pieces) != len(pictures) + 1:
        return {"role": turn.role, "content": [*pictures, {"type": "text", "text": turn.text}]}
    parts: list[dict[str, Any]] = []
    for place, piece in enumerate(pieces):
        if piece.strip():
            parts.append({"type": "text", "text": piece.strip()})
        parts += pictures[place : place + 1]
    return {"role": turn.role, "content": parts}


def data_url(path: Path) -> str:
    """A picture's file in a URL; formats that servers seldom know become PNG. Raises MediaError."""
    from lamm_core.modalities.image import load

    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            mime = SENT_AS_THEY_ARE.get(image.format or "")
    except UnidentifiedImageError:
        mime = None
    except OSError as error:
        raise MediaError(f"{path} cannot be read ({error.strerror}).") from error
    if mime is None:
        buffer = io.BytesIO()
        load(path).save(buffer, "PNG")
        content, mime = buffer.getvalue(), "image/png"
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"
