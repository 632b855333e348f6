"""The chat tab: layout, and which action calls which service.

Does not know how answers come about; every callback reads values, makes one service call and returns updates.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from app import chat_view, widgets
from app.chat import ADAPTER_CHOICES, Sampling
from app.conversation import Thread
from app.examples import EXAMPLES
from app.feedback import explain
from app.marks import send_turn
from app.services import Services
from app.throttle import throttled
from lamm_core.errors import LammError

__all__ = ["build"]

_YIELD_SECONDS = 0.06  # a value the page shows costs more than a token; faster than this nobody reads

# Interface events are no public endpoints; see app/endpoints.py for those.
_QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_FOLLOW_SECONDS = 4.0  # until a model that was chosen elsewhere is shown
_AT_ONCE: dict[str, Any] = {**_QUIET, "queue": False}


def build(services: Services) -> None:
    """Lay the tab out and connect it."""
    thread = gr.State(Thread(), delete_callback=services.chat.close)
    earlier = gr.State(Thread(), delete_callback=services.chat.close)
    compared_with = gr.State({"model": "", "adapter": ""})
    with gr.Row(elem_id="chat-tab"):
        with gr.Column(elem_id="chat-left", min_width=0):
            new_chat = gr.Button("New chat", elem_id="new-chat", size="sm")
            bring_back = gr.Button("Go to the other chat", elem_id="bring-back", size="sm", visible=False)
            examples = widgets.example_list(services.settings.demo)
        with gr.Column(elem_id="chat-middle", min_width=0):
            stage = widgets.stage()
            chatbot = gr.Chatbot(
                label="Conversation",
                show_label=False,
                elem_id="thread",
                render_markdown=False,
                latex_delimiters=[],
                allow_tags=False,
                height="100%",
                layout="bubble",
                buttons=["copy"],
                editable="user",
                feedback_options=None,
                placeholder="Answers appear here, word by word.",
                group_consecutive_messages=False,
                autoscroll=True,
            )
            comparison = widgets.comparison()
            notice = gr.HTML("", elem_id="notice")
            with gr.Row(elem_id="answer-row"):
                facts = gr.HTML("", elem_id="facts")
                actions = widgets.answer_actions()
            box = gr.MultimodalTextbox(
                label="Question",
                show_label=False,
                elem_id="ask",
                placeholder="Ask about the picture",
                file_types=["image"],
                file_count="multiple",
                sources=["upload"],
                max_plain_text_length=20_000,
                lines=1,
                max_lines=6,
                html_attributes=gr.InputHTMLAttributes(spellcheck=True),
            )
        with gr.Column(elem_id="chat-right", min_width=0):
            objects = widgets.object_list()
            adapter = _model_picker(services)
            temperature, top_p, length = _sampling()
            with gr.Row(elem_id="downloads"):
                as_markdown = gr.Button("Save as .md", size="sm")
                as_json = gr.Button("Save as .json", size="sm")
            download = gr.JSON(visible="hidden", elem_id="download")

    sampling_inputs = [temperature, top_p, length, adapter]
    page = [thread, chatbot, stage, objects, comparison, actions, notice, facts, box]

    def show(value: Thread, *, new_pictures: bool = True, text: Any = None) -> dict[Any, Any]:
        marks = chat_view.marks_value(value)
        return {
            thread: value,
            chatbot: chat_view.messages(value),
            stage: gr.HTML(value=marks, pictures=chat_view.pictures_value(value))
            if new_pictures
            else gr.HTML(value=marks),
            objects: marks,
            comparison: chat_view.comparison_value(value),
            actions: chat_view.actions_value(value, services.shelf.cards() if not value.waiting else ()),
            notice: chat_view.notice_line(value),
            facts: chat_view.facts_line(value),
            box: gr.skip() if text is None else text,
        }

    def idle(text: Any = None) -> Any:
        return gr.MultimodalTextbox(submit_btn=True, stop_btn=False, **({} if text is None else {"value": text}))

    def busy(text: Any = None) -> Any:
        return gr.MultimodalTextbox(submit_btn=False, stop_btn=True, **({} if text is None else {"value": text}))

    def ask(value: Thread, question: dict[str, Any] | None) -> dict[Any, Any]:
        question = question or {"text": "", "files": []}
        after = services.chat.ask(value, question["text"], [Path(file) for file in question["files"]])
        return show(after, text=busy({"text": "", "files": []}) if after.notice is None else None)

    def answer(value: Thread, warmth: float, share: float, tokens: int, name: str) -> Iterator[dict[Any, Any]]:
        yield {thread: value}  # a generator that yields nothing would empty every output
        sampling = Sampling(temperature=warmth, top_p=share, max_new_tokens=tokens, adapter=name)
        for after in throttled(services.chat.stream(value, sampling), _YIELD_SECONDS):
            if services.chat.left(after):
                return
            yield show(after, new_pictures=after.returned is not None, text=_returned(after, idle))

    def retry(value: Thread) -> dict[Any, Any]:
        after = services.chat.retry(value)
        return show(after, text=busy() if after.waiting else None)

    def edit(value: Thread, event: gr.EditData) -> dict[Any, Any]:
        index = event.index if isinstance(event.index, int) else event.index[0]
        position = chat_view.question_at(value, index)
        after = value if position is None else services.chat.edit(value, position, _text_of(event.value))
        return show(after, text=busy() if after.waiting else None)

    def undo(value: Thread) -> dict[Any, Any]:
        after, taken = services.chat.undo(value)
        files = [str(picture.path) for picture in taken.pictures] if taken else []
        return show(after, text={"text": taken.question, "files": files} if taken else None)

    def clear(value: Thread, before: Thread) -> dict[Any, Any]:
        after = services.chat.clear(value)
        if value.exchanges and before.key != value.key:
            services.chat.close(before)
        kept = value.settled() if value.exchanges else before
        return {**show(after, text=idle()), earlier: kept, bring_back: gr.Button(visible=bool(kept.exchanges))}

    def restore(value: Thread, before: Thread) -> dict[Any, Any]:
        services.chat.clear(value)
        kept = value.settled()
        return {**show(before, text=idle()), earlier: kept, bring_back: gr.Button(visible=bool(kept.exchanges))}

    def compare(
        value: Thread, warmth: float, share: float, tokens: int, other: dict[str, str]
    ) -> Iterator[dict[Any, Any]]:
        yield {thread: value}
        sampling = Sampling(temperature=warmth, top_p=share, max_new_tokens=tokens, adapter=other["adapter"])
        for after in throttled(services.chat.compare(value, sampling, model=other["model"]), _YIELD_SECONDS):
            if services.chat.left(after):
                return
            yield show(after, new_pictures=False)

    def close_comparison(value: Thread) -> dict[Any, Any]:
        if services.chat.running(value) or value.other_answer is None:
            return {thread: value}
        return show(value.compared(None), new_pictures=False)

    def review(value: Thread, request: gr.Request) -> dict[str, Any]:
        sent = send_turn(services.marks, value, marked_by=request.username or "")
        return chat_view.actions_value(value, services.shelf.cards(), sent)

    def settle() -> Any:
        return idle()

    def follow(event: Any) -> Any:
        written = event.then(
            answer, [thread, *sampling_inputs], page, concurrency_id="model", concurrency_limit=1, **_QUIET
        )
        written.then(settle, None, box, **_AT_ONCE)
        return written

    def wish(event: gr.EventData) -> tuple[dict[str, str], Any]:
        wanted = event._data if isinstance(event._data, dict) else {}
        return {name: str(wanted.get(name, "")) for name in ("model", "adapter")}, busy()

    compared = actions.compare(wish, None, [compared_with, box], **_AT_ONCE).then(
        compare,
        [thread, temperature, top_p, length, compared_with],
        page,
        concurrency_id="model",
        concurrency_limit=1,
        **_QUIET,
    )
    compared.then(settle, None, box, **_AT_ONCE)
    comparison.dismiss(close_comparison, thread, page, **_AT_ONCE)
    actions.review(review, thread, actions, **_AT_ONCE)

    answers = [
        compared,
        follow(box.submit(ask, [thread, box], page, **_AT_ONCE)),
        follow(chatbot.retry(retry, thread, page, **_AT_ONCE)),
        follow(chatbot.edit(edit, thread, page, **_AT_ONCE)),
    ]
    chatbot.undo(undo, thread, page, **_AT_ONCE)
    box.stop(services.chat.stop, thread, None, **_AT_ONCE)
    box.change(None, box, None, js="(question) => { window.lamm.preview(question); }", api_visibility="private")
    # An answer that waits for its turn leaves the queue; what a running one still yields is not shown.
    for button, change in ((new_chat, clear), (bring_back, restore)):
        button.click(change, [thread, earlier], [*page, earlier, bring_back], cancels=answers, **_AT_ONCE)

    def example(event: gr.EventData) -> dict[str, Any]:
        chosen = EXAMPLES[int(event._data["index"]) % len(EXAMPLES)]
        return {"text": chosen.question, "files": [str(services.settings.demo / chosen.file)]}

    for source in (examples, stage):
        source.example(example, None, box, **_AT_ONCE)

    def save_markdown(value: Thread) -> dict[str, str]:
        return {"name": "conversation.md", "type": "text/markdown", "text": value.to_markdown()}

    def save_json(value: Thread) -> dict[str, str]:
        text = json.dumps(value.to_json(), indent=2, ensure_ascii=False)
        return {"name": "conversation.json", "type": "application/json", "text": text}

    for button, save in ((as_markdown, save_markdown), (as_json, save_json)):
        button.click(save, thread, download, **_AT_ONCE).then(
            None, download, None, js="(file) => { window.lamm.save(file); }", api_visibility="private"
        )


def _returned(thread: Thread, idle: Any) -> Any:
    value = chat_view.returned_value(thread)
    return None if value is None else idle(value)


def _text_of(value: Any) -> str:
    """The text in what the Chatbot hands over for an edited message: a string, or blocks of text and files."""
    if isinstance(value, list):
        return "\n".join(filter(None, (_text_of(block) for block in value)))
    if isinstance(value, dict):
        return str(value.get("text", ""))
    return chat_view.without_joiners(str(value or ""))


def _model_picker(services: Services) -> gr.Dropdown:
    """Lets one choose the model, for everybody, and the adapter, which is returned."""

    def names() -> list[str]:
        return [card.name for card in services.shelf.cards()]

    def adapters(name: str) -> list[str]:
        own = next((card.adapters for card in services.shelf.cards() if card.name == name), ())
        return [*ADAPTER_CHOICES, *own]

    chosen = services.shelf.status().name
    with gr.Group(elem_id="model-group"):
        model = gr.Dropdown(
            names() or [chosen],
            value=chosen,
            label="Model",
            info="For everybody who uses this page.",
            elem_id="model",
            filterable=False,
        )
        adapter = gr.Dropdown(
            adapters(chosen),
            value="automatic",
            label="Adapter",
            elem_id="adapter",
            info="Automatic takes those of the media in the conversation.",
            filterable=False,
        )

    def choose(name: str) -> Any:
        try:
            services.shelf.start(name)
        except LammError as error:  # not everybody may choose for everybody
            gr.Warning(explain(error).text)
            name = services.shelf.status().name
        return gr.Dropdown(choices=adapters(name), value="automatic")

    def current() -> tuple[Any, Any]:
        name = services.shelf.status().name
        return gr.Dropdown(choices=names() or [name], value=name), gr.Dropdown(
            choices=adapters(name), value="automatic"
        )

    def follow(shown: str) -> tuple[Any, Any]:
        """Another may have been chosen by somebody else, or by Train's "Chat with it"."""
        return current() if services.shelf.status().name != shown else (gr.skip(), gr.skip())

    model.input(choose, model, adapter, **_AT_ONCE)
    gr.on(fn=current, outputs=[model, adapter], **_AT_ONCE)
    gr.Timer(_FOLLOW_SECONDS).tick(follow, model, [model, adapter], **_AT_ONCE)
    return adapter


def _sampling() -> tuple[gr.Slider, gr.Slider, gr.Slider]:
    with gr.Accordion("How answers are drawn", open=False, elem_id="sampling"):
        temperature = gr.Slider(
            0.0,
            1.5,
            value=0.0,
            step=0.05,
            label="Temperature",
            info="0 takes the likeliest word every time.",
            elem_id="temperature",
        )
        top_p = gr.Slider(
            0.05,
            1.0,
            value=1.0,
            step=0.05,
            label="Top-p",
            info="Draws among the likeliest words up to this share.",
            elem_id="top-p",
            visible=False,
        )
        length = gr.Slider(8, 1024, value=256, step=8, label="Longest answer", info="In tokens.", elem_id="length")
    temperature.change(lambda value: gr.Slider(visible=value > 0), temperature, top_p, **_AT_ONCE)
    return temperature, top_p, length
