"""What of one record is kept in memory for sorting and filtering, and what is wrong with a record that has none.

Does not know files; the whole record is read again when it is shown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamm_core.evaluation.records import BROKEN, FAILED
from lamm_core.grounding import Box3D, box_overlap_3d

__all__ = ["BASELINES", "BETWEEN", "TROUBLES", "Columns", "ColumnsUnderWay", "digest", "mean_overlap"]

BASELINES: tuple[str | None, ...] = (None, "blind", "shuffled")
TROUBLES = ("", FAILED, BROKEN)  # why there was nothing to parse: no answer came, or its picture cannot be opened
_TROUBLE = {name: code for code, name in enumerate(TROUBLES) if name}
_CODE = {name: code for code, name in enumerate(BASELINES)}
_NAN = math.nan
_NUMBER = (int, float)
_MOST_PAIRS = 10_000  # boxes of a record compared with one another
BETWEEN = "\x1f"  # fields of one record in the searched words; no keyboard writes it


def digest(text: str) -> int:
    """A name as a number of 64 bits, the same in every process."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


@dataclass(frozen=True, eq=False)
class Columns:
    """One row for each record that can be used, in the order of the file.

    ``start`` and ``length`` (bytes) find it there. ``score`` is NaN where there is none. ``gained`` and ``possible``
    hold each metric's parts, NaN where a record has none. ``overlap`` is the mean over the true boxes of the best
    overlap, ``error`` how far a number is off; both NaN where they mean nothing. ``trouble`` is a place in TROUBLES,
    ``medium`` one in ``paths``, which are the records' first media as they are written there; -1 for none. The searched
    words of row i are ``words[word_start[i]:word_start[i + 1]]``, UTF-8 in small letters.
    """

    start: NDArray[np.int64]
    length: NDArray[np.int32]
    identity: NDArray[np.uint64]
    group: NDArray[np.uint64]
    baseline: NDArray[np.int8]
    version: NDArray[np.int32]
    score: NDArray[np.float32]
    overlap: NDArray[np.float32]
    error: NDArray[np.float32]
    trouble: NDArray[np.int8]
    medium: NDArray[np.int32]
    gained: Mapping[str, NDArray[np.float32]]
    possible: Mapping[str, NDArray[np.float32]]
    words: bytes
    word_start: NDArray[np.int64]
    paths: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.start)


@dataclass
class ColumnsUnderWay:
    """Takes records in one by one."""

    start: list[int] = field(default_factory=list)
    length: list[int] = field(default_factory=list)
    identity: list[int] = field(default_factory=list)
    group: list[int] = field(default_factory=list)
    baseline: list[int] = field(default_factory=list)
    version: list[int] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    overlap: list[float] = field(default_factory=list)
    error: list[float] = field(default_factory=list)
    trouble: list[int] = field(default_factory=list)
    medium: list[int] = field(default_factory=list)
    parts: dict[str, tuple[list[int], list[float], list[float]]] = field(default_factory=dict)
    words: list[bytes] = field(default_factory=list)
    _groups: dict[str, int] = field(default_factory=dict)
    _paths: dict[str, int] = field(default_factory=dict)

    def add(self, record: Any, start: int, length: int) -> str | None:
        """Take a record in; otherwise say what is wrong with it."""
        if type(record) is not dict:
            return "not a JSON object"
        name, score, text, version = record.get("id"), record.get("score"), record.get("text"), record.get("version", 0)
        prompt, code = record.get("prompt", ""), _CODE.get(record.get("baseline"), -1)
        if type(name) is not str or not name:
            return "no id"
        if code < 0:
            return "baseline is none of null, blind, shuffled"
        if type(text) is not str or type(prompt) is not str:
            return "text or prompt is no text"
        if score is None:
            score = _NAN
        elif type(score) not in _NUMBER or not 0 <= score <= 1:
            return "score is neither null nor a number from 0 to 1"
        if type(version) is not int or not 0 <= version < 2**31:
            return "version is no whole number"
        parts = record.get("parts") or {}
        if type(parts) is not dict:
            return "parts are no object"
        for part in parts.values():
            if not _is_part(part):
                return "parts are not pairs of numbers"
        if type(record.get("extraction", "")) not in (str, type(None)):
            return "extraction is no text"
        detail, target, group = record.get("detail"), record.get("target"), record.get("group")
        row = len(self.start)
        self.start.append(start)
        self.length.append(length)
        self.identity.append(digest(name))
        self.group.append(self.identity[-1] if group is None else self._group(str(group)))
        self.baseline.append(code)
        self.version.append(version)
        self.score.append(score)
        self.overlap.append(mean_overlap(detail) if type(detail) is dict else _NAN)
        self.error.append(_error(record.get("parsed"), target, detail))
        self.trouble.append(_TROUBLE.get(record.get("extraction") or "", 0))
        path = _first_path(record.get("media"))
        self.medium.append(-1 if path is None else self._paths.setdefault(path, len(self._paths)))
        for metric, (gained, possible) in parts.items():
            rows, gains, possibles = self.parts.setdefault(metric, ([], [], []))
            rows.append(row)
            gains.append(gained)
            possibles.append(possible)
        shown = target if type(target) is str else "" if target is None else str(target)
        words = f"{name}{BETWEEN}{prompt}{BETWEEN}{shown}{BETWEEN}{text}{BETWEEN}".lower()
        self.words.append(words.encode("utf-8", "replace"))
        return None

    def done(self) -> Columns:
        """The columns of all that was taken in."""
        count = len(self.start)
        gained, possible = {}, {}
        for metric, (rows, gains, possibles) in self.parts.items():
            gained[metric], possible[metric] = (np.full(count, np.nan, np.float32) for _ in range(2))
            gained[metric][rows], possible[metric][rows] = gains, possibles
        lengths = np.fromiter((len(words) for words in self.words), np.int64, count)
        return Columns(
            start=np.array(self.start, np.int64),
            length=np.array(self.length, np.int32),
            identity=np.array(self.identity, np.uint64),
            group=np.array(self.group, np.uint64),
            baseline=np.array(self.baseline, np.int8),
            version=np.array(self.version, np.int32),
            score=np.array(self.score, np.float32),
            overlap=np.array(self.overlap, np.float32),
            error=np.array(self.error, np.float32),
            trouble=np.array(self.trouble, np.int8),
            medium=np.array(self.medium, np.int32),
            gained=gained,
            possible=possible,
            words=b"".join(self.words),
            word_start=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            paths=tuple(self._paths),
        )

    def _group(self, name: str) -> int:
        number = self._groups.get(name)
        if number is None:
            number = self._groups[name] = digest(name)
        return number


