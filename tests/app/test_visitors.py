"""What Gradio keeps of a session goes with its visitor, and what the session kept is closed."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import StateHolder

from app.visitors import Visitors


async def nothing(*_: Any) -> None:
    """An application that answers at once."""


@pytest.fixture
def holder() -> StateHolder:
    closed: list[str] = []
    with gr.Blocks() as page:
        state = gr.State("", delete_callback=closed.append)
    page.state_session_capacity = 100
    held = StateHolder()
    held.set_blocks(page)
    for name in ("old", "new"):
        held[name][state._id] = name
    held.time_last_used["old"] -= timedelta(minutes=10)
    held.closed = closed
    return held


def test_a_session_that_rests_is_forgotten_and_what_it_held_is_closed(holder: StateHolder) -> None:
    assert Visitors(nothing, idle_seconds=300, file_seconds=60).forget(holder) == 1
    assert list(holder.session_data) == ["new"] == list(holder.time_last_used)
    assert holder.closed == ["old"]


def test_a_page_that_is_open_is_kept_however_long_it_rests(holder: StateHolder) -> None:
    visitors: Visitors
    kept: list[int] = []

    async def page(*_: Any) -> None:
        kept.append(visitors.forget(holder, now=datetime.now() + timedelta(hours=9)))

    visitors = Visitors(page, idle_seconds=300, file_seconds=60)
    scope = {"type": "http", "path": "/studio/gradio_api/heartbeat/old"}
    asyncio.run(visitors(scope, nothing, nothing))
    assert kept == [1] and list(holder.session_data) == ["old"]
    assert visitors.forget(holder) == 1, "it left"


def test_old_files_go_with_their_folder_and_those_of_components_stay(tmp_path: Path) -> None:
    with gr.Blocks() as page:
        shown = gr.HTML()
    files = [tmp_path / name / "file.png" for name in ("old", "new", "own", "gone")]
    for file in files[:3]:
        file.parent.mkdir()
        file.write_bytes(b"x")
    old, new, own, gone = map(str, files)
    shown.keep_in_cache = {own}
    page.upload_file_set.update((old, own, gone))
    visitors = Visitors(nothing, idle_seconds=300, file_seconds=60)
    assert visitors.delete_files(page) == 1, "the one that was gone"
    assert visitors.delete_files(page, now=time.time() + 61) == 1
    assert not Path(old).parent.exists() and Path(new).exists() and page.upload_file_set == {own}


def test_it_looks_by_itself_while_the_server_runs(holder: StateHolder) -> None:
    async def server(*_: Any) -> None:
        while "old" in holder.session_data:
            await asyncio.sleep(0.01)

    page = SimpleNamespace(state_holder=holder, get_blocks=lambda: holder.blocks)
    visitors = Visitors(server, idle_seconds=300, file_seconds=60, look_seconds=0.01)
    asyncio.run(asyncio.wait_for(visitors({"type": "lifespan", "app": page}, nothing, nothing), timeout=60))
    assert holder.closed == ["old"]
