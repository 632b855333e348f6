"""The form of a new run: presets, data with a preview, and the settings that matter, each explained.

Does not know runs. The YAML beside it is what will run; a field writes into it, and what is typed there is read back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import training_view as view
from app.presets import PRESETS
from app.services import Services
from app.training import Training, parse_recipe, with_settings
from lamm_core.data.instructions import HUB_PREFIX
from lamm_core.training.recipe import TrainingRecipe

__all__ = ["RecipeForm", "build_form"]

_QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_AT_ONCE: dict[str, Any] = {**_QUIET, "queue": False}
PAGE = 4  # samples of a preview

# Setting, label, why one would touch it.
NUMBERS: tuple[tuple[str, str, str], ...] = (
    ("epochs", "Epochs", "How often it goes through all the data."),
    ("learning_rate", "Learning rate", "Smaller where the loss jumps, larger where it crawls."),
    ("batch_size", "Samples at once", "Halve it when memory runs out; empty: as many as the tokens allow."),
    ("batch_tokens", "Tokens at once", "Most tokens of a batch, with padding; empty: no limit."),
    ("accumulation", "Batches a step", "Double it where you halve the batch: the same learning, less memory."),
    ("max_tokens", "Longest sample", "In tokens; longer ones are left out and listed."),
    ("max_steps", "Stop after steps", "Empty: when the epochs are through."),
    ("eval_steps", "Measure every", "Steps between two looks at the held-apart samples."),
)
WHOLE = {"epochs", "batch_size", "batch_tokens", "accumulation", "max_tokens", "max_steps", "eval_steps"}


@dataclass(frozen=True)
class RecipeForm:
    """The components of the form, and how they follow from a recipe."""

    preset: gr.Radio
    title: gr.Textbox
    files: gr.Dropdown
    media_root: gr.Textbox
    use: gr.Button
    add: gr.Button
    show: gr.Button
    sooner: gr.Button
    later: gr.Button
    preview: gr.HTML
    place: gr.State
    base: gr.Textbox
    numbers: dict[str, gr.Number]
    nf4: gr.Checkbox
    checkpointing: gr.Checkbox
    rank: gr.Number
    yaml: gr.Code
    presets: tuple[str, ...]

    @property
    def fields(self) -> list[Any]:
        """What follows from the recipe's text."""
        return [self.base, *self.numbers.values(), self.nf4, self.checkpointing, self.rank]

    def values(self, text: str) -> dict[Any, Any]:
        """The fields as a recipe's text has them."""
        recipe = parse_recipe(text)
        values = recipe.to_dict()
        model = recipe.model
        ranks = [] if isinstance(model, str) else [one.lora.r for one in model.modalities.values()]
        return {
            self.base: model if isinstance(model, str) else model.language_model,
            **{box: values[key] for key, box in self.numbers.items()},
            self.nf4: recipe.quantize == "nf4",
            self.checkpointing: recipe.gradient_checkpointing,
            self.rank: gr.Number(ranks[0] if ranks else None, interactive=bool(ranks)),
        }

    def connect(
        self,
        training: Training,
        *,
        memory: gr.HTML,
        notice: gr.HTML,
        estimated: Callable[[str], str],
        told: Callable[[Callable[[], Any]], tuple[Any, str]],
    ) -> None:
        """Let each field write into the text, the text into the fields, and the data be looked at."""

        def write(text: str, settings: Callable[[], dict[str, Any]]) -> dict[Any, Any]:
            after, wrong = told(lambda: with_settings(text, settings()))
            return {notice: wrong} if after is None else {self.yaml: after, notice: "", memory: estimated(after)}

        def writer(key: str) -> Callable[..., dict[Any, Any]]:
            def changed(text: str, value: Any) -> dict[Any, Any]:
                whole = key in WHOLE and value is not None
                return write(text, lambda: {key: int(value) if whole else value})

            return changed

        def base(text: str, value: str) -> dict[Any, Any]:
            whole = isinstance(parse_recipe(text).model, str)
            return write(text, lambda: {"model" if whole else "model.language_model": value.strip()})

        def rank(text: str, value: Any) -> dict[Any, Any]:
            def settings() -> dict[str, Any]:
                model = parse_recipe(text).model
                names = [] if isinstance(model, str) else list(model.modalities)
                return {f"model.modalities.{name}.lora.r": int(value or 0) for name in names}

            return write(text, settings)

        changed = [self.yaml, notice, memory]
        for key, box in self.numbers.items():
            box.blur(writer(key), [self.yaml, box], changed, **_AT_ONCE)
            box.submit(writer(key), [self.yaml, box], changed, **_AT_ONCE)
        self.base.blur(base, [self.yaml, self.base], changed, **_AT_ONCE)
        self.rank.blur(rank, [self.yaml, self.rank], changed, **_AT_ONCE)
        self.nf4.input(
            lambda text, value: write(text, lambda: {"quantize": "nf4" if value else None}),
            [self.yaml, self.nf4], changed, **_AT_ONCE,
        )  # fmt: skip
        self.checkpointing.input(writer("gradient_checkpointing"), [self.yaml, self.checkpointing], changed, **_AT_ONCE)

        def typed(text: str) -> dict[Any, Any]:
            fields, wrong = told(lambda: self.values(text))
            return {notice: wrong} if fields is None else {**fields, notice: "", memory: estimated(text)}

        self.yaml.blur(typed, self.yaml, [*self.fields, notice, memory], **_AT_ONCE)

        def take(text: str, path: str | None, root: str, *, alone: bool) -> dict[Any, Any]:
            def settings() -> dict[str, Any]:
                training.preview(path or "", media_root=root, count=1)
                source, apart = training.source(path or "", root), training.held_apart(path or "")
                before = parse_recipe(text).to_dict()
                measured = [*([] if alone else before["eval_data"]), *([apart] if apart else [])]
                # With nothing held apart by hand, a share of the data is.
                share = 0.0 if measured else before["eval_fraction"] or TrainingRecipe.eval_fraction
                data = [*([] if alone else before["data"]), source]
                return {"data": data, "eval_data": measured, "eval_fraction": share}

            return write(text, settings)

        data = [self.yaml, self.files, self.media_root]
        self.use.click(lambda text, path, root: take(text, path, root, alone=True), data, changed, **_AT_ONCE)
        self.add.click(lambda text, path, root: take(text, path, root, alone=False), data, changed, **_AT_ONCE)

        def look(path: str | None, root: str, start: int) -> Iterator[dict[Any, Any]]:
            if (path or "").strip().startswith(HUB_PREFIX):
                yield {notice: view.info("Asking the Hub for these samples, and no more of the set…")}
            found, wrong = told(lambda: training.preview(path or "", media_root=root, start=start, count=PAGE))
            if found is None:
                yield {notice: wrong, self.preview: ""}
            else:
                yield {self.preview: view.preview_view(found, start), self.place: start, notice: ""}

        named, shown = [self.files, self.media_root], [self.preview, self.place, notice]
        for button, place in (
            (self.show, lambda start: 0),
            (self.sooner, lambda start: max(0, start - PAGE)),
            (self.later, lambda start: start + PAGE),
        ):
            button.click(place, self.place, self.place, **_AT_ONCE).then(
                look, [*named, self.place], shown, concurrency_id="look", concurrency_limit=4, **_QUIET
            )


