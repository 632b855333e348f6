"""The client of any server that speaks OpenAI's protocol, through the openai library; retrying is not its business.

Does not know prompts, journals or money. Base address and key are passed in.
"""

from __future__ import annotations

from typing import Any

import openai

from annotation.generation.client import Busy, ItemFailed, Reply, Request, Structure, rough_tokens
from lamm_core.errors import ClientError

__all__ = ["OpenAIClient", "body"]


def body(request: Request, structure: Structure) -> dict[str, Any]:
    """The request as the protocol's JSON, the same for single calls and in batches."""
    content: dict[str, Any] = {
        "model": request.model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "max_completion_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
    }
    if structure == "schema":
        form = {"name": request.shape, "schema": dict(request.schema), "strict": True}
        content["response_format"] = {"type": "json_schema", "json_schema": form}
    elif structure == "object":
        content["response_format"] = {"type": "json_object"}
    return content


class OpenAIClient:
    """Answers requests over HTTP. ``stream`` takes answers piece by piece, for proxies that cut silent connections."""

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str | None = None,
        timeout_seconds: float = 120.0,
        structure: Structure = "schema",
        stream: bool = False,
    ) -> None:
        self.api = openai.OpenAI(api_key=api_key, base_url=base_url, max_retries=0, timeout=timeout_seconds)
        self.name = self.api.base_url.host
        self.structure = structure
        self._stream = stream

    def complete(self, request: Request) -> Reply:
        """The reply. Raises Busy where trying again may help, ItemFailed, and ClientError where nothing will."""
        # A server that knows the header answers a repeated request without counting it twice.
        headers = {"Idempotency-Key": request.key}
        try:
            if self._stream:
                return self._streamed(request, headers)
            answer = self.api.chat.completions.create(**body(request, self.structure), extra_headers=headers)
            return reply_of(answer.model_dump(), request)
        except openai.APIError as error:
            raise translated(error) from error

    def _streamed(self, request: Request, headers: dict[str, str]) -> Reply:
        text, refusal, finish, usage, model, fingerprint = "", "", "", None, request.model, ""
        pieces = self.api.chat.completions.create(
            **body(request, self.structure), stream=True, stream_options={"include_usage": True}, extra_headers=headers
        )
        for piece in pieces:
            usage, model = piece.usage or usage, piece.model or model
            fingerprint = piece.system_fingerprint or fingerprint
            for choice in piece.choices:
                text += choice.delta.content or ""
                refusal += choice.delta.refusal or ""
                finish = choice.finish_reason or finish
        if not finish:
            raise Busy("The server ended the stream before the answer was complete.", doubtful=True)
        given = usage.prompt_tokens if usage else request.rough_input
        written = usage.completion_tokens if usage else rough_tokens(text)
        return Reply(text, finish, given, written, model, refusal or None, fingerprint)

    def close(self) -> None:
        """Close the connections."""
        self.api.close()


def reply_of(answer: dict[str, Any], request: Request) -> Reply:
    """A reply from the protocol's JSON. Raises ItemFailed where it is another form."""
    try:
        choice = answer["choices"][0]
        text = choice["message"].get("content") or ""
        usage = answer.get("usage") or {}
        return Reply(
            text,
            str(choice.get("finish_reason") or "stop"),
            int(usage.get("prompt_tokens") or request.rough_input),
            int(usage.get("completion_tokens") or rough_tokens(text)),
            str(answer.get("model") or request.model),
            choice["message"].get("refusal"),
            str(answer.get("system_fingerprint") or ""),
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ItemFailed(f"The server's answer is not a chat completion ({error!r}).", doubtful=True) from error


def translated(error: openai.APIError) -> ClientError:
    """What an error of the library means for the run."""
    said = " ".join(str(error).split())[:300]
    if isinstance(error, openai.APITimeoutError):
        return Busy(f"The server did not answer in time: {said}", doubtful=True)
    if isinstance(error, openai.APIConnectionError):
        return Busy(f"The server cannot be reached: {said}", doubtful=True)
    if isinstance(error, openai.RateLimitError):
        if error.code == "insufficient_quota":
            return ClientError(f"The account has no money left: {said}")
        return Busy(f"The server asks to wait: {said}", retry_after=_retry_after(error))
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return ClientError(f"The server does not accept the key (OPENAI_API_KEY): {said}")
    if isinstance(error, openai.NotFoundError):
        return ClientError(f"The server knows no such model or address (--model, --base-url): {said}")
    if isinstance(error, openai.APIStatusError) and (error.status_code >= 500 or error.status_code in (408, 409, 425)):
        return Busy(f"The server failed: {said}", retry_after=_retry_after(error), doubtful=error.status_code != 503)
    if isinstance(error, openai.APIStatusError):
        return ItemFailed(f"The server refuses this request: {said}")
    return ItemFailed(f"The answer cannot be read: {said}", doubtful=True)


def _retry_after(error: openai.APIStatusError) -> float | None:
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "")))
    except ValueError:
        return None
