"""The endpoint ``/chat3d`` for gradio_client: a cloud and a question in, the answer and boxes out.

Does not know the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict

import gradio as gr

from app.chat import Sampling
from app.conversation import Answer, Thread
from app.endpoints import UploadedFile
from app.feedback import explain
from app.scene3d import Scene, SceneThing
from app.scene_view import named_objects
from app.services import Services
from app.throttle import throttled

__all__ = ["SceneBox", "SceneReply", "build_scene_endpoint"]

_YIELD_SECONDS = 0.1


class SceneBox(TypedDict):
    """An object that stands out: centre and size in metres, ``named`` where the answer speaks of it."""

    identifier: str
    label: str
    centre: list[float]
    size: list[float]
    confidence: float | None
    named: bool


class SceneReply(TypedDict):
    """The answer so far, every object, what the doctor found; ``error`` is empty unless something failed."""

    answer: str
    boxes: list[SceneBox]
    findings: list[str]
    model: str
    tokens: int
    finished: bool
    error: str


def build_scene_endpoint(services: Services) -> None:
    """Register the endpoint with the page that is being built."""

    def chat3d(file: UploadedFile, question: str, fix: bool = False, max_new_tokens: int = 256) -> Iterator[SceneReply]:
        """Ask a question about a point cloud or mesh.

        file: made with gradio_client.handle_file. question: what to ask. fix: make all fixes that the doctor offers
        first (unit, up axis, zero, colours, strays). max_new_tokens: longest answer.
        Streams the answer as it grows; the last value has finished = true. Objects are named [obj1], [obj2] ...
        """
        yield from throttled(_replies(services, file, question, fix, max_new_tokens), _YIELD_SECONDS)

    # Gradio describes what it reads here: one reply (of a stream), and types rather than their names.
    chat3d.__annotations__["return"] = SceneReply
    gr.api(chat3d, api_name="chat3d", concurrency_id="model", concurrency_limit=1)


def _replies(services: Services, file: Any, question: Any, fix: Any, max_new_tokens: Any) -> Iterator[SceneReply]:
    """Check what came over the wire, then answer in a conversation that is forgotten afterwards."""
    wrong = _complaint(file, question, fix, max_new_tokens)
    if wrong:
        yield _reply(None, Answer(finished=True), {}, wrong)
        return
    session = services.scenes.sessions.new_key()
    thread, scene = Thread(), None
    try:
        scene = _opened(services, session, Path(file["path"]), fix=fix)
        thread = services.chat.ask(Thread(), question, [], cloud=scene.cloud)
        if thread.notice is not None:
            yield _reply(scene, Answer(finished=True), {}, thread.notice.text)
            return
        for after in services.chat.stream(thread, Sampling(max_new_tokens=max_new_tokens)):
            if after.notice is not None:
                yield _reply(scene, Answer(finished=True), {}, after.notice.text)
            else:
                yield _reply(scene, after.newest_answer or Answer(), named_objects(scene, after), "")
    except Exception as error:  # a bad file is the normal case here; explain() logs the rest
        yield _reply(scene, Answer(finished=True), {}, explain(error).text)
    finally:
        services.chat.close(thread)
        services.clouds.forget(session)
        services.scenes.sessions.close(session)


def _opened(services: Services, session: str, file: Path, *, fix: bool) -> Scene:
    *_, scene = services.scenes.open(session, file)
    assert isinstance(scene, Scene)
    if fix and scene.fixable:
        *_, scene = services.scenes.fix(scene, [finding.name for finding in scene.fixable])
        assert isinstance(scene, Scene)
    return scene


def _complaint(file: Any, question: Any, fix: Any, max_new_tokens: Any) -> str:
    if not isinstance(file, dict) or not isinstance(file.get("path"), str):
        return "file must be one file made with gradio_client.handle_file."
    if not isinstance(question, str):
        return "question must be a text."
    if not isinstance(fix, bool):
        return "fix must be true or false."
    if not isinstance(max_new_tokens, int) or not 1 <= max_new_tokens <= 4096:
        return f"max_new_tokens is {max_new_tokens!r}; use a whole number from 1 to 4096."
    return ""


def _reply(scene: Scene | None, answer: Answer, named: Mapping[int, str], error: str) -> SceneReply:
    def box(thing: SceneThing) -> SceneBox:
        return SceneBox(
            identifier=thing.identifier,
            label=named.get(thing.number, thing.label),
            centre=list(thing.box.centre),
            size=list(thing.box.size),
            confidence=thing.confidence,
            named=thing.number in named,
        )

    findings = [] if scene is None else [f"{one.name}: {one.guess}. {one.evidence}" for one in scene.diagnosis.findings]
    return SceneReply(
        answer=answer.text,
        boxes=[] if scene is None else [box(thing) for thing in scene.objects],
        findings=findings,
        model=answer.model,
        tokens=answer.tokens,
        finished=answer.finished,
        error=error,
    )
