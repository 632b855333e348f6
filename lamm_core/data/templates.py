"""The fixed text around what is said: a tokenizer's own chat template, Vicuna-v0's and LLaMA-2's.

Does not know tokens, media or labels; `tokenize.PromptBuilder` puts the contents between the joints given here.

A frame of ``n`` turns is ``n + 1`` strings: ``joints[i]`` stands before the text of turn ``i`` and the last one closes
the conversation. A joint that follows an assistant's turn starts with ``end``.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, Protocol

from lamm_core.conversation import Role
from lamm_core.errors import ConfigError, DataError

__all__ = [
    "TEMPLATES",
    "ChatTemplate",
    "Llama2Template",
    "Roles",
    "Template",
    "VicunaTemplate",
    "build_template",
    "check_roles",
]

Roles = tuple[Role, ...]


class Template(Protocol):
    """How a conversation is laid out as text."""

    @property
    def end(self) -> str:
        """Text that closes an assistant's turn; the model learns to write it."""
        ...

    @property
    def lead(self) -> str:
        """Text before what the user says."""
        ...

    @property
    def answer_lead(self) -> str:
        """Text before what the assistant says, written by the model itself."""
        ...

    @property
    def media_separator(self) -> str:
        """Text between a medium without a place of its own and what follows it."""
        ...

    @property
    def stop_strings(self) -> tuple[str, ...]:
        """Texts that end an answer where no single token does."""
        ...

    @property
    def default_system(self) -> str:
        """The system sentence where the template cannot go without; otherwise empty."""
        ...

    def frame(self, roles: Roles, *, generation: bool) -> tuple[str, ...]:
        """Joints for these roles; with ``generation`` the last one opens the assistant's turn."""
        ...

    def medium_marks(self, modality: str) -> tuple[str, str]:
        """Text right before and right after the tokens of one medium."""
        ...


class ChatTemplate:
    """The tokenizer's own chat template, taken apart at sentinels so that every joint is the template's own text."""

    lead = ""
    media_separator = "\n"
    stop_strings: tuple[str, ...] = ()
    default_system = ""

    def __init__(self, tokenizer: Any) -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise ConfigError(
                "template: this tokenizer has no chat template; set template to 'vicuna_v0' or 'llama2', "
                "or choose a language model tuned for chat."
            )
        self._tokenizer = tokenizer
        self._frames = lru_cache(maxsize=1024)(self._frame)
        _, bridge, tail = self._split(("user", "assistant"), generation=False)
        opening = self._split(("user",), generation=True)[-1]
        extra = bridge[len(opening) :] if bridge.startswith(opening) else ""
        self.answer_lead = "" if extra.strip() else extra  # Mistral and LLaMA-2 write a space there
        special = [token for token in tokenizer.all_special_tokens if token in tail]
        if not special:
            raise ConfigError(
                "template: the tokenizer's chat template closes an assistant's turn with no special token, so no "
                "answer could ever end; set template to 'vicuna_v0' or 'llama2'."
            )
        first = min(special, key=tail.index)
        self.end = tail[: tail.index(first) + len(first)]
        self._head = self._head_without_system()

    def frame(self, roles: Roles, *, generation: bool) -> tuple[str, ...]:
        return self._frames(roles, generation)

    def medium_marks(self, modality: str) -> tuple[str, str]:
        return "", ""

    def _frame(self, roles: Roles, generation: bool) -> tuple[str, ...]:
        joints = self._split(roles, generation=generation)
        for index, role in enumerate(roles):
            # Some templates write past answers differently from the one being generated (hidden reasoning);
            # what opens an answer here is always what opens it at inference.
            if role == "assistant" and index:
                joints[index] = self._split(roles[:index], generation=True)[-1]
        if roles[0] == "user" and self._head is not None:
            joints[0] = self._head
        return tuple(joints)

    def _split(self, roles: Sequence[Role], *, generation: bool) -> list[str]:
        sentinels = [f"\u27e6{index}\u27e7" for index in range(len(roles))]
        messages = [{"role": role, "content": text} for role, text in zip(roles, sentinels, strict=True)]
        try:
            rest = str(self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generation))
        except Exception as error:  # the template is Jinja code of the model's author and may raise anything
            raise ConfigError(
                f"template: the tokenizer's chat template refuses the roles {', '.join(roles)}: {error}"
            ) from error
        joints: list[str] = []
        for sentinel in sentinels:
            before, found, rest = rest.partition(sentinel)
            if not found:
                raise ConfigError(f"template: the tokenizer's chat template drops one of the roles {', '.join(roles)}.")
            joints.append(before)
        return [*joints, rest]

    def _head_without_system(self) -> str | None:
        """What opens the first user turn without the system message some templates insert; None: nothing to remove."""
        try:
            system_close = self._split(("system",), generation=False)[-1]
            system_open, after_system, _ = self._split(("system", "user"), generation=False)
        except ConfigError:
            return None  # no system message of its own: the template's rendering stands as it is
        if not after_system.startswith(system_close):
            return None
        user_open = after_system[len(system_close) :]
        start = self._tokenizer.bos_token or ""
        # ChatML tokenizers name their turn opener as the start token: it is no start of the text then.
        prefix = start if start and system_open.startswith(start) and not user_open.startswith(start) else ""
        return prefix + user_open


