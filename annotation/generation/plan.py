"""What a recipe will take before a cent is spent: items, requests, tokens and money for each part.

Does not know clients. Where the files of a set are there, a sample of its queries is measured; elsewhere the recipe's
own figures are taken and marked as assumed. Tokens are estimated at four characters each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from annotation.generation.prices import Price, money
from annotation.generation.recipe import Part, Recipe
from annotation.generation.work import Settings, pool_request, request_for, tasks_of, works
from annotation.sources import READERS, Reading
from lamm_core.errors import ConfigError, DataError

__all__ = ["PartPlan", "Plan", "make_plan"]

SAMPLE = 25  # queries of a set that are rendered to measure it
POOL_ANSWER_TOKENS = 900
COUNTED = 200_000  # sources counted where a part takes what there is


@dataclass(frozen=True)
class PartPlan:
    """One part. ``measured``: its queries were rendered; else the figures are the recipe's. Money in millionths."""

    source: str
    kind: str
    items: int
    requests: int
    input_tokens: int
    output_tokens: int
    cost: int
    measured: bool
    note: str = ""


@dataclass(frozen=True)
class Plan:
    """All parts and their sums."""

    recipe: str
    model: str
    batched: bool
    parts: tuple[PartPlan, ...]

    def total(self, field: str) -> int:
        """Sum of a field over the parts."""
        return sum(getattr(part, field) for part in self.parts)

    @property
    def sums(self) -> dict[str, int]:
        """The sums that are shown."""
        return {field: self.total(field) for field in ("items", "requests", "input_tokens", "output_tokens", "cost")}

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "recipe": self.recipe, "model": self.model, "batched": self.batched, **self.sums,
            "money": money(self.sums["cost"]), "parts": [asdict(part) for part in self.parts],
        }  # fmt: skip


def make_plan(
    recipe: Recipe, settings: Settings, price: Price, *, data: Path | None, limit: int | None, batched: bool = False
) -> Plan:
    """Plan every part, in order. Pools of templates that several parts of C4 share are counted once."""
    pools: set[str] = set()
    parts = tuple(_part(part, settings, price, data=data, limit=limit, batched=batched, pools=pools)
                  for part in recipe.parts)  # fmt: skip
    return Plan(recipe.name, settings.model, batched, parts)


def _part(
    part: Part,
    settings: Settings,
    price: Price,
    *,
    data: Path | None,
    limit: int | None,
    batched: bool,
    pools: set[str],
) -> PartPlan:
    note, sample, there = "", [], None
    try:
        opened = part.open(data)
        reading = Reading(opened.items(), name=part.source)
        sample = list(islice(works(part, reading), SAMPLE))
        if part.items is None:
            there = len(sample) + sum(1 for _ in islice(works(part, reading), COUNTED))
    except (ConfigError, DataError) as error:
        note = str(error).split("; ")[0].split(". ")[0]
    items = part.items if part.items is not None else there or 0
    items = min(items, limit) if limit is not None else items
    if part.kind == "C4":
        modality = READERS[part.source].modality
        found = {one.task.name: one.task for one in sample if one.task} or {
            task.name: task for task in tasks_of(part, modality)
        }
        new = [task for name, task in found.items() if name not in pools]
        pools.update(found)
        given = sum(pool_request(task, settings).rough_input for task in new)
        answered = POOL_ANSWER_TOKENS * len(new)
        cost = price.micros(given, answered, batched=False)
        return PartPlan(part.source, "C4", items, len(new), given, answered, cost, bool(sample), note)
    query = round(_mean(request_for(one, settings).rough_input for one in sample)) if sample else part.query_tokens
    given, answered = query * items, part.answer_tokens * items
    cost = price.micros(given, answered, batched=batched)
    return PartPlan(part.source, part.kind, items, items, given, answered, cost, bool(sample), note)


def _mean(values: Iterable[int]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)
