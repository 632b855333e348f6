"""One rendered prompt of each part, with what it costs: what a person looks at before paying for thousands.

Does not know clients.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from annotation.generation.asker import most
from annotation.generation.client import Request
from annotation.generation.prices import Price, money
from annotation.generation.prompt import prompt_for
from annotation.generation.recipe import Recipe
from annotation.generation.work import Settings, pool_request, request_for, works
from annotation.sources import Reading

__all__ = ["first_requests", "rendered"]


def first_requests(recipe: Recipe, settings: Settings, *, data: Path | None) -> Iterator[tuple[str, str, Request]]:
    """For each part what it is, the hash of its prompt and the first request."""
    for part in recipe.parts:
        work = next(works(part, Reading(part.open(data).items(), name=part.source)), None)
        if work is None:
            continue
        request = pool_request(work.task, settings) if work.task else request_for(work, settings)
        name = f"{part.kind} of {work.source.id}" + (f", templates of {work.task.name}" if work.task else "")
        yield name, prompt_for(part.kind, work.source.modality).hash, request


def rendered(recipe: Recipe, settings: Settings, price: Price, *, data: Path | None) -> str:
    """The first request of each part as text."""
    parts = []
    for name, version, request in first_requests(recipe, settings, data=data):
        said = "\n\n".join(f"[{message.role}]\n{message.content}" for message in request.messages)
        asked = "\n".join(f"[asked of the model itself]\n{question}" for question in request.questions)
        tokens = f"about {request.rough_input:,} tokens in, at most {request.max_tokens:,} out"
        cost = f"{tokens}, at most {money(most(request, price))}"
        parts.append(f"=== {name} (prompt {version}): {cost}\n\n{said}\n{asked}".rstrip())
    return "\n\n".join(parts)
