"""The prompts: Markdown files with a system message, in-context pairs and a query, each named by its hash.

Do not know any client. A file has the sections System, Example: query, Example: answer (any number of pairs), Query,
and Questions, which a model that sees the medium is asked instead.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from annotation.generation.facts import facts, labels
from annotation.sources.source import Source
from annotation.visual_tasks.wordings import plural
from lamm_core.errors import ConfigError
from lamm_core.registry import lookup

__all__ = ["PROMPTS", "Message", "Prompt", "prompt_for"]

PROMPTS = {
    ("C1", "image"): "dialogue",
    ("C1", "pointcloud"): "dialogue_3d",
    ("C2", "image"): "knowledge",
    ("C2", "pointcloud"): "knowledge",
    ("C3", "image"): "description",
    ("C3", "pointcloud"): "description_3d",
    ("C4", "image"): "templates",
    ("C4", "pointcloud"): "templates",
}
_HEADING = re.compile(r"^# (.+)$", re.MULTILINE)
SLOT = "{facts}"
MANY = "{things}"  # the most frequent kind, in the plural


@dataclass(frozen=True)
class Message:
    """One message of a request; ``role`` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True)
class Prompt:
    """A prompt file. ``hash`` are the first characters of the SHA-256 of its bytes: what a draft remembers it by."""

    name: str
    system: str
    examples: tuple[tuple[str, str], ...]
    query: str
    questions: tuple[str, ...]
    hash: str

    def messages(self, text: str) -> tuple[Message, ...]:
        """The request about these facts: system message, the in-context pairs, the query."""
        shown = [
            Message(role, part)
            for pair in self.examples
            for role, part in zip(("user", "assistant"), pair, strict=True)
        ]
        return (Message("system", self.system), *shown, Message("user", self.query.replace(SLOT, text)))

    def about(self, source: Source) -> tuple[Message, ...]:
        """The request about one source."""
        return self.messages(facts(source))

    def asked_of(self, source: Source) -> tuple[str, ...]:
        """The questions for a model that sees the medium; those about a kind of thing need one that is known."""
        known = labels(source)
        many = plural(known[0]) if known else ""
        return tuple(question.replace(MANY, many) for question in self.questions if known or MANY not in question)


@cache
def load(name: str) -> Prompt:
    """The prompt file of that name. Raises ConfigError where a section is missing."""
    file = resources.files("annotation") / "prompts" / f"{name}.md"
    content = file.read_bytes()
    parts = _HEADING.split(content.decode("utf-8"))[1:]
    sections = [(parts[index].strip(), parts[index + 1].strip()) for index in range(0, len(parts), 2)]
    single = dict(sections)
    queries = [text for heading, text in sections if heading == "Example: query"]
    answers = [text for heading, text in sections if heading == "Example: answer"]
    if "System" not in single or SLOT not in single.get("Query", "") or len(queries) != len(answers):
        raise ConfigError(f"prompts/{name}.md needs # System, # Query with {SLOT}, and examples in pairs.")
    return Prompt(
        name, single["System"], tuple(zip(queries, answers, strict=True)), single["Query"],
        tuple(line for line in single.get("Questions", "").splitlines() if line.strip()),
        hashlib.sha256(content).hexdigest()[:12],
    )  # fmt: skip


def prompt_for(kind: str, modality: str) -> Prompt:
    """The prompt of a kind for a modality. Raises ConfigError for an unknown one."""
    names = {f"{one} of {media}": name for (one, media), name in PROMPTS.items()}
    return load(lookup(names, f"{kind} of {modality}", kind="prompt"))
