"""The training tab: layout, and which action calls which service.

Does not know how runs are made or carried out; every callback reads values, makes one service call and returns updates.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from app import run_views
from app import training_view as view
from app.feedback import explain
from app.services import Services
from app.tabs.train_form import RecipeForm, build_form
from app.tabs.train_model import build_model_panel
from app.training import ViewedRun, parse_recipe
from lamm_core.errors import LammError

__all__ = ["build"]

POLL_SECONDS = 2.0
_QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_AT_ONCE: dict[str, Any] = {**_QUIET, "queue": False}
_READ: dict[str, Any] = {"interactive": False, "buttons": ["copy"], "max_lines": 24}


def build(services: Services) -> None:
    """Lay the tab out and connect it."""
    training, events, models = services.training, services.run_events, services.run_models
    seen = gr.State("")  # what the page shows now, so that nothing is sent twice
    token = gr.State("")
    checked = gr.State("")  # the recipe that was found fine
    with gr.Row(elem_id="train-tab"):
        with gr.Column(elem_id="train-left", min_width=0):
            new = gr.Button("New run", variant="primary", size="sm", elem_id="train-new")
            runs = gr.Radio([], label="Runs", elem_id="train-runs", show_label=False, visible=False)
            others = gr.Dropdown(
                [],
                multiselect=True,
                label="Lay over",
                info="Curves, settings and measurements of other runs.",
                elem_id="train-others",
                visible=False,
            )
        with gr.Column(elem_id="train-middle", min_width=0):
            notice = gr.HTML("", elem_id="train-notice")
            with gr.Column(visible=True, elem_id="train-shown", min_width=0) as shown:
                status = gr.HTML(view.status_view(None), elem_id="train-status")
                chart = gr.Plot(show_label=False, visible=False, elem_id="train-chart")
                difference = gr.HTML("", elem_id="train-difference")
                measured = gr.HTML("", elem_id="train-measured")
                answers = gr.HTML("", elem_id="train-answers")
                left_out = gr.HTML("", elem_id="train-left-out")
                with gr.Accordion("Log", open=False, elem_id="train-log-panel"):
                    log = gr.HTML("", elem_id="train-log")
            with gr.Column(visible=False, elem_id="train-form", min_width=0) as form_side:
                form = build_form(services)
        with gr.Column(elem_id="train-right", min_width=0):
            with gr.Column(visible=True, min_width=0) as run_side:
                guide = gr.HTML(run_views.guide_view(training.data_files(), training.elsewhere), elem_id="train-guide")
                with gr.Column(visible=False, min_width=0, elem_id="train-run") as controls:
                    with gr.Row(elem_id="train-actions"):
                        stop = gr.Button("Stop", size="sm", elem_id="train-stop", interactive=False)
                        resume = gr.Button("Resume", size="sm", elem_id="train-resume", interactive=False)
                        chat = gr.Button("Chat with it", size="sm", elem_id="train-chat", interactive=False)
                        bench = gr.Button("Benchmark it", size="sm", elem_id="train-bench", interactive=False)
                    panel = build_model_panel(bench)
                    title = gr.Textbox(
                        label="Name",
                        info="Enter renames the run.",
                        max_length=80,
                        elem_id="train-title",
                        interactive=True,
                    )
                    delete = gr.Button("Delete…", size="sm", elem_id="train-delete", interactive=False)
                    with gr.Group(visible=False, elem_id="train-sure") as sure:
                        question = gr.HTML("")
                        really = gr.Button("Delete it", variant="stop", size="sm", elem_id="train-really")
                        keep = gr.Button("Keep it", size="sm")
                    copy = gr.Button("New run from this one", size="sm", elem_id="train-copy", interactive=False)
                    command = gr.Textbox(label="Command", lines=5, elem_id="train-command", **_READ)
                    stored = gr.Textbox(label="Recipe", lines=8, elem_id="train-stored", **_READ)
            with gr.Column(visible=False, min_width=0) as check_side:
                where = gr.Dropdown([], label="Where it runs", visible=False, elem_id="train-where")
                start = gr.Button("Check and start", variant="primary", elem_id="train-start")
                check = gr.Button("Only check", size="sm", elem_id="train-check")
                probe = gr.Checkbox(
                    False,
                    label="Measure memory too",
                    info="Trains two steps on the longest sample.",
                    elem_id="train-probe",
                )
                planned = gr.Textbox(label="Command that will run", lines=5, elem_id="train-planned", **_READ)
                memory = gr.HTML("", elem_id="train-memory")
                report = gr.HTML("", elem_id="train-report")

    sides = [shown, form_side, run_side, check_side]
    page = [
        runs, others, status, chart, difference, measured, answers, left_out, log, stop, resume, chat, delete, copy,
        title, command, stored, seen, sure, guide, controls, *panel.followed,
    ]  # fmt: skip

    def told(work: Callable[[], Any]) -> tuple[Any, str]:
        """What the work returns, and what went wrong in words."""
        try:
            return work(), ""
        except LammError as error:
            said = explain(error)
            return None, view.alert(said.title, said.text)

    def state(
        name: str | None, laid: list[str] | None, before: str, *, fresh: bool = False, picked: bool = False
    ) -> dict[Any, Any]:
        """The page of a run; only what changed since ``before``, or all of it where ``fresh``.

        What was typed of benchmarks and exports stays, unless another run was ``picked`` or had to be.

        What is chosen is left to the page unless it must change: an answer that comes late would take back what was
        chosen since it was asked for.
        """
        found = training.list()
        names = [run.name for run in found]
        active = next((run.name for run in found if run.status.state in ("running", "preparing", "stopping")), None)
        chosen = name if name in names else active or (names[0] if names else None)
        run = next((one for one in found if one.name == chosen), None)
        asked, laid = laid or [], [one for one in laid or [] if one in names and one != chosen]
        lines = events.of(run.folder) if run else []
        written = training.log(run.folder)[1] if run else 0
        scored = models.measured(run.name) if run else []
        doing = models.jobs(run.name) if run else []
        marks = [
            [(one.name, one.status.__dict__ | {"updated": None}) for one in found],
            chosen,
            laid,
            len(lines),
            written,
            [(one.name, one.phase, one.state.get("done")) for one in scored],
            doing,
            training.trouble,
        ]
        now = json.dumps(marks, default=str)
        if now == before and not fresh:
            return {seen: before}
        was = json.loads(before)[1] if before else None
        changed: dict[Any, Any] = {
            seen: now,
            runs: gr.Radio(
                choices=view.choices(found),
                visible=bool(found),
                **({"value": chosen} if fresh or chosen != name else {}),
            ),
            others: gr.Dropdown(
                choices=[one for one in view.choices(found) if one[1] != chosen],
                visible=len(found) > 1,
                **({"value": laid} if fresh or laid != asked else {}),
            ),
            status: (view.alert("Nothing can be started.", training.trouble) if training.trouble else "")
            + view.status_view(run),
            guide: gr.HTML(run_views.guide_view(training.data_files(), training.elsewhere), visible=run is None),
            controls: gr.Column(visible=run is not None),
            **buttons(run),
        }
        if run is not None:
            changed |= curves(run, laid, lines)
            beside = [("the model it started from", one) for one in models.beside(run.name)]
            beside += [(training.name_of(other), one) for other in laid for one in models.beside(run.name, other)]
            changed |= {measured: run_views.measured_view(scored, beside), panel.jobs: run_views.jobs_view(doing)}
            changed[log] = view.log_view(training.log(run.folder)[0])
            changed[answers] = view.samples_view(training.answers(run.name))
            changed[left_out] = run_views.left_out_view(training.left_out(run.name))
        if run is not None and (chosen != was or fresh):
            changed |= {
                title: run.status.title,
                command: training.command_of(run.name),
                stored: training.recipe_text(run.name),
                sure: gr.Group(visible=False),
            }
        if run is not None and (picked or chosen != name or (chosen != was and not fresh)):
            changed |= panel.of_run(services, run.name)
        if run is None:
            changed |= {chart: gr.Plot(visible=False)}
            changed |= dict.fromkeys((log, answers, left_out, measured, difference, command, stored), "")
        return changed

    def curves(run: ViewedRun, laid: list[str], lines: list[dict[str, Any]]) -> dict[Any, Any]:
        if not laid:
            return {chart: gr.Plot(view.curves_figure(lines), visible=bool(lines)), difference: ""}
        called = training.titles([run.name, *laid])
        several = {title: events.of(training.folder(one)) for one, title in called.items()}
        recipes, wrong = told(
            lambda: {title: parse_recipe(training.recipe_text(one)).to_dict() for one, title in called.items()}
        )
        differing = wrong or view.differences(recipes)
        return {chart: gr.Plot(view.compared_figure(several), visible=True), difference: differing}

    def buttons(run: ViewedRun | None) -> dict[Any, Any]:
        word = run.status.state if run else ""
        busy = word in ("queued", "preparing", "running")
        again = word in ("stopped", "failed", "lost")
        saved = run is not None and (word == "completed" or run.status.saved_step > 0)
        return {
            stop: gr.Button("Take out of the queue" if word == "queued" else "Stop", interactive=busy),
            resume: gr.Button("Resume" if saved else "Start", interactive=again),
            chat: gr.Button(interactive=saved),
            delete: gr.Button(interactive=run is not None and word not in ("preparing", "running", "stopping")),
            copy: gr.Button(interactive=run is not None),
            **panel.allowed(saved=saved),
        }

    def look(name: str | None, laid: list[str] | None, before: str) -> dict[Any, Any]:
        return state(name, laid, before)

    def choose(name: str | None, laid: list[str] | None) -> dict[Any, Any]:
        return {**state(name, laid, "", fresh=True, picked=True), **visible(form=False), notice: ""}

    def visible(*, form: bool) -> dict[Any, Any]:
        return {
            shown: gr.Column(visible=not form),
            run_side: gr.Column(visible=not form),
            form_side: gr.Column(visible=form),
            check_side: gr.Column(visible=form),
        }

    def act(work: Callable[[str], Any]) -> Callable[..., dict[Any, Any]]:
        def done(name: str | None, laid: list[str] | None) -> dict[Any, Any]:
            _, wrong = told(lambda: work(name or ""))
            return {**state(name, laid, "", fresh=True), notice: wrong}

        return done

    inputs, outputs = [runs, others], [*page, notice]
    gr.on(fn=look, inputs=[*inputs, seen], outputs=page, **_AT_ONCE)
    gr.Timer(POLL_SECONDS).tick(look, [*inputs, seen], page, **_AT_ONCE)
    runs.input(choose, inputs, [*outputs, *sides], **_AT_ONCE)
    others.input(choose, inputs, [*outputs, *sides], **_AT_ONCE)
    stop.click(act(training.stop), inputs, outputs, **_AT_ONCE)
    resume.click(act(training.resume), inputs, outputs, **_AT_ONCE)
    really.click(act(training.delete), inputs, outputs, **_AT_ONCE)

    def rename(name: str | None, laid: list[str] | None, words: str) -> dict[Any, Any]:
        _, wrong = told(lambda: training.rename(name or "", words))
        return {**state(name, laid, "", fresh=True), notice: wrong}

    title.submit(rename, [*inputs, title], outputs, **_AT_ONCE)
    panel.connect(services, run=runs, notice=notice, told=told)

    def ask(name: str | None) -> tuple[Any, str]:
        words, wrong = told(lambda: view.delete_question(training.name_of(name or ""), training.size(name or "")))
        return gr.Group(visible=not wrong), words or wrong

    delete.click(ask, runs, [sure, question], **_AT_ONCE)
    keep.click(lambda: gr.Group(visible=False), None, sure, **_AT_ONCE)

    def publish(name: str | None) -> str:
        model, wrong = told(lambda: training.publish(name or ""))
        if model is not None:
            services.shelf.forget(model)
            services.shelf.start(model)
        return wrong or view.info(f"{model} is loading. It answers in Chat, and can be measured in Benchmark.")

    chat.click(publish, runs, notice, **_AT_ONCE).then(
        None,
        notice,
        None,
        js="(said) => { if (!said.includes('alert')) document.querySelector('#tabs [role=tab]')?.click(); }",
        api_visibility="private",
    )

    _connect_form(services, form, told=told, visible=visible, state=state, parts={
        "new": new, "copy": copy, "runs": runs, "others": others, "start": start, "check": check, "probe": probe,
        "memory": memory, "report": report, "notice": notice, "planned": planned,
        "token": token, "checked": checked, "page": page, "where": where,
        "sides": sides,
    })  # fmt: skip


def _connect_form(
    services: Services,
    form: RecipeForm,
    *,
    told: Callable[[Callable[[], Any]], tuple[Any, str]],
    visible: Callable[..., dict[Any, Any]],
    state: Callable[..., dict[Any, Any]],
    parts: dict[str, Any],
) -> None:
    training = services.training
    notice, report, memory, checked, token = (parts[key] for key in ("notice", "report", "memory", "checked", "token"))
    start, check, planned, where = (parts[key] for key in ("start", "check", "planned", "where"))

    def fill(text: str, words: str) -> dict[Any, Any]:
        return {
            **visible(form=True), **form.values(text), form.yaml: text, form.title: words, notice: absent(text),
            report: "", memory: estimated(text), checked: "", token: secrets.token_hex(8),
            form.files: gr.Dropdown(choices=training.data_files()), form.preview: "",
            planned: training.planned_command(words), where: places(),
        }  # fmt: skip

    def places() -> gr.Dropdown:
        found, wrong = told(training.places)
        places = found or []
        shown = len(places) > 1 or bool(training.off or wrong)
        info = "The other places are described in launchers.yaml." if not wrong else "launchers.yaml cannot be read."
        return gr.Dropdown(places, value=places[0][1] if places else None, visible=shown, info=info)

    def open_form() -> dict[Any, Any]:
        preset = form.presets[0]
        return {**fill(training.preset(preset), ""), form.preset: preset}

    def copy_run(name: str | None) -> dict[Any, Any]:
        text, wrong = told(lambda: training.recipe_text(name or ""))
        if not text:
            return {notice: wrong or view.alert("There is nothing to copy", "The run has no recipe.")}
        return fill(training.without_folder(text), f"{training.name_of(name or '')} again")

    def take_preset(name: str) -> dict[Any, Any]:
        text = training.preset(name)
        return {
            form.yaml: text, **form.values(text), memory: estimated(text), checked: "", report: "", notice: absent(text)
        }  # fmt: skip

    def absent(text: str) -> str:
        words, wrong = told(lambda: training.absent_data(text))
        return wrong or (view.info(words) if words else "")

    def estimated(text: str) -> str:
        found, wrong = told(lambda: training.quick_check(text))
        return wrong or view.memory_view(found)

    def checking(text: str, probed: bool) -> Iterator[dict[Any, Any]]:
        yield {report: view.info("Looking at files, tokens and the first batch…"), notice: ""}
        found, wrong = told(lambda: training.check(text, probe=probed))
        if found is None:
            yield {notice: wrong, report: ""}
            return
        figures = {memory: view.memory_view(found)} if found.memory or found.probed_bytes else {}
        yield {report: view.report_view(found), checked: text if found.fine else "", **figures}

    def starting(
        text: str, words: str, probed: bool, key: str, fine: str, laid: list[str] | None, on: str | None
    ) -> Iterator[dict[Any, Any]]:
        _, refused = told(lambda: training.require_on(on or training.launcher.name))
        if refused:
            yield {notice: refused}
            return
        if fine != text:
            last: dict[Any, Any] = {}
            for last in checking(text, probed):
                yield last
            if not last.get(checked):
                return
        folder, wrong = told(lambda: training.start(text, title=words or "run", token=key, on=on or ""))
        if folder is None:
            yield {notice: wrong}
            return
        yield {
            **visible(form=False),
            **state(folder.name, laid, "", fresh=True, picked=True),
            notice: "",
            token: secrets.token_hex(8),
        }

    filled = [*parts["sides"], *form.fields, form.yaml, form.title, form.files, form.preview, form.preset]
    filled += [notice, report, memory, checked, token, planned, where]
    parts["new"].click(open_form, None, filled, **_AT_ONCE)
    form.title.change(training.planned_command, form.title, planned, **_AT_ONCE)
    parts["copy"].click(copy_run, parts["runs"], filled, **_AT_ONCE)
    form.preset.input(take_preset, form.preset, [form.yaml, *form.fields, memory, checked, report, notice], **_AT_ONCE)
    form.connect(training, memory=memory, notice=notice, estimated=estimated, told=told)
    results = [report, memory, notice, checked]
    one_at_a_time = {"concurrency_id": "check", "concurrency_limit": 1, **_QUIET}
    check.click(checking, [form.yaml, parts["probe"]], results, **one_at_a_time)
    start.click(
        starting,
        [form.yaml, form.title, parts["probe"], token, checked, parts["others"], where],
        [*results, token, *parts["sides"], *parts["page"]],
        **one_at_a_time,
    )
