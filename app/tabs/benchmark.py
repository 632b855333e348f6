"""The benchmark tab: layout, and which action calls which service.

Does not know runs nor records; every callback reads values, makes one service call and returns updates.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.context import Context

from app import widgets_bench
from app.feedback import explain
from app.inspection.board import task_choices
from app.inspection.charts import charts
from app.inspection.comparison import missing_media
from app.inspection.look_view import bar_value, facts_value
from app.inspection.run_starter import Order
from app.inspection.sample_view import answers_value, boxes_in_space, seen, stage_value
from app.inspection.service import Look
from app.inspection.verdict import verdict_of
from app.inspection.view import View, from_query
from app.services import Services
from app.viewer.component import point_cloud_viewer
from app.viewer.value import view_value

__all__ = ["build"]

_FOLLOW_SECONDS = 2.0  # how often the runs are looked at
_QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_AT_ONCE: dict[str, Any] = {**_QUIET, "queue": False, "trigger_mode": "multiple"}


def build(services: Services) -> None:
    """Lay the tab out and connect it."""
    inspection = services.inspection
    view = gr.State(View())
    seat = gr.State("", delete_callback=inspection.leave)  # whose cloud is shown
    known = gr.State("")  # the leaderboard as it was sent last
    with gr.Row(elem_id="bench-tab"):
        with gr.Column(elem_id="bench-left", min_width=0):
            board = widgets_bench.board()
            with gr.Accordion("Measure a model", open=False, elem_id="bench-start"):
                task = gr.Dropdown(task_choices(), label="Task", elem_id="bench-start-task")
                model = gr.Dropdown(
                    [card.name for card in services.shelf.cards()],
                    value=services.settings.model,
                    label="Model",
                    allow_custom_value=True,
                    info="A name from this list, a folder, or a hub id.",
                )
                data = gr.Textbox(label="Folder of the data", max_lines=1, elem_id="bench-start-data")
                limit = gr.Number(0, label="Samples", precision=0, minimum=0, info="0: all of them.")
                only = gr.Dropdown(
                    services.training.sample_lists(), label="Only the samples of", allow_custom_value=True, value="",
                    info="Empty: all. An export or marked.jsonl: exactly those.", elem_id="bench-start-only",
                )  # fmt: skip
                baselines = gr.Checkbox(True, label="Also blind and shuffled", info="Three times the work.")
                start = gr.Button("Start measuring", variant="primary", elem_id="bench-start-go")
                heard = gr.HTML("", elem_id="bench-heard")
        with gr.Column(elem_id="bench-middle", min_width=0):
            bar = widgets_bench.cells_and_filters()
            with gr.Group(elem_id="bench-stage"):
                cloud = point_cloud_viewer(elem_id="bench-cloud", height="100%")
                flat = gr.Plot(visible=False, elem_id="bench-flat", show_label=False)
                stage = widgets_bench.sample_stage()
            answers = widgets_bench.answers()
        with gr.Column(elem_id="bench-right", min_width=0):
            facts = widgets_bench.facts()
            plot = gr.Plot(visible=False, elem_id="bench-plot", show_label=False)

    page = [view, seat, board, known, bar, stage, answers, facts, cloud, flat]

    # ---- showing

    def shown(look: Look, place: str, told: str = "") -> dict[Any, Any]:
        update: dict[Any, Any] = {view: look.view, bar: bar_value(look, told)}
        if look.comparison is None or look.sample is None:
            return update | {stage: {"kind": "nothing"} if look.comparison else {}, answers: {}}
        medium, words = seen(look.comparison, look.sample)
        value = stage_value(look.comparison, look.sample, medium, words)
        update[answers] = answers_value(look.comparison, look.sample)
        if medium.kind == "cloud" and medium.path is not None:
            place = place or secrets.token_urlsafe(16)
            try:
                points, origin = inspection.cloud(place, medium.path)
                boxes = boxes_in_space(look.sample, origin)
                value["space"] = [box.to_json() for box in boxes]
                update |= {seat: place, cloud: view_value(points, boxes)}
            except Exception as error:  # a cloud that is no cloud is told on the stage; explain() logs the rest
                value |= {"kind": "missing", "told": explain(error).text}
        return update | {stage: value}

    def leaderboard(value: View, before: str) -> dict[Any, Any]:
        found = inspection.board(value)
        now = json.dumps(found, sort_keys=True, default=str)
        return {known: before} if now == before else {board: found, known: now}

    def looked(value: View, place: str, told: str = "") -> tuple[Look | None, dict[Any, Any]]:
        try:
            look = inspection.look(value)
        except Exception as error:  # records that cannot be read are told beside the filters
            notice = explain(error)
            bare = Look(replace(value, picked=()), told=f"{notice.title}: {notice.text}")
            return None, {view: value, bar: {**bar_value(bare), "open": True}}
        return look, shown(look, place, told)

    # ---- filtering and stepping

    def act(value: View, place: str, before: str, event: gr.EventData) -> dict[Any, Any]:
        action = event._data if isinstance(event._data, dict) else {}
        told = ""
        try:
            if action.get("do") == "stop":
                told = inspection.stop(str(action.get("name")))
            elif action.get("do") == "mark":
                told = inspection.mark(value, by="page")
            else:
                value = inspection.act(value, action)
        except Exception as error:
            notice = explain(error)
            told = f"{notice.title}: {notice.text}"
        _, update = looked(value, place, told)
        return update | leaderboard(update[view], before)

    for part in (bar, board):
        part.act(act, [view, seat, known], page, **_AT_ONCE)

    # ---- choosing what is compared

    def choose(value: View, place: str, before: str, event: gr.EventData) -> dict[Any, Any]:
        action = event._data if isinstance(event._data, dict) else {}
        return opened(inspection.act(value, action), place, before)

    def opened(value: View, place: str, before: str) -> dict[Any, Any]:
        look, update = looked(value, place)
        comparison = look.comparison if look else None
        return update | leaderboard(update[view], before) | {facts: facts_value(comparison, None)}

    def judge(value: View) -> dict[Any, Any]:
        try:
            comparison = inspection.look(value).comparison
        except Exception as error:
            return {facts: gr.skip(), plot: gr.Plot(visible=False), stage: gr.skip(), heard: explain(error).text}
        if comparison is None or not len(comparison.pairing):
            return {facts: facts_value(None, None), plot: gr.Plot(visible=False)}
        verdict = verdict_of(comparison)
        return {
            facts: facts_value(comparison, verdict, missing_media(comparison)),
            plot: gr.Plot(charts(comparison), visible=True),
        }

    for part in (bar, board, stage):
        part.choose(choose, [view, seat, known], page, **_AT_ONCE).then(
            judge, view, [facts, plot], concurrency_id="judge", concurrency_limit=2, **_QUIET
        )

    # ---- a link

    def arrive(before: str, request: gr.Request) -> dict[Any, Any]:
        wanted = from_query(dict(request.query_params))
        return opened(wanted or View(), "", before) if wanted else leaderboard(View(), before)

    root = Context.root_block
    assert root is not None  # a tab is built inside the page
    root.load(arrive, known, page, **_QUIET).then(judge, view, [facts, plot], **_QUIET)

    # ---- runs

    def begin(name: str, chosen: str, folder: str, most: float | None, named: str | None, also: bool) -> str:
        try:
            count = int(most or 0) or None
            run = inspection.starter.start(Order(name or "", folder or "", chosen or "", count, also, named or ""))
        except Exception as error:  # a folder that is none is the normal case here; explain() logs the rest
            return _notice(explain(error).text)
        return _notice(f"Started {run}. It goes on when this page is closed.", good=True)

    only.focus(lambda: gr.Dropdown(services.training.sample_lists()), None, only, **_AT_ONCE)
    start.click(begin, [task, model, data, limit, only, baselines], heard, **_AT_ONCE)

    def follow(value: View, before: str) -> dict[Any, Any]:
        return leaderboard(value, before)

    gr.Timer(_FOLLOW_SECONDS).tick(follow, [view, known], [board, known], **_AT_ONCE)

    # ---- browsers that draw no 3D

    def views(value: View) -> Any:
        look = inspection.look(value)
        if look.comparison is None or look.sample is None:
            return gr.skip()
        medium, _ = seen(look.comparison, look.sample)
        if medium.kind != "cloud" or medium.path is None:
            return gr.Plot(visible=False)
        from app.viewer.plain import plain_figure  # brings plotly, which most visitors do not need
        from lamm_core.pointclouds.doctor import rgb8
        from lamm_core.pointclouds.read import read_cloud

        points = read_cloud(medium.path)
        return gr.Plot(plain_figure(points.xyz, rgb8(points), boxes_in_space(look.sample, points.origin)), visible=True)

    cloud.plain(views, view, flat, **_QUIET)


def _notice(text: str, *, good: bool = False) -> str:
    from html import escape

    return f'<p role="status" class="{"good" if good else "odd"}">{escape(text)}</p>'