def build_form(services: Services) -> RecipeForm:
    """Lay the form out."""
    names = tuple(preset.name for preset in PRESETS)
    preset = gr.Radio(
        [(f"{one.name}: {one.words}", one.name) for one in PRESETS],
        value=names[0],
        label="Start from",
        elem_id="train-preset",
    )
    title = gr.Textbox(label="Name of the run", placeholder="what you will look for later", elem_id="train-name")
    with gr.Group(elem_id="train-data"):
        files = gr.Dropdown(
            [], allow_custom_value=True, label="Data", elem_id="train-file",
            info="A .json, .jsonl or .parquet of this machine (reviewed exports are listed), or hub:OWNER/NAME.",
        )  # fmt: skip
        media_root = gr.Textbox(label="Folder of its media", placeholder="the file's own folder", elem_id="train-root")
        with gr.Row():
            use = gr.Button("Train on this alone", size="sm", elem_id="train-use")
            add = gr.Button("Add it to the data", size="sm", elem_id="train-add")
        with gr.Row():
            show = gr.Button("Look into it", size="sm", elem_id="train-look")
            sooner = gr.Button("Samples before", size="sm", elem_id="train-sooner")
            later = gr.Button("Next samples", size="sm", elem_id="train-later")
        preview = gr.HTML("", elem_id="train-preview")
    base = gr.Textbox(
        label="Language model", info="A backbone of ours, a folder, a hub id; or a model folder to go on from.",
        elem_id="train-base",
    )  # fmt: skip
    with gr.Row(elem_id="train-numbers"):
        numbers = {
            key: gr.Number(label=label, info=why, elem_id=f"train-{key}", min_width=150) for key, label, why in NUMBERS
        }
        rank = gr.Number(
            label="LoRA rank", info="Room to learn, for each kind of media.", elem_id="train-rank", min_width=150
        )
    with gr.Row():
        nf4 = gr.Checkbox(
            False, label="4 bits (nf4)", info="A quarter of the memory, somewhat slower.", elem_id="train-nf4"
        )
        checkpointing = gr.Checkbox(
            False, label="Gradient checkpointing", info="Far less memory, a third more time.", elem_id="train-gc"
        )
    code = gr.Code(label="Recipe: exactly what will run", language="yaml", interactive=True, elem_id="train-yaml")
    return RecipeForm(
        preset, title, files, media_root, use, add, show, sooner, later, preview, gr.State(0), base, numbers, nf4,
        checkpointing, rank, code, names,
    )  # fmt: skip
