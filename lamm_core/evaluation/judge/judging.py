"""Asks a judge about the answers of two runs and keeps every word it says, so that judging goes on where it stopped.

Does not know what the verdicts amount to; outcome.py adds them up. Each pair is asked in both orders. One line of
judgements.jsonl is one question to the judge: id, group, question (ab, ba, a, b), text, verdict, trouble.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from lamm_core.conversation import Media, Sample, Turn
from lamm_core.errors import ConfigError, TaskError
from lamm_core.evaluation.judge.prompts import messages, prompt_hash
from lamm_core.evaluation.judge.verdicts import ranks, rating
from lamm_core.evaluation.respondent import Reply
from lamm_core.evaluation.task import Task
from lamm_core.run_files import json_lines

__all__ = ["ANSWER_TOKENS", "Judge", "Judgement", "Pair", "ask_judge", "pairs_of"]

ANSWER_TOKENS = 300
AT_ONCE = 64  # questions between two writes
Question = Literal["ab", "ba", "a", "b"]


class Judge(Protocol):
    """Who is asked, as `lamm_core.evaluation.endpoint.Endpoint` is."""

    def generate(self, conversations: Sequence[Sequence[Turn]], *, max_new_tokens: int) -> list[Reply]: ...


@dataclass(frozen=True)
class Pair:
    """The answers of two runs to one sample, with what the judge is told about it."""

    id: str
    group: str
    task: str
    question: str
    reference: str
    a: str
    b: str
    media: tuple[Media, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """One question to the judge and what came of it: ``verdict`` is None where it failed, and ``trouble`` says how."""

    id: str
    group: str
    question: Question
    verdict: str | float | None
    text: str
    trouble: str

    def to_dict(self) -> dict[str, Any]:
        """As a line of judgements.jsonl."""
        return dict(vars(self))


def pairs_of(
    ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]], task: Task | None, *,
    limit: int | None = None, seed: int = 0, show_media: bool = False,
) -> list[Pair]:  # fmt: skip
    """The records of two runs in one order as pairs, or so many of them drawn by the seed."""
    chosen = sorted(range(len(ours)))
    if limit is not None and limit < len(chosen):
        chosen = sorted(random.Random(seed).sample(chosen, limit))
    pairs = []
    for place in chosen:
        mine, other = ours[place], theirs[place]
        sample = Sample(mine["id"], (), target=mine["target"], metadata=mine["metadata"])
        reference = task.right_answer(sample) if task is not None else json.dumps(mine["target"])
        media = tuple(Media(item["modality"], Path(item["path"])) for item in mine["media"]) if show_media else ()
        name = task.title if task is not None else str(mine["task"])
        pairs.append(
            Pair(mine["id"], mine["group"], name, mine["prompt"], reference, mine["text"], other["text"], media)
        )
    return pairs


def ask_judge(
    judge: Judge, pairs: Sequence[Pair], *, folder: Path, about: Mapping[str, Any], ratings: bool = True,
    retry_failed: bool = False, progress: Callable[[int, int], None] | None = None,
) -> list[Judgement]:  # fmt: skip
    """Every judgement about the pairs: those that the folder holds already, and the rest asked for and appended to it.

    ``about`` says who judges and what; a folder of another judge or other runs is refused. Raises ConfigError,
    TaskError, and ClientError where the judge cannot be reached at all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _same_judge(folder / "judge.json", about)
    path = folder / "judgements.jsonl"
    known = {(one.id, one.question): one for one in _read(path) if not (retry_failed and one.verdict is None)}
    questions: tuple[Question, ...] = ("ab", "ba", "a", "b") if ratings else ("ab", "ba")
    wanted = [(pair, question) for pair in pairs for question in questions]
    open_ones = [(pair, question) for pair, question in wanted if (pair.id, question) not in known]
    with path.open("a", encoding="utf-8") as file:
        for start in range(0, len(open_ones), AT_ONCE):
            group = open_ones[start : start + AT_ONCE]
            replies = judge.generate([_conversation(*one) for one in group], max_new_tokens=ANSWER_TOKENS)
            for (pair, question), reply in zip(group, replies, strict=True):
                judgement = _judgement(pair, question, reply)
                known[pair.id, question] = judgement
                file.write(json.dumps(judgement.to_dict(), ensure_ascii=False) + "\n")
            file.flush()
            if progress is not None:
                progress(len(wanted) - len(open_ones) + start + len(group), len(wanted))
    return [known[pair.id, question] for pair, question in wanted]


def _conversation(pair: Pair, question: Question) -> tuple[Turn, ...]:
    same = {"task": pair.task, "question": pair.question, "reference": pair.reference, "medium": "a picture or scan"}
    if question in ("a", "b"):
        return messages("rating", same | {"answer": pair.a if question == "a" else pair.b}, media=pair.media)
    first, second = (pair.a, pair.b) if question == "ab" else (pair.b, pair.a)
    return messages("pair", same | {"first": first, "second": second}, media=pair.media)


def _judgement(pair: Pair, question: Question, reply: Reply) -> Judgement:
    verdict: str | float | None = None
    trouble = reply.trouble
    if not trouble:
        if question in ("a", "b"):
            verdict = rating(reply.text)
        elif place := ranks(reply.text):
            first, second = ("a", "b") if question == "ab" else ("b", "a")
            verdict = {"first": first, "second": second, "tie": "tie"}[place]
        if verdict is None:
            trouble = "the first line holds no verdict"
    return Judgement(pair.id, pair.group, question, verdict, reply.text, trouble)


def _same_judge(path: Path, about: Mapping[str, Any]) -> None:
    """Write who judges what into judge.json, or make sure that it says the same."""
    now = json.loads(json.dumps(dict(about) | {"prompts": {kind: prompt_hash(kind) for kind in ("pair", "rating")}}))
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        if changed := [key for key in now if before.get(key) != now[key]]:
            raise ConfigError(
                f"{path} is of another judging: {', '.join(changed)} differ. Choose another folder with --out."
            )
        return
    path.write_text(json.dumps(now, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _read(path: Path) -> Iterator[Judgement]:
    """The judgements kept so far; a torn last line, as a kill leaves it, is cut off."""
    if not path.is_file():
        return
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    for values in json_lines(path, refused=TaskError):
        try:
            yield Judgement(**values)
        except TypeError as error:
            raise TaskError(f"{path} holds something that is no judgement ({error}).") from error
