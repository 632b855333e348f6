"""The tab of point clouds: layout, and which action calls which service.

Does not know how clouds are read nor how answers come about; every callback reads values, makes one service call and
returns updates.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from app import chat_view, scene_view, widgets3d
from app.chat import Sampling
from app.conversation import Thread
from app.examples import SCENES
from app.feedback import Notice, explain
from app.marks import send_turn
from app.scene3d import Scene
from app.scene_export import scene_json, write_ply, write_rerun
from app.services import Services
from app.throttle import throttled
from app.viewer.component import point_cloud_viewer
from app.viewer.value import read_pick

__all__ = ["build"]

_YIELD_SECONDS = 0.06  # a value the page shows costs more than a token; faster than this nobody reads
_LOOK_SECONDS = 4.0  # how often the line on the model is made true
_FLAT = "This browser cannot draw in 3D (no WebGL 2): flat views of up to 20,000 points."
_WRITERS = {"ply": write_ply, "rrd": write_rerun}

# Interface events are no public endpoints; see app/endpoints3d.py for that.
_QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_AT_ONCE: dict[str, Any] = {**_QUIET, "queue": False}


def build(services: Services) -> None:
    """Lay the tab out and connect it."""
    thread = gr.State(Thread(), delete_callback=services.chat.close)
    scene = gr.State(None, delete_callback=services.scenes.close)
    flattened = gr.State(False)  # this browser draws no 3D
    wanted = gr.State(None)  # what is to be done next: open files, or fix findings
    with gr.Row(elem_id="cloud-tab"):
        with gr.Column(elem_id="cloud-left", min_width=0):
            upload = gr.UploadButton("Open a scan", elem_id="cloud-open", size="sm", file_count="multiple")
            picture = widgets3d.linked_picture()
            doctor = widgets3d.doctor_card()
            examples = widgets3d.scene_list()
        with gr.Column(elem_id="cloud-middle", min_width=0):
            with gr.Group(elem_id="cloud-stage"):
                viewer = point_cloud_viewer(elem_id="cloud-view", height="100%")
                flat = gr.Plot(label=_FLAT, visible=False, elem_id="cloud-flat")
                cover = widgets3d.empty_stage()
            with gr.Row(elem_id="cloud-bar"):
                layers = gr.CheckboxGroup(
                    scene_view.layers_of(None),
                    value=[scene_view.PROPOSALS, scene_view.ANSWER],
                    label="Boxes shown",
                    elem_id="cloud-layers",
                )
                save_json = gr.Button("Save JSON", size="sm", elem_id="cloud-json")
                save_ply = gr.Button("Save PLY", size="sm", elem_id="cloud-ply")
                save_rrd = gr.Button("Save for Rerun", size="sm", elem_id="cloud-rrd")
            table = widgets3d.cloud_table()
        with gr.Column(elem_id="cloud-right", min_width=0):
            about = gr.HTML(_about_model(services), elem_id="cloud-about")
            talk = widgets3d.talk()
            notice = gr.HTML("", elem_id="cloud-notice")
            facts = gr.HTML("", elem_id="cloud-facts")
            box = gr.Textbox(
                label="Question about the scan",
                show_label=False,
                elem_id="cloud-ask",
                placeholder="Ask about the scan",
                lines=1,
                max_lines=6,
                max_length=20_000,
                submit_btn=True,
                stop_btn=False,
            )
            new_chat = gr.Button("New chat about this scan", size="sm", elem_id="cloud-new")
    text_file = gr.JSON(visible="hidden", elem_id="cloud-text-file")
    big_file = gr.DownloadButton("Save", visible="hidden", elem_id="cloud-big-file")

    page = [thread, scene, viewer, cover, picture, doctor, table, layers, talk, notice, facts, box]

    def said(value: Thread, seen: Scene | None, text: Any = None) -> dict[Any, Any]:
        """What changes while an answer is written; boxes are another matter."""
        return {
            thread: value,
            talk: scene_view.talk_value(seen, value),
            notice: chat_view.notice_line(value),
            facts: chat_view.facts_line(value),
            box: gr.skip() if text is None else text,
        }

    def drawn(value: Thread, seen: Scene | None, shown: Sequence[str]) -> dict[Any, Any]:
        return {
            viewer: scene_view.viewer_value(seen, value, shown),
            table: scene_view.table_value(seen, value, shown),
        }

    def covered(seen: Scene | None, doing: str = "", refused: Notice | None = None) -> dict[Any, Any]:
        told = None if refused is None else {"title": refused.title, "text": refused.text}
        return {cover: {"open": seen is not None, "doing": doing, "refused": told}}

    def idle(text: str | None = None) -> Any:
        return gr.Textbox(submit_btn=True, stop_btn=False, **({} if text is None else {"value": text}))

    def busy(text: str | None = None) -> Any:
        return gr.Textbox(submit_btn=False, stop_btn=True, **({} if text is None else {"value": text}))

    # ---- opening and fixing

    def halt(value: Thread, seen: Scene | None, job: Any, doing: str) -> dict[Any, Any]:
        """An answer that is being written ends where it is: it was about the cloud as it was."""
        services.chat.clear(value)
        return {**said(value.settled(), seen, idle()), **covered(seen, doing), wanted: job}

    def uploaded(value: Thread, seen: Scene | None, files: list[str] | None) -> dict[Any, Any]:
        return halt(value, seen, {"open": files or []}, "Reading")

    def example(value: Thread, seen: Scene | None, event: gr.EventData) -> dict[Any, Any]:
        chosen = services.settings.demo / SCENES[int(event._data["index"]) % len(SCENES)].file
        return halt(value, seen, {"open": [str(chosen)]}, f"Reading {chosen.name}")

    def fix(value: Thread, seen: Scene | None, event: gr.EventData) -> dict[Any, Any]:
        names = event._data.get("names") if isinstance(event._data, dict) else None
        names = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
        return halt(value, seen, {"fix": names}, "Changing the cloud")

    def look(
        value: Thread, seen: Scene | None, job: dict[str, list[str]] | None, shown: list[str]
    ) -> Iterator[dict[Any, Any]]:
        try:
            if job is not None and "open" in job:
                session = seen.session if seen is not None else services.scenes.sessions.new_key()
                steps = services.scenes.open(session, *map(Path, job["open"]))
            elif job is not None and seen is not None:
                steps = services.scenes.fix(seen, job["fix"])
            else:
                yield covered(seen)
                return
            for step in steps:
                if isinstance(step, str):
                    yield covered(seen, step)
                    continue
                there = scene_view.layers_of(step)
                kept = [one for one in shown if one in there]
                yield {
                    **said(replace(value, notice=None), step),
                    **drawn(value, step, kept),
                    **covered(step),
                    scene: step,
                    picture: scene_view.picture_value(step),
                    doctor: scene_view.doctor_value(step),
                    layers: gr.CheckboxGroup(choices=there, value=kept),
                }
        except Exception as error:  # a bad file is the normal case here; explain() logs the rest
            yield covered(seen, refused=explain(error))

    def opened(event: Any) -> Any:
        return event.then(
            look,
            [thread, scene, wanted, layers],
            page,
            concurrency_id="clouds",
            concurrency_limit=2,
            **_QUIET,
        )

    # ---- browsers that draw no 3D

    known = [thread, scene, layers]

    def views(needed: bool, value: Thread, seen: Scene | None, shown: list[str]) -> Any:
        if not needed or seen is None:
            return gr.skip()
        from app.viewer.plain import plain_figure  # brings plotly, which most visitors do not need

        points = services.scenes.labelled(seen)
        figure = plain_figure(points.cloud.xyz, points.rgb, scene_view.view_boxes(seen, value, shown))
        return gr.Plot(figure, visible=True)

    viewer.plain(lambda: True, None, flattened, **_AT_ONCE).then(views, [flattened, *known], flat, **_QUIET)

    # ---- asking

    def ask(value: Thread, seen: Scene | None, text: str, shown: list[str]) -> dict[Any, Any]:
        wrong = _cannot_answer(services, seen)
        if wrong is not None:
            return said(replace(value, notice=wrong), seen)
        assert seen is not None
        after = services.chat.ask(value, text or "", [], cloud=seen.cloud)
        return {**said(after, seen, busy("") if after.notice is None else None), **drawn(after, seen, shown)}

    def answer(value: Thread, seen: Scene | None, shown: list[str]) -> Iterator[dict[Any, Any]]:
        yield {thread: value}  # a generator that yields nothing would empty every output
        named = scene_view.named_objects(seen, value)
        for after in throttled(services.chat.stream(value, Sampling()), _YIELD_SECONDS):
            if services.chat.left(after):
                return
            returned = None if after.returned is None else idle(after.returned.question)
            update = said(after, seen, returned)
            now = scene_view.named_objects(seen, after)
            if now != named:
                update, named = {**update, **drawn(after, seen, shown)}, now
            yield update

    def retry(value: Thread, seen: Scene | None, shown: list[str]) -> dict[Any, Any]:
        wrong = _cannot_answer(services, seen)
        if wrong is not None:
            return said(replace(value, notice=wrong), seen)
        after = services.chat.retry(value, cloud=seen.cloud if seen else None)
        return {**said(after, seen, busy() if after.waiting else None), **drawn(after, seen, shown)}

    def undo(value: Thread, seen: Scene | None, shown: list[str]) -> dict[Any, Any]:
        after, taken = services.chat.undo(value)
        return {**said(after, seen, taken.question if taken else None), **drawn(after, seen, shown)}

    def clear(value: Thread, seen: Scene | None, shown: list[str]) -> dict[Any, Any]:
        after = services.chat.clear(value)
        return {**said(after, seen, idle()), **drawn(after, seen, shown)}

    def review(value: Thread, seen: Scene | None, request: gr.Request) -> dict[Any, Any]:
        sent = send_turn(
            services.marks,
            value,
            marked_by=request.username or "",
            things=lambda text: scene_view.placed_objects(seen, value, text),
        )
        told = replace(value, notice=Notice("Not sent", sent.text) if sent.failed else None)
        return {notice: chat_view.notice_line(told), facts: chat_view.facts_line(value, sent)}

    def follow(event: Any) -> Any:
        written = event.then(answer, known, page, concurrency_id="model", concurrency_limit=1, **_QUIET)
        written.then(lambda: idle(), None, box, **_AT_ONCE)
        written.then(views, [flattened, *known], flat, **_QUIET)
        return written

    answers = [
        follow(box.submit(ask, [thread, scene, box, layers], page, **_AT_ONCE)),
        follow(talk.retry(retry, known, page, **_AT_ONCE)),
    ]
    talk.undo(undo, known, page, **_AT_ONCE)
    talk.review(review, [thread, scene], [notice, facts], **_AT_ONCE)
    box.stop(services.chat.stop, thread, None, **_AT_ONCE)
    new_chat.click(clear, known, page, cancels=answers, **_AT_ONCE)

    began = {"outputs": [*page, wanted], "cancels": answers, **_AT_ONCE}
    opened(upload.upload(uploaded, [thread, scene, upload], **began))
    opened(examples.example(example, [thread, scene], **began))
    opened(cover.example(example, [thread, scene], **began))
    opened(doctor.fix(fix, [thread, scene], **began))

    # ---- pointing

    def pick(text: str, seen: Scene | None, event: gr.EventData) -> Any:
        found = read_pick(event._data)
        if found is None or found.number is None or seen is None or seen.thing(found.number) is None:
            return gr.skip()
        return scene_view.pointed_at(text or "", found.number)

    viewer.pick(pick, [box, scene], box, **_AT_ONCE)
    layers.input(drawn, known, [viewer, table], **_AT_ONCE).then(views, [flattened, *known], flat, **_QUIET)

    # ---- saving

    def as_json(value: Thread, seen: Scene | None) -> dict[str, str] | None:
        if seen is None:
            return None
        text = json.dumps(scene_json(seen, value), indent=2, ensure_ascii=False)
        return {"name": f"{seen.file.stem}.json", "type": "application/json", "text": text}

    def as_file(kind: str) -> Any:
        def write(seen: Scene | None) -> Any:
            if seen is None:
                return gr.skip(), gr.skip()
            path = seen.asked.with_name(f"{seen.file.stem[:60]}-objects.{kind}")
            try:
                _WRITERS[kind](seen, services.scenes.labelled(seen), path)
            except Exception as error:  # a missing package is the normal case here; explain() logs the rest
                told = explain(error)
                return gr.skip(), {"open": True, "doing": "", "refused": {"title": told.title, "text": told.text}}
            return gr.DownloadButton(value=str(path)), {"open": True, "doing": "", "refused": None}

        return write

    save_json.click(as_json, [thread, scene], text_file, **_AT_ONCE).then(
        None, text_file, None, js="(file) => { window.lamm.save(file); }", api_visibility="private"
    )
    for button, kind in ((save_ply, "ply"), (save_rrd, "rrd")):
        written = button.click(as_file(kind), scene, [big_file, cover], concurrency_id="clouds", **_QUIET)
        written.then(None, big_file, None, js=_FETCH, api_visibility="private")

    gr.Timer(_LOOK_SECONDS).tick(lambda: _about_model(services), None, about, **_AT_ONCE)


_FETCH = "(file) => { if (file) window.lamm.fetchFile(file); }"


def _cannot_answer(services: Services, seen: Scene | None) -> Notice | None:
    if seen is None:
        return Notice("There is no scan yet", "Open a scan or an example, then ask about it.")
    status = services.shelf.status()
    if status.phase == "ready" and "pointcloud" not in status.modalities:
        return Notice(
            f"{status.name} cannot read point clouds",
            "It answers about pictures only. Choose a model with a point-cloud adapter under Model in the Chat tab.",
        )
    return None


def _about_model(services: Services) -> str:
    """A line that stands there while the model that is loaded cannot read clouds; empty otherwise."""
    status = services.shelf.status()
    if status.phase != "ready" or "pointcloud" in status.modalities:
        return ""
    return (
        "<p><b>This model has not learned point clouds yet.</b> You can look at scans, have them examined and see "
        "the objects that stand out; questions need a model with a point-cloud adapter.</p>"
    )
