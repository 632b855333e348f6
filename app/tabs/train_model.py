"""What the training tab offers for a run's model: benchmark it, export it, push it to the Hub.

Does not know the rest of the tab; it is told which run is chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import training_view as view
from app.inspection.board import task_choices
from app.inspection.run_starter import Order
from app.run_models import FORMS
from app.services import Services

__all__ = ["ModelPanel", "build_model_panel"]

_AT_ONCE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False}


@dataclass(frozen=True)
class ModelPanel:
    """The components; ``bench`` stands among the run's other buttons."""

    bench: gr.Button
    opened: gr.Accordion
    task: gr.Dropdown
    data: gr.Textbox
    only: gr.Dropdown
    limit: gr.Number
    baselines: gr.Checkbox
    measure: gr.Button
    form: gr.Radio
    modality: gr.Dropdown
    target: gr.Textbox
    export: gr.Button
    repository: gr.Textbox
    public: gr.Checkbox
    push: gr.Button
    jobs: gr.HTML

    @property
    def followed(self) -> list[Any]:
        """What changes with the chosen run."""
        return [
            self.bench, self.measure, self.export, self.push, self.task, self.data, self.only, self.modality, self.jobs,
        ]  # fmt: skip

    def of_run(self, services: Services, name: str) -> dict[Any, Any]:
        """The fields for another run: what it would be measured on."""
        order = services.run_models.suggestion(name)
        known = {name for _, name in task_choices()}
        return {
            self.task: order.task if order.task in known else None,
            self.data: order.data,
            self.only: gr.Dropdown(services.training.sample_lists(), value=order.only),
            self.modality: None,
        }

    def allowed(self, *, saved: bool) -> dict[Any, Any]:
        """The buttons; there is nothing to take along before the first checkpoint."""
        return {button: gr.Button(interactive=saved) for button in (self.bench, self.measure, self.export, self.push)}

    def connect(
        self,
        services: Services,
        *,
        run: gr.Radio,
        notice: gr.HTML,
        told: Callable[[Callable[[], Any]], tuple[Any, str]],
    ) -> None:
        """Let the buttons start what they say."""
        models = services.run_models
        measured_on = [run, self.task, self.data, self.only, self.limit, self.baselines]

        def measure(
            name: str | None, task: str | None, data: str, only: str | None, limit: float | None, also: bool
        ) -> dict[Any, Any]:
            if not task or not data.strip():
                words = view.info("Choose the task and name the folder of its data on the right, then start.")
                return {notice: words, self.opened: gr.Accordion(open=True)}
            order = Order(task, data.strip(), name or "", int(limit or 0) or None, also, only or "")
            began, wrong = told(lambda: models.benchmark(name or "", order))
            on = f" on the samples of {only}" if only else ""
            good = (
                f"Measuring {task}{on}. It goes on when the page is closed; Benchmark shows how far it is. Run: {began}"
            )
            return {notice: wrong or view.info(good)}

        self.bench.click(measure, measured_on, [notice, self.opened], **_AT_ONCE)
        self.measure.click(measure, measured_on, [notice, self.opened], **_AT_ONCE)

        def export(name: str | None, form: str, modality: str | None, target: str) -> str:
            out, wrong = told(lambda: models.export(name or "", form, modality=modality or "", target=target))
            return wrong or view.info(f"Writing {out}.")

        def adapters(name: str | None) -> Any:
            found, _ = told(lambda: models.modalities(name or ""))
            return gr.Dropdown(found or [])

        self.modality.focus(adapters, run, self.modality, **_AT_ONCE)
        self.export.click(export, [run, self.form, self.modality, self.target], notice, **_AT_ONCE)

        def push(name: str | None, repository: str, public: bool) -> str:
            _, wrong = told(lambda: models.push(name or "", repository, public=public))
            return wrong or view.info(f"Uploading to {repository.strip()}.")

        self.push.click(push, [run, self.repository, self.public], notice, **_AT_ONCE)


def build_model_panel(bench: gr.Button) -> ModelPanel:
    """Lay it out."""
    with gr.Accordion("Benchmark it", open=False, elem_id="train-bench-panel") as opened:
        task = gr.Dropdown(task_choices(), value=None, label="Task", elem_id="train-bench-task")
        data = gr.Textbox(label="Folder of the data", max_lines=1, elem_id="train-bench-data")
        only = gr.Dropdown(
            [], value="", allow_custom_value=True, label="Only the samples of", elem_id="train-bench-only",
            info="Empty: all. An export or marked.jsonl: exactly those.",
        )  # fmt: skip
        limit = gr.Number(0, label="Samples", precision=0, minimum=0, info="0: all of them.", min_width=120)
        baselines = gr.Checkbox(False, label="Also blind and shuffled", info="Three times the work.")
        measure = gr.Button("Start measuring", size="sm", interactive=False, elem_id="train-bench-go")
    with gr.Accordion("Export, or push to the Hub", open=False, elem_id="train-export-panel"):
        form = gr.Radio([(words, name) for name, words in FORMS.items()], value="adapters", label="As")
        modality = gr.Dropdown(
            [], label="Whose adapter is folded in", info="For merged and GGUF; the only one there is, when empty."
        )
        target = gr.Textbox(label="Where", placeholder="runs/exported, named after the run", max_lines=1)
        export = gr.Button("Export", size="sm", interactive=False, elem_id="train-export")
        repository = gr.Textbox(
            label="Repository on the Hub", placeholder="OWNER/NAME", max_lines=1, elem_id="train-repository"
        )
        public = gr.Checkbox(False, label="Let everybody see it", info="Private otherwise. The token is HF_TOKEN's.")
        push = gr.Button("Push to the Hub", size="sm", interactive=False, elem_id="train-push")
        jobs = gr.HTML("", elem_id="train-jobs")
    return ModelPanel(
        bench, opened, task, data, only, limit, baselines, measure, form, modality, target, export, repository, public,
        push, jobs,
    )  # fmt: skip
