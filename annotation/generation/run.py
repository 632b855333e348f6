"""A run of generation: sources to work, work to answers, answers to checked drafts, several requests under way at once.

Does not know clients or stores. It can be stopped or killed at any moment; the next run finds every paid answer in the
journal, makes the same drafts from them and goes on.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from annotation.checks import Checker
from annotation.generation.answers import SHAPES, Refused, Templates, parse
from annotation.generation.asker import Asker
from annotation.generation.client import ItemFailed, Reply
from annotation.generation.drafts import make, pairs_of, to_line
from annotation.generation.prices import BudgetSpent
from annotation.generation.prompt import prompt_for
from annotation.generation.recipe import Part, Recipe
from annotation.generation.run_files import RunFiles, State
from annotation.generation.slotting import SlotTask, require_slots, slot
from annotation.generation.work import POOL_ATTEMPTS, Settings, Work, pool_request, request_for, works
from annotation.review.items import Draft
from annotation.sources import Reading
from annotation.sources.source import Broken
from lamm_core.errors import DraftRejected, LammError

__all__ = ["Run"]

AHEAD = 3  # answers waiting for an earlier one, times the requests under way


@dataclass
class Run:
    """Makes the drafts of a recipe. ``on_draft`` gets each; ``stop`` ends it after the answers under way."""

    recipe: Recipe
    asker: Asker
    settings: Settings
    files: RunFiles
    data: Path | None = None
    concurrency: int = 4
    limit: int | None = None
    checker: Checker = field(default_factory=Checker)
    on_draft: Callable[[Draft], None] | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    _pools: dict[str, Templates] = field(default_factory=dict)
    _made: int = 0
    _waiting: int = 0

    def __call__(self) -> State:
        """Make all drafts; how it ended. Errors other than a spent budget are told in state.json and raised."""
        self._tell("running")
        try:
            with ThreadPoolExecutor(self.concurrency, thread_name_prefix="ask") as pool:
                for part in self.recipe.parts:
                    self._part(part, pool)
        except BudgetSpent as error:
            return self._end("budget", str(error))
        except LammError as error:
            self._end("failed", str(error))
            raise
        except KeyboardInterrupt:
            self.stop.set()
        return self._end("stopped" if self.stop.is_set() else "done")

    def _part(self, part: Part, pool: ThreadPoolExecutor) -> None:
        made = waiting = 0
        wanted = min(part.items or self.limit or 10**12, self.limit or 10**12)
        work = self._work(part)
        under_way: deque[tuple[Work, Future[Reply] | None]] = deque()
        ended = spent = None
        while True:
            free = len(under_way) < AHEAD * self.concurrency and not self.stop.is_set() and not spent
            if free and made + waiting < wanted and not ended:
                one = next(work, None)
                if one is None:
                    ended = True
                    continue
                under_way.append(
                    (one, None if one.task else pool.submit(self.asker.ask, request_for(one, self.settings)))
                )
                waiting += 1
                continue
            if not under_way:
                break
            one, answer = under_way.popleft()
            waiting -= 1
            try:
                made += self._take(one, answer)
            except BudgetSpent as error:
                spent = spent or error
            self._tell("running")
        if spent:
            raise spent

    def _work(self, part: Part) -> Iterator[Work]:
        opened = part.open(self.data)

        def broken(one: Broken) -> None:
            self.files.broken(dataset=part.source, place=one.place, reason=one.reason)

        yield from works(part, Reading(opened.items(), name=part.source, on_broken=broken))

    def _take(self, work: Work, answer: Future[Reply] | None) -> bool:
        """Make the draft of one answer; False where it was not taken."""
        about = {"kind": work.kind, "source_id": work.source.id}
        reply: Reply | None = None
        try:
            if work.task:
                draft = self._slotted(work, work.task)
            else:
                assert answer
                reply = answer.result()
                draft = self._answered(work, reply)
        except Refused as error:
            text = reply.text[:2000] if reply else ""
            self.files.rejected(error.reason, **about, detail=error.detail, text=text)
            return False
        except ItemFailed as error:
            self.files.failed(**about, reason=str(error))
            return False
        if draft is None:
            return False
        checks, expected = self.checker(draft, work.source)
        draft = replace(draft, checks=checks, expected_error=expected)
        self.files.draft(to_line(draft))
        self._made += 1
        if self.on_draft:
            self.on_draft(draft)
        return True

    def _answered(self, work: Work, reply: Reply) -> Draft:
        answer = parse(reply.text, reply.finish, SHAPES[work.kind], refusal=reply.refusal)
        prompt = prompt_for(work.kind, work.source.modality)
        return make(
            work.source, work.kind, pairs_of(answer), prompt_hash=prompt.hash, generator=reply.model,
            fingerprint=reply.fingerprint,
        )  # fmt: skip

    def _slotted(self, work: Work, task: SlotTask) -> Draft | None:
        pair = slot(task, self._pool(task), work.source, work.rng)
        if pair is None:
            return None
        prompt = prompt_for("C4", work.source.modality)
        return make(
            work.source, "C4", [pair], prompt_hash=prompt.hash, generator=self.settings.model, task_type=task.type
        )

    def _pool(self, task: SlotTask) -> Templates:
        """The templates of a task, asked for at its first pair. Raises DraftRejected where none are usable."""
        attempt = 0
        while task.name not in self._pools:
            reply = self.asker.ask(pool_request(task, self.settings, attempt=attempt))
            try:
                pool = parse(reply.text, reply.finish, Templates, refusal=reply.refusal)
                assert isinstance(pool, Templates)
                require_slots(task, pool)
            except Refused as error:
                what = {"kind": "C4", "source_id": f"templates of {task.name}"}
                self.files.rejected(error.reason, **what, detail=error.detail, text=reply.text[:2000])
                attempt += 1
                if attempt == POOL_ATTEMPTS:
                    raise DraftRejected(
                        f"The model wrote no usable templates for {task.name} in {attempt} attempts, the last because: "
                        f"{error.detail}. Try another model."
                    ) from error
            else:
                self._pools[task.name] = pool
        return self._pools[task.name]

    def _tell(self, state: State, message: str = "") -> None:
        asker = self.asker
        values: dict[str, Any] = {
            "recipe": self.recipe.name, "items": self._items(), "paid": asker.paid, "reused": asker.reused,
            "retried": asker.retried, "spent": asker.budget.spent, "budget": asker.budget.limit,
            "lost": asker.journal.lost, "model": self.settings.model,
        }  # fmt: skip
        self.files.state(state, values, message=message)

    def _items(self) -> int | None:
        if self.limit is None:
            return self.recipe.items
        return sum(min(self.limit, part.items or self.limit) for part in self.recipe.parts)

    def _end(self, state: State, message: str = "") -> State:
        self._tell(state, message)
        self.files.close()
        return state
