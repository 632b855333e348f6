"""The bar above all tabs: name, the live chip of the model, keys, light and dark.

Does not know the tabs. Everything that comes from a model folder is escaped.
"""

from __future__ import annotations

from html import escape

import gradio as gr

from app.access import MACHINE
from app.services import Services
from app.shelf import Status
from app.training_view import run_chip
from lamm_core.deploy.people import Person

__all__ = ["KEYS", "build_header", "model_chip", "person_chip"]

KEYS: tuple[tuple[str, str], ...] = (
    ("/", "go to the question"),
    ("Enter", "send the question"),
    ("Esc", "stop the answer"),
    ("R", "retry: another answer to the same question"),
    ("U", "undo: take the last question back"),
    ("M", "send the newest answer to review"),
    ("N", "new chat, in the tab that is open"),
    ("B", "boxes on or off"),
    ("←", "the sample before, in Benchmark"),
    ("→", "the next sample, in Benchmark"),
    ("X", "tick the sample, in Benchmark"),
    ("D", "dark or light"),
    ("?", "this list"),
)

_LOADING_SECONDS, _CALM_SECONDS = 0.5, 4.0


def build_header(services: Services) -> None:
    """Lay out the header; a timer keeps the chip true, often while something loads and rarely otherwise."""
    with gr.Row(elem_id="header"):
        gr.HTML(_BRAND, elem_id="brand")
        chip = gr.HTML(model_chip(services.shelf.status()), elem_id="model-chip")
        running = gr.HTML(run_chip(services.training.list()), elem_id="run-chip")
        if services.settings.login == "huggingface":
            gr.LoginButton(logout_value="Sign out", size="sm", elem_id="sign-in")
        person = gr.HTML("", elem_id="person")
        gr.HTML(_tools(), elem_id="tools")
    gr.on(
        fn=lambda: person_chip(services.access.asker, signs_out=services.settings.signs_in_here),
        outputs=person, queue=False, show_progress="hidden", api_visibility="private",
    )  # fmt: skip
    timer = gr.Timer(_LOADING_SECONDS)

    def tick() -> tuple[str, str, gr.Timer]:
        status = services.shelf.status()
        chip = run_chip(services.training.list())
        return model_chip(status), chip, gr.Timer(_LOADING_SECONDS if status.phase == "loading" else _CALM_SECONDS)

    timer.tick(tick, outputs=[chip, running, timer], queue=False, show_progress="hidden", api_visibility="private")


def model_chip(status: Status) -> str:
    """Which model answers, on what, and how far it is."""
    if status.phase == "none":
        words, name = "choose one", "no model"
    elif status.phase == "loading":
        share = "" if status.share is None else f" {status.share:.0%}"
        words, name = f"{status.doing}{share}", status.name
    elif status.phase == "failed":
        words, name = "could not be loaded", status.name
    else:
        words, name = f"{status.precision} · {status.device} · ready", status.name
    bar = ""
    if status.phase == "loading":
        width = "100%" if status.share is None else f"{status.share:.0%}"
        bar = f'<span class="bar{" unknown" if status.share is None else ""}"><i style="width:{width}"></i></span>'
    return (
        f'<button type="button" class="chip {status.phase}" data-action="model" title="{escape(status.doing)}">'
        f'<span class="dot" aria-hidden="true"></span><b>{escape(name)}</b>'
        f'<span role="status">{escape(words)}</span>{bar}</button>'
    )


def person_chip(person: Person, *, signs_out: bool) -> str:
    """Who is signed in and how far they may go; nothing where nobody has to sign in."""
    if person.name == MACHINE or not (person.name or person.role != "admin"):
        return ""
    name = f"<b>{escape(person.name)}</b> " if person.name else ""
    leave = '<a href="logout" title="Sign out">Sign out</a>' if signs_out and person.name else ""
    return f'<span class="chip ready" title="Your role here">{name}<span>{person.role}</span></span>{leave}'


def _tools() -> str:
    rows = "".join(f"<tr><td><kbd>{escape(key)}</kbd></td><td>{escape(what)}</td></tr>" for key, what in KEYS)
    return (
        '<button type="button" data-action="reviewer" title="Who reviews; press to change" hidden>'
        "<span></span></button>"
        '<button type="button" data-action="keys" aria-haspopup="dialog"><kbd>?</kbd><span>Keys</span></button>'
        '<button type="button" data-action="dark" aria-label="Dark or light" title="Dark or light (D)">'
        '<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><circle cx="8" cy="8" r="6.5" fill="none" '
        'stroke="currentColor" stroke-width="1.5"/><path d="M8 1.5a6.5 6.5 0 0 1 0 13z" fill="currentColor"/></svg>'
        "</button>"
        '<dialog id="keys" aria-labelledby="keys-title"><form method="dialog"><h2 id="keys-title">Keys</h2>'
        f"<p>They rest while you type.</p><table>{rows}</table><button>Close</button></form></dialog>"
    )


_BRAND = (
    '<svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true"><rect x="2.5" y="2.5" width="19" height="19" '
    'rx="4" fill="none" stroke="currentColor" stroke-width="1.6"/><path d="M7 6.5v11h6" fill="none" '
    'stroke="currentColor" stroke-width="1.8"/><rect x="12.5" y="6.5" width="5" height="5" fill="none" '
    'stroke="#E69F00" stroke-width="1.8"/></svg>'
    "<h1>LAMM Studio</h1>"
)
