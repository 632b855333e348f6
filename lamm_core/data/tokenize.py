"""The one prompt builder: turns in, tokens, labels and slots for media out; for training and for inference.

Does not know how media are encoded, only how many tokens each one takes; nor the model.

Every piece of text is tokenised by itself (fixed joints, contents, answers), so what stands before an answer has the
same tokens whether the answer is known or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lamm_core.conversation import Turn
from lamm_core.data.templates import build_template, check_roles
from lamm_core.errors import DataError, PromptTooLongError

__all__ = ["IGNORED", "PromptBuilder", "Rendered", "Slot"]

IGNORED = -100  # the label that torch's cross entropy skips
# Words of two or more capital letters; the space before a word belongs to it, as in byte-pair vocabularies.
CAPITALS = re.compile(r" ?(?<!\w)[A-Z](?=[0-9]*[A-Z])[A-Z0-9]*(?!\w)")


@dataclass(frozen=True)
class Slot:
    """Where the tokens of one medium stand."""

    start: int
    length: int
    media_index: int


@dataclass(frozen=True)
class Rendered:
    """A conversation as tokens. At slots ``input_ids`` holds the padding id and ``labels`` holds IGNORED."""

    input_ids: list[int]
    labels: list[int]
    slots: tuple[Slot, ...]


class PromptBuilder:
    """Lays a conversation out with a template and tokenises it.

    ``system`` opens every conversation that brings no system turn of its own; empty means no system message, as far
    as the template can go without one. Capital-letter words in the assistant's text are spelled letter by letter
    ("HOTEL" is H, O, T, E, L), so that reading a word aloud is copying letters; they decode to the same text.
    """

    def __init__(
        self, tokenizer: Any, template: str, system: str = "", placeholders: Mapping[str, str] | None = None
    ) -> None:
        self.tokenizer = tokenizer
        self.template = build_template(template, tokenizer)
        self.system = system or self.template.default_system
        self.placeholders = dict(placeholders or {})
        known = [token for token in (tokenizer.pad_token_id, tokenizer.eos_token_id, 0) if token is not None]
        self.pad_id = int(known[0])
        self._special = frozenset(tokenizer.all_special_ids)
        self._joint = lru_cache(maxsize=4096)(self._tokenise_joint)
        self._content = lru_cache(maxsize=65536)(self._tokenise_content)
        self._answer = lru_cache(maxsize=65536)(self._tokenise_answer)
        # SentencePiece vocabularies put a space before every text; inside a sequence it is hidden behind a line break,
        # which never merges with its neighbours there.
        pieces = tokenizer.convert_ids_to_tokens(tokenizer.encode("a", add_special_tokens=False))
        self._anchor = "\n" if pieces and str(pieces[0]).startswith("\u2581") else ""
        self._anchor_length = len(tokenizer.encode(self._anchor, add_special_tokens=False)) if self._anchor else 0

    def build(
        self,
        turns: Sequence[Turn],
        media_tokens: Sequence[int],
        *,
        for_training: bool,
        context_tokens: int | None = None,
    ) -> Rendered:
        """Tokens of a conversation whose media take ``media_tokens`` tokens each, in reading order.

        For training the assistant's turns, their end included, are the labels; otherwise the last turn is the user's
        and the sequence ends where the answer begins. Raises DataError for a conversation out of order or media that
        do not fit their placeholders, PromptTooLongError beyond ``context_tokens``: nothing is ever cut.
        """
        turns = self._with_system(turns)
        roles = tuple(turn.role for turn in turns)
        check_roles(roles)
        if for_training and roles[-1] != "assistant":
            raise DataError("A conversation to learn from ends with the assistant's turn, this one with the user's.")
        if not for_training and roles[-1] != "user":
            raise DataError("A conversation to answer ends with the user's turn.")
        media = sum(len(turn.media) for turn in turns)
        if media != len(media_tokens):
            raise DataError(f"The conversation shows {media} media and {len(media_tokens)} token counts were given.")
        ids: list[int] = []
        labels: list[int] = []
        slots: list[Slot] = []
        special = self._special

        def add(tokens: Sequence[int], *, learn: bool = False) -> None:
            ids.extend(tokens)
            labels.extend(tokens if learn else [IGNORED] * len(tokens))

        joints = self.template.frame(roles, generation=not for_training)
        add(self._joint(joints[0], not ids))
        for turn, role, joint in zip(turns, roles, joints[1:], strict=True):
            if role == "assistant":
                add(self.answer_ids(turn.text), learn=for_training)
                add(self._joint(self.template.end, False), learn=for_training)
                joint = joint[len(self.template.end) :]
            else:
                fresh = special.issuperset(ids)  # nothing said yet
                for piece in self._pieces(turn, lead=self.template.lead if role == "user" else ""):
                    if piece is None:
                        length = media_tokens[len(slots)]
                        slots.append(Slot(len(ids), length, len(slots)))
                        add([self.pad_id] * length)
                    else:
                        add(self._content(piece, fresh))
                    fresh = piece is None
            add(self._joint(joint, False))
        if context_tokens is not None and len(ids) > context_tokens:
            raise PromptTooLongError(len(ids), context_tokens)
        return Rendered(ids, labels, tuple(slots))

    def answer_ids(self, text: str) -> tuple[int, ...]:
        """Tokens of an answer as the model is taught to write it, without what ends it."""
        return self._answer(self.template.answer_lead + text)

    def stop_ids(self) -> frozenset[int]:
        """Tokens that end an assistant's turn."""
        end = self.tokenizer.encode(self.template.end, add_special_tokens=False)
        special = {token for token in end if token in self._special}
        eos = self.tokenizer.eos_token_id
        return frozenset(special | ({int(eos)} if eos is not None else set()))

    def stop_strings(self) -> tuple[str, ...]:
        """Texts that end an assistant's turn where the template closes it with plain text."""
        return self.template.stop_strings

    def _with_system(self, turns: Sequence[Turn]) -> tuple[Turn, ...]:
        given = turns[0].text if turns and turns[0].role == "system" else self.system
        spoken = turns[1:] if turns and turns[0].role == "system" else turns
        return (Turn("system", given), *spoken) if given else tuple(spoken)

    def _pieces(self, turn: Turn, *, lead: str) -> Iterator[str | None]:
        """The texts of a turn with None where a medium stands."""
        if not turn.media:
            yield lead + turn.text
            return
        marks = [self.placeholders[medium.modality] for medium in turn.media]
        parts = re.split("(" + "|".join(re.escape(mark) for mark in sorted(set(marks))) + ")", turn.text)
        if len(parts) == 1:
            separator = self.template.media_separator
            parts = [""]
            for mark in marks:
                parts += [mark, separator]
            parts[-1] += turn.text
        found = parts[1::2]
        if found != marks:
            raise DataError(
                f"The text of a turn has the placeholders {', '.join(found)} and the turn shows {', '.join(marks)}: "
                "write one placeholder for each medium in order, or none."
            )
        text = lead + parts[0]
        for medium, after in zip(turn.media, parts[2::2], strict=True):
            opening, closing = self.template.medium_marks(medium.modality)
            yield text + opening
            yield None
            text = closing + after
        yield text

    def _encode(self, text: str, fresh: bool, *, control: bool) -> tuple[int, ...]:
        """Tokens of a text; not ``fresh`` means that it goes on from other text."""
        if not text:
            return ()
        anchor = "" if fresh else self._anchor
        # In contents a special token is plain text: nobody closes the user's turn by typing its end.
        ids = self.tokenizer.encode(anchor + text, add_special_tokens=False, split_special_tokens=not control)
        return tuple(ids[self._anchor_length :] if anchor else ids)

    def _tokenise_joint(self, text: str, fresh: bool) -> tuple[int, ...]:
        return self._encode(text, fresh, control=True)

    def _tokenise_content(self, text: str, fresh: bool) -> tuple[int, ...]:
        return self._encode(text, fresh, control=False)

    def _tokenise_answer(self, text: str) -> tuple[int, ...]:
        ids: list[int] = []
        position = 0
        for word in CAPITALS.finditer(text):
            ids += self._encode(text[position : word.start()], False, control=False)
            letters = word.group()
            start = 2 if letters[0] == " " else 1
            for letter in (letters[:start], *letters[start:]):
                ids += self._encode(letter, False, control=False)
            position = word.end()
        return (*ids, *self._encode(text[position:], False, control=False))