def mean_overlap(detail: Mapping[str, Any]) -> float:
    """The mean over the true boxes of their best overlap with a box of the answer; NaN without true boxes.

    Labels are left aside here: this says where the answer points, the score says whether it names it too.
    """
    truth, answer = detail.get("truth_boxes"), detail.get("answer_boxes")
    if not truth or type(truth) is not list or type(answer) is not list or len(truth) * len(answer) > _MOST_PAIRS:
        return _NAN
    try:
        return sum(_best(one["box"], answer) for one in truth) / len(truth)
    except (TypeError, KeyError, ValueError, OverflowError):  # a box that is none: there is no overlap to tell
        return _NAN


def _best(box: Sequence[float], answer: Sequence[Mapping[str, Any]]) -> float:
    if len(box) == 6:
        return max((box_overlap_3d(Box3D.of(box), Box3D.of(one["box"])) for one in answer), default=0.0)
    # `box_overlap` written out: a run of 60,000 records is opened at one go.
    left, top, right, bottom = box
    best, area = 0.0, (right - left) * (bottom - top)
    for one in answer:
        x1, y1, x2, y2 = one["box"]
        width = (right if right < x2 else x2) - (left if left > x1 else x1)
        height = (bottom if bottom < y2 else y2) - (top if top > y1 else y1)
        if width > 0 and height > 0:
            shared = width * height
            overlap = shared / (area + (x2 - x1) * (y2 - y1) - shared)
            best = overlap if overlap > best else best
    return best


def _is_part(part: Any) -> bool:
    return type(part) is list and len(part) == 2 and type(part[0]) in _NUMBER and type(part[1]) in _NUMBER


def _first_path(media: Any) -> str | None:
    """Of ``[{"modality": ..., "path": ...}]`` or a list of paths, as older runs have it."""
    first = media[0] if type(media) is list and media else None
    path = first.get("path") if type(first) is dict else first
    return path if type(path) is str and path and "\0" not in path else None


def _error(parsed: Any, target: Any, detail: Any) -> float:
    """How far off a number is: as the record says, or the distance of two numbers."""
    said = detail.get("error") if type(detail) is dict else None
    if isinstance(said, int | float):
        return abs(float(said))
    if type(target) not in _NUMBER:
        return _NAN
    if type(parsed) is str:
        try:
            parsed = float(parsed)
        except ValueError:
            return _NAN
    return abs(float(parsed) - float(target)) if type(parsed) in _NUMBER else _NAN
