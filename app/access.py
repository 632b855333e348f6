"""Who may do what: a role for whoever asks, checked before a service does anything, however it was reached.

Does not know the page nor how people sign in: ``who`` tells the name of whoever asks now. What the tables below do not
name, only an admin may do; what only an admin may do is written into the audit.
"""

from __future__ import annotations

import functools
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from app.audit import Audit
from lamm_core.deploy.people import ROLES, Person, Role
from lamm_core.errors import LammError, NotAllowedError

__all__ = ["DESK_RULES", "MACHINE", "RULES", "Access", "Asker", "Quota"]

Service = TypeVar("Service")
MACHINE = "this machine"  # who asks where nobody has to say who they are, and in threads of the program's own

# By service, what those may do who are no admins.
RULES: Mapping[str, Mapping[str, Role]] = {
    "training": {
        name: "viewer"
        for name in (
            "preset", "absent_data", "quick_check", "list", "folder", "why_not", "name_of", "size", "answers",
            "without_folder", "recipe_text", "command_of", "log", "places", "elsewhere", "planned_command",
            "data_files", "sample_lists", "left_out", "titles",
        )
    },
    "run_models": dict.fromkeys(("modalities", "suggestion", "jobs", "measured", "before", "beside"), "viewer"),
    "starter": {},
    "shelf": {"cards": "viewer", "card": "viewer", "status": "viewer", "wait": "viewer"},
    "marks": {"add": "reviewer", "waiting": "viewer"},
}  # fmt: skip
DESK_RULES: Mapping[str, Role] = {
    **dict.fromkeys(("look", "cloud", "counts", "search", "exchange", "disagreements", "progress"), "viewer"),
    **dict.fromkeys(
        ("open", "next", "decide", "undo", "renew", "release", "keep", "drop", "settle", "example", "import_marked",
         "preview", "accept_all", "undo_batch", "plan", "generation"),
        "reviewer",
    ),
}  # fmt: skip
_WRITTEN_DOWN = {"accept_all", "undo_batch", "import_marked"}  # of what reviewers do, what reaches many items
_READ_ONLY = {
    "data_files",
    "sample_lists",
    "source",
    "held_apart",
    "preview",
}  # of what only an admin may do, what starts and changes nothing


class Asker(NamedTuple):
    """Who asks: a name where they signed in, and an address to share a quota by where they did not."""

    name: str
    address: str = ""


class Quota:
    """At most ``most`` in ``seconds`` for each name; None: any number."""

    def __init__(self, most: int | None, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._seconds = seconds
        self._clock = clock
        self._used: dict[str, deque[tuple[float, int]]] = {}
        self._lock = threading.Lock()

    def take(self, name: str, amount: int = 1) -> float:
        """Seconds to wait, or 0 where the amount was taken."""
        if self.most is None:
            return 0.0
        with self._lock:
            now = self._clock()
            for known in [key for key, used in self._used.items() if used[-1][0] <= now - self._seconds]:
                del self._used[known]
            used = self._used.get(name, deque())
            while used and used[0][0] <= now - self._seconds:
                used.popleft()
            if sum(count for _, count in used) + amount > self.most:
                return used[0][0] + self._seconds - now if used else self._seconds
            used.append((now, amount))
            self._used[name] = used
            return 0.0


class Access:
    """Says who asks and how far they may go. ``role_of`` knows names; ``guests`` is the role of who has none."""

    def __init__(
        self,
        who: Callable[[], Asker | None],
        *,
        audit: Audit,
        role_of: Callable[[str], Role] = lambda name: "admin",
        guests: Role = "admin",
        questions: Quota | None = None,
    ) -> None:
        self._who = who
        self.audit = audit
        self._role_of = role_of
        self.guests = guests
        self._questions = questions or Quota(None, 3600)

    @property
    def asker(self) -> Person:
        """Who asks now, and their role. The program's own threads may do everything."""
        asker = self._who()
        if asker is None:
            return Person(MACHINE, "admin")
        if not asker.name:
            return Person("", self.guests)
        return Person(asker.name, self._role_of(asker.name))

    def require(self, role: Role, what: str) -> Person:
        """Who asks, if their role reaches so far. Raises NotAllowedError."""
        person = self.asker
        if ROLES.index(person.role) < ROLES.index(role):
            signed = f"{person.name} is {person.role}" if person.name else "you have not signed in"
            raise NotAllowedError(f"{_words(what)} needs the role {role}, and {signed}. Ask an admin for it.")
        return person

    def question(self) -> None:
        """Whoever asks a model something may. Raises NotAllowedError, also where their share is used up."""
        person, asker = self.require("viewer", "Asking a question"), self._who()
        wait = self._questions.take(person.name or (asker.address if asker else ""))
        if wait > 0:
            raise NotAllowedError(
                f"{self._questions.most} questions an hour are each person's share here. The next one can be asked in "
                f"{max(1, round(wait / 60))} min."
            )

    def act(self, role: Role, what: str, on: str, work: Callable[[], Any], *, written: bool) -> Any:
        """Carry out what needs a role; where ``written``, the audit says that it was done, refused or failed."""
        try:
            person = self.require(role, what)
        except NotAllowedError:
            self.audit.write(self.asker.name or "guest", what, on=on, outcome="refused")
            raise
        if not written:
            return work()
        try:
            done = work()
        except Exception as error:
            failed = str(error) if isinstance(error, LammError) else type(error).__name__
            self.audit.write(person.name, what, on=on, outcome=f"failed: {failed}")
            raise
        self.audit.write(person.name or "guest", what, on=on, outcome="done")
        return done

    def guard(self, kind: str, service: Service) -> Service:
        """The service with every method behind the rules of its ``kind``."""
        return cast(Service, _Guarded(self, kind, service))

    def desk(self, act: str, work: Callable[[], dict[str, Any]], *, on: str) -> dict[str, Any]:
        """Carry out an act of the review desk."""
        role = DESK_RULES.get(act, "admin")
        return cast(
            "dict[str, Any]",
            self.act(role, f"review.{act}", on, work, written=role == "admin" or act in _WRITTEN_DOWN),
        )


class _Guarded:
    """Stands before a service. Attributes that are no methods are handed out, and set, as they are."""

    def __init__(self, access: Access, kind: str, service: Any) -> None:
        self.__dict__.update(_access=access, _kind=kind, _service=service)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._service, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._service, name)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._service, name)
        if not callable(value):
            return value
        role = RULES[self._kind].get(name, "admin")

        @functools.wraps(value)
        def guarded(*values: Any, **named: Any) -> Any:
            on = next((str(one) for one in (named.get("title"), *values) if isinstance(one, str | Path)), "")
            return self._access.act(
                role, f"{self._kind}.{name}", on.split("\n")[0], lambda: value(*values, **named),
                written=role == "admin" and name not in _READ_ONLY,
            )  # fmt: skip

        return guarded


def _words(what: str) -> str:
    return what if " " in what else f"What you asked for ({what})"
