"""The shapes that answers must have, and why one is refused: truncated, malformed, refused, of another shape.

Does not know who answered. An answer is taken whole or not at all.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from lamm_core.errors import DraftRejected

__all__ = ["REASONS", "SHAPES", "Description", "Dialogue", "Round", "Templates", "parse", "schema"]

REASONS = ("truncated", "refused", "empty", "malformed", "schema")
LONGEST = 20_000  # characters of one text: more is no answer but a run-away
_FENCE = re.compile(r"^```(?:json)?\s*(.*?)\s*```$", re.DOTALL)


class Refused(DraftRejected):
    """Why an answer was not taken; ``reason`` is one of REASONS."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"The answer was not taken: {reason} ({detail}).")


def _text(value: str) -> str:
    value = value.strip()
    if not value:
        raise ValueError("is empty")
    if len(value) > LONGEST:
        raise ValueError(f"is {len(value):,} characters long")
    return value


def _several(low: int, high: int) -> Any:
    def check(values: list[Any]) -> list[Any]:
        if not low <= len(values) <= high:
            raise ValueError(f"has {len(values)} entries and not {low} to {high}")
        return values

    return AfterValidator(check)


# The limits are validators and not part of the schema that is sent: servers differ in what they know of JSON schema.
Text = Annotated[str, AfterValidator(_text)]


class Shape(BaseModel):
    """Base of the shapes: no further keys, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Round(Shape):
    """A question and its answer."""

    question: Text
    answer: Text


class Dialogue(Shape):
    """C1 and C2."""

    rounds: Annotated[list[Round], _several(1, 10)]


class Description(Shape):
    """C3."""

    instruction: Text
    description: Text


class Templates(Shape):
    """C4: pools of wordings with slots."""

    instructions: Annotated[list[Text], _several(3, 60)]
    responses: Annotated[list[Text], _several(3, 60)]


SHAPES: dict[str, type[Shape]] = {"C1": Dialogue, "C2": Dialogue, "C3": Description, "C4": Templates}


def schema(shape: type[Shape]) -> dict[str, Any]:
    """JSON schema of a shape, in the strict form: all keys required, no others."""
    return shape.model_json_schema()


def parse(text: str, finish: str, shape: type[Shape], *, refusal: str | None = None) -> Shape:
    """The answer in its shape. Raises Refused saying which of REASONS it was."""
    if refusal or finish == "content_filter":
        raise Refused("refused", (refusal or "the server's content filter stopped it")[:200])
    if finish == "length":
        raise Refused("truncated", f"it reached the limit of tokens after {len(text):,} characters")
    if not text.strip():
        raise Refused("empty", "it has no text")
    fenced = _FENCE.match(text.strip())
    try:
        value = json.loads(fenced[1] if fenced else text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise Refused("malformed", f"not valid JSON ({error})"[:200]) from None
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise Refused("schema", f"{place}: {first['msg']}"[:200]) from None