class VicunaTemplate:
    """Vicuna v0 as LAMM trained on it: a system sentence, then turns opened and closed by ``###``."""

    end = "\n###"
    lead = " "
    answer_lead = " "
    media_separator = " "
    stop_strings = ("###",)
    default_system = (
        "A person who wants to know more talks with an assistant. "
        "The assistant gives helpful, thorough and polite answers."
    )

    def __init__(self, tokenizer: Any) -> None:
        self._start = tokenizer.bos_token or ""

    def frame(self, roles: Roles, *, generation: bool) -> tuple[str, ...]:
        names = {"user": "Human:", "assistant": "Assistant:"}
        joints = [self._start if roles[0] == "system" else f"{self._start}### {names[roles[0]]}"]
        for before, role in pairwise(roles):
            gap = {"system": "\n\n### ", "user": "\n### ", "assistant": f"{self.end} "}[before]
            joints.append(gap + names[role])
        joints.append(self.end if roles[-1] == "assistant" else "\n### Assistant:" if generation else "")
        return tuple(joints)

    def medium_marks(self, modality: str) -> tuple[str, str]:
        return _LAMM_MARKS.get(modality, ("", ""))


class Llama2Template:
    """LLaMA-2 chat: the user's turns in ``[INST]`` and the system text in ``<<SYS>>`` inside the first of them."""

    lead = " "
    answer_lead = " "
    media_separator = " "
    stop_strings: tuple[str, ...] = ()
    default_system = ""

    def __init__(self, tokenizer: Any) -> None:
        self._start = tokenizer.bos_token or ""
        self.end = f" {tokenizer.eos_token}"

    def frame(self, roles: Roles, *, generation: bool) -> tuple[str, ...]:
        joints = [f"{self._start}[INST]" + (" <<SYS>>\n" if roles[0] == "system" else "")]
        for before, role in pairwise(roles):
            gap = {
                ("system", "user"): "\n<</SYS>>\n\n",
                ("user", "assistant"): " [/INST]",
                ("assistant", "user"): f"{self.end}{self._start}[INST]",
            }
            joints.append(gap[before, role])
        joints.append(self.end if roles[-1] == "assistant" else " [/INST]" if generation else "")
        return tuple(joints)

    def medium_marks(self, modality: str) -> tuple[str, str]:
        return _LAMM_MARKS.get(modality, ("", ""))


# LAMM writes these as plain text around the media tokens and trained its checkpoints so.
_LAMM_MARKS = {"image": ("<Img>", "</Img>"), "pointcloud": ("<Pcl>", "</Pcl>")}

TEMPLATES: dict[str, type[ChatTemplate] | type[VicunaTemplate] | type[Llama2Template]] = {
    "chat": ChatTemplate,
    "llama2": Llama2Template,
    "vicuna_v0": VicunaTemplate,
}


def build_template(name: str, tokenizer: Any) -> Template:
    """The template called ``name`` for this tokenizer. Raises ConfigError naming the nearest valid name."""
    if name not in TEMPLATES:
        near = difflib.get_close_matches(name, TEMPLATES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"template: {name!r} is not one of {', '.join(TEMPLATES)}{hint}")
    return TEMPLATES[name](tokenizer)


def check_roles(roles: Roles) -> None:
    """An optional system turn, then user and assistant in turn. Raises DataError saying what stands where."""
    spoken = roles[1:] if roles[:1] == ("system",) else roles
    if not spoken:
        raise DataError("The conversation has no user turn.")
    for index, role in enumerate(spoken):
        expected = "assistant" if index % 2 else "user"
        if role != expected:
            raise DataError(
                f"Turn {index + len(roles) - len(spoken) + 1} of the conversation is the {role}'s and should be the "
                f"{expected}'s: after an optional system turn, user and assistant alternate."
            )
