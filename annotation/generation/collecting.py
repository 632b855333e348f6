"""Which requests of a recipe have no answer yet: what the Batch API is given.

Does not know how they are sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from annotation.generation.answers import SHAPES, Refused, parse
from annotation.generation.client import Request
from annotation.generation.journal import Journal
from annotation.generation.recipe import Recipe
from annotation.generation.work import Settings, request_for, works
from annotation.sources import Reading

__all__ = ["missing"]


def missing(
    recipe: Recipe, settings: Settings, journal: Journal, *, data: Path | None, limit: int | None
) -> Iterator[Request]:
    """The requests to send so that every part gets its pairs; those answered uselessly are made up for by others.

    Templates of C4 are not among them: they are a handful, and asked for one by one.
    """
    for part in recipe.parts:
        if part.kind == "C4":
            continue
        wanted = min(part.items or limit or 10**12, limit or 10**12)
        for work in works(part, Reading(part.open(data).items(), name=part.source)):
            if not wanted:
                break
            request = request_for(work, settings)
            reply = journal.find(request.key)
            if reply is None:
                yield request
            else:
                try:
                    parse(reply.text, reply.finish, SHAPES[work.kind], refusal=reply.refusal)
                except Refused:
                    continue
            wanted -= 1
