"""The routes: chat completions, models, health, metrics.

Does not know how requests are admitted (`gate`), read (`conversation`) or answered (`answering`).
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter
from fastapi import FastAPI, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from lamm_core.errors import EngineStoppedError, LammError
from lamm_core.inference.protocol import Engine
from lamm_core.inference.sampling import Generation
from lamm_core.registry import nearest
from lamm_core.serving.answering import Said, Telling, watching
from lamm_core.serving.conversation import Fetch, Reader
from lamm_core.serving.gate import Gate, Rules, answer
from lamm_core.serving.metrics import CONTENT_TYPE_LATEST, Metrics
from lamm_core.serving.refusals import Refusal, for_error, for_validation
from lamm_core.serving.replies import DONE, Reply, event, model_list, model_record
from lamm_core.serving.requests import ChatRequest

__all__ = ["build_api", "names_of"]

_log = logging.getLogger("lamm.serve")


class Trouble(BaseModel):
    """What is wrong, and what to do."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    error: Trouble


ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "The request cannot be answered as it is; 429 says when to try again."},
    "5XX": {"model": ErrorBody, "description": "The server failed, or is closing."},
}


def names_of(model: str, adapters: tuple[str, ...]) -> dict[str, str | None]:
    """What `model` may be in a request: the model, which takes the adapters of the media shown, itself without any
    (MODEL:none), or with one (MODEL:ADAPTER)."""
    return {model: None, f"{model}:none": "", **{f"{model}:{adapter}": adapter for adapter in adapters}}


