"""Messages of a request as the turns of a conversation, their media as files in a folder.

Does not know the model. Where media stand: a message that shows its media before or behind its words has them before,
as the model learned it; media between words stay where they are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from anyio import CapacityLimiter, to_thread

from lamm_core.conversation import Media, Role, Turn
from lamm_core.errors import MediaError
from lamm_core.modalities import modality
from lamm_core.serving import media
from lamm_core.serving.refusals import Refusal, for_error
from lamm_core.serving.requests import Message, Part, PicturePart, TextPart

__all__ = ["Fetch", "Reader"]

MOST_MEDIA = 16
JOIN = "\n"  # between two texts, and between a text and a medium in the middle of it

Fetch = Callable[[str, str, str], Awaitable[media.Fetched]]  # address, modality, which field it came from


class Reader:
    """Reads requests; at most ``at_once`` media are opened at a time."""

    def __init__(self, fetch: Fetch, *, modalities: frozenset[str], at_once: int = 2) -> None:
        self._fetch = fetch
        self._modalities = modalities
        self._places = CapacityLimiter(at_once)

    async def turns(self, messages: Sequence[Message], folder: Path) -> list[Turn]:
        """The conversation, its media written below ``folder``. Raises Refusal."""
        count = sum(part.type != "text" for message in messages for part in parts(message))
        if count > MOST_MEDIA:
            raise Refusal(400, f"{count} media are too many; send at most {MOST_MEDIA}.", "too_many_media", "messages")
        turns: list[Turn] = []
        for place, message in enumerate(messages):
            found: list[str | Media] = []
            for number, part in enumerate(parts(message)):
                if isinstance(part, TextPart):
                    found.append(part.text)
                else:
                    shown = sum(len(turn.media) for turn in turns) + sum(isinstance(one, Media) for one in found)
                    param = f"messages[{place}].content[{number}].{part.type}.url"
                    found.append(await self._medium(part, folder, number=shown + 1, param=param))
            turns.append(as_turn(message, found, place=place))
        return turns

    async def _medium(self, part: Part, folder: Path, *, number: int, param: str) -> Media:
        if isinstance(part, PicturePart):
            kind, url, form = "image", part.image_url.url, None
        else:
            assert not isinstance(part, TextPart)
            kind, url, form = "pointcloud", part.pointcloud_url.url, part.pointcloud_url.format
        if kind not in self._modalities:
            reads = ", ".join(sorted(self._modalities)) or "text only"
            raise Refusal(400, f"{param}: this model does not read {kind}. It reads: {reads}.", "invalid_media", param)
        remote = None if media.is_data_url(url) else await self._fetch(url, kind, param)

        def opened() -> Media:
            fetched = remote or media.from_data_url(url, param=param)
            medium = media.write(fetched, kind, folder, number=number, form=form, param=param)
            media.check(medium)
            return medium

        try:
            return await to_thread.run_sync(opened, limiter=self._places)
        except MediaError as error:
            refusal = for_error(error)
            raise Refusal(refusal.status, f"{param}: {refusal.message}", refusal.code, param) from error


def parts(message: Message) -> Sequence[Part]:
    """The content as parts, also where it came as a text."""
    return [TextPart(type="text", text=message.content)] if isinstance(message.content, str) else message.content


def as_turn(message: Message, found: Sequence[str | Media], *, place: int) -> Turn:
    """One message as a turn. Raises Refusal."""
    role: Role = "system" if message.role == "developer" else message.role
    shown = tuple(one for one in found if isinstance(one, Media))
    texts = [one for one in found if isinstance(one, str)]
    param = f"messages[{place}].content"
    if not shown:
        return Turn(role, JOIN.join(texts))
    if role != "user":
        raise Refusal(400, f"{param}: only a user shows media, not the {role}.", "invalid_value", param)
    marks = [modality(medium.modality).placeholder for medium in shown]
    if mark := next((mark for mark in marks if any(mark in text for text in texts)), None):
        message_text = f"{param}: the text holds {mark}, which stands for a medium here. Write it another way."
        raise Refusal(400, message_text, "invalid_value", param)
    words = [number for number, one in enumerate(found) if isinstance(one, str)]
    together = not words or words[-1] - words[0] + 1 == len(words)
    if together:
        return Turn(role, JOIN.join(texts), shown)
    left = iter(marks)
    return Turn(role, JOIN.join(one if isinstance(one, str) else next(left) for one in found), shown)
