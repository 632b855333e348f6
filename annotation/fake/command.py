"""The command ``fake-server``: a chat server that is none, to point any client at.

Does not know how it answers.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from annotation.fake.server import FakeServer, Faults

__all__ = ["fake_server"]


def fake_server(
    port: Annotated[int, typer.Option(help="0: a free one.")] = 8009,
    errors: Annotated[float, typer.Option(min=0, max=1, help="Share of answers with a deliberate error.")] = 0.25,
    busy: Annotated[float, typer.Option(min=0, max=1, help="Share answered 429 at first.")] = 0.0,
    failing: Annotated[float, typer.Option(min=0, max=1, help="Share answered 500 at first.")] = 0.0,
    malformed: Annotated[float, typer.Option(min=0, max=1, help="Share that is no JSON.")] = 0.0,
    truncated: Annotated[float, typer.Option(min=0, max=1, help="Share cut off.")] = 0.0,
    refused: Annotated[float, typer.Option(min=0, max=1, help="Share refused.")] = 0.0,
    seconds: Annotated[float, typer.Option(min=0, help="That each answer takes.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Same seed, same answers.")] = 0,
) -> None:
    """Serve OpenAI's protocol on 127.0.0.1, with answers composed from the notes in each query."""
    faults = Faults(
        errors=errors, busy=busy, failing=failing, malformed=malformed, truncated=truncated, refused=refused,
        seconds=seconds, seed=seed,
    )  # fmt: skip
    with FakeServer(faults, port=port) as server:
        Console().print(f"OPENAI_API_KEY=any OPENAI_BASE_URL={server.url}", soft_wrap=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return