def build_api(
    engine: Engine,
    *,
    names: Mapping[str, str | None],
    modalities: frozenset[str],
    fetch: Fetch,
    rules: Rules | None = None,
) -> FastAPI:
    """The application. Serving it is the caller's; the engine is closed when the server ends."""
    began = int(time.time())
    metrics = Metrics(engine)
    load = engine.load()
    threads = CapacityLimiter(load.most_running + load.most_waiting + 1)
    reader = Reader(fetch, modalities=modalities)
    media = Path()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        nonlocal media
        with tempfile.TemporaryDirectory(prefix="lamm-serve-") as folder:
            media = Path(folder)
            try:
                yield
            finally:
                engine.close()

    def known(model: str) -> str | None:
        if model not in names:
            close = nearest(model[:200], names)
            hint = f"Did you mean {close!r}?" if close else f"There are: {', '.join(names)}."
            raise Refusal(404, f"There is no model called {model[:200]!r}. {hint}", "model_not_found", "model")
        return names[model]

    # No pages of documentation: they would fetch their scripts from elsewhere.
    api = FastAPI(title="LAMM Studio", version="1", docs_url=None, redoc_url=None, lifespan=lifespan)
    api.add_middleware(Gate, rules=rules or Rules(), engine=engine, metrics=metrics)
    key = [Security(HTTPBearer(auto_error=False, description="The key the server was started with, if with one."))]

    @api.post(
        "/v1/chat/completions",
        dependencies=key,
        responses={
            200: {"description": "The answer, or with `stream: true` events of chunks of it, the last one [DONE].",
                  "content": {"application/json": {}, "text/event-stream": {}}},
            **ERRORS,
        },
    )  # fmt: skip
    async def chat_completions(request: Request, asked: ChatRequest) -> Response:
        """Answer a conversation over pictures and point clouds."""
        adapter = known(asked.model)
        folder = Path(tempfile.mkdtemp(dir=media))
        stop = threading.Event()
        stream: Streamed | None = None
        try:
            async with watching(request, stop):
                turns = await reader.turns(asked.messages, folder)
                settings = Generation(
                    max_new_tokens=asked.limit,
                    temperature=asked.temperature or 0.0,
                    top_p=asked.top_p or 1.0,
                    seed=asked.seed,
                )
                pieces = engine.stream(turns, settings, stop=stop, adapter=adapter, client=asked.user or _who(request))
                telling = Telling(pieces, stop, stops=asked.stops, threads=threads)
                first = await telling.next()  # what is wrong with a request shows here, while there is a status to set
                if not asked.stream:
                    return JSONResponse(await whole(asked, telling, first))
            stream = Streamed(events(asked, telling, first), close=lambda: end(stop, folder))
            return stream
        finally:
            if stream is None:
                end(stop, folder)

    async def whole(asked: ChatRequest, telling: Telling, said: Said) -> dict[str, Any]:
        texts = [said.text]
        while said.finish is None:
            said = await telling.next()
            texts.append(said.text)
        metrics.answer(said.piece, ended=said.finish)
        return Reply(asked.model).whole("".join(texts), finish=said.finish, last=said.piece)

    async def events(asked: ChatRequest, telling: Telling, said: Said) -> AsyncIterator[str]:
        reply = Reply(asked.model)
        counts = bool(asked.stream_options and asked.stream_options.include_usage)
        yield reply.chunk({"role": "assistant", "content": ""}, usage_follows=counts)
        try:
            while True:
                if said.text:
                    yield reply.chunk({"content": said.text}, usage_follows=counts)
                if said.finish is not None:
                    break
                said = await telling.next()
        except Exception as error:  # the status is out; the error goes where the answer went
            refusal = error if isinstance(error, Refusal) else for_error(error)
            if refusal.status == 500:
                _log.exception("an answer broke off")
            yield event(refusal.body)
            return
        yield reply.chunk({}, finish=said.finish, usage_follows=counts)
        if counts:
            yield reply.usage_chunk(said.piece)
        metrics.answer(said.piece, ended=said.finish)
        yield DONE

    @api.get("/v1/models", dependencies=key, responses=ERRORS)
    async def models() -> dict[str, Any]:
        """What `model` may be in a request."""
        return model_list(tuple(names), created=began)

    @api.get("/v1/models/{name:path}", dependencies=key, responses=ERRORS)
    async def one_model(name: str) -> dict[str, Any]:
        """One of the models."""
        known(name)
        return model_record(name, created=began)

    @api.get("/health", responses=ERRORS)
    async def health() -> dict[str, Any]:
        """Whether the server answers, and how busy it is; needs no key."""
        busy = engine.load()
        if busy.stopped:
            raise for_error(EngineStoppedError(busy.stopped))
        return {"status": "ok", "running": busy.running, "waiting": busy.waiting}

    @api.get("/metrics", dependencies=key, responses={200: {"content": {"text/plain": {}}}, **ERRORS})
    async def prometheus() -> Response:
        """Counters for Prometheus."""
        return Response(metrics.render(), media_type=CONTENT_TYPE_LATEST)

    @api.exception_handler(Refusal)
    async def refused(_: Request, refusal: Refusal) -> Response:
        return answer(refusal)

    @api.exception_handler(LammError)
    async def told(_: Request, error: LammError) -> Response:
        return answer(for_error(error))

    @api.exception_handler(RequestValidationError)
    async def unfit(_: Request, error: RequestValidationError) -> Response:
        return answer(for_validation(error.errors()))

    @api.exception_handler(HTTPException)
    async def elsewhere(_: Request, error: HTTPException) -> Response:
        told = {404: "There is no such address. The chat is at POST /v1/chat/completions.",
                405: "This address takes another method."}.get(error.status_code, str(error.detail))  # fmt: skip
        return answer(Refusal(error.status_code, told, headers=error.headers or {}))

    @api.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> Response:
        return answer(for_error(error))

    return api


class Streamed(StreamingResponse):
    """Events whose ``close`` is called however the response ends, also where it never began."""

    def __init__(self, content: AsyncIterator[str], *, close: Callable[[], None]) -> None:
        # Proxies such as nginx would collect the events before passing them on.
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(content, media_type="text/event-stream", headers=headers)
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._close()


def end(stop: threading.Event, folder: Path) -> None:
    """Nobody wants the answer any more, or it is there."""
    stop.set()
    shutil.rmtree(folder, ignore_errors=True)


def _who(request: Request) -> str:
    return request.client.host if request.client else ""
