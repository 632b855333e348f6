"""The connection to the database: SQLite or PostgreSQL, its transactions, and its failures in words.

Does not know what is stored.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from annotation.review.turnstile import Turnstile
from lamm_core.errors import AnnotationError

__all__ = ["Database", "QueueUnavailable"]

CONNECTIONS = 64  # at once; more threads than that wait for one
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # what was saved outlives a power cut
    "cache_size=-65536",  # KiB: the upper levels of the indexes of a million items
    "wal_autocheckpoint=8000",  # pages: filling a large queue rewrites each index page less often
    "temp_store=MEMORY",
)


class QueueUnavailable(AnnotationError):
    """The database is locked, gone or does not answer; nothing was saved, and the same act may succeed later."""


class Database:
    """An engine whose writing transactions are exclusive from their first statement on where the database wants that.

    ``url`` is SQLAlchemy's: ``sqlite:///reviews.db`` or ``postgresql://user@host/name``. ``patience`` is how many
    seconds a writer waits for others. Raises AnnotationError for a URL that is neither.
    """

    def __init__(self, url: str, *, patience: float = 30.0) -> None:
        self.url = _understood(url)
        self.patience = patience
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._file = Path(self.url.database) if self.is_sqlite and self.url.database else None
        self._identity: tuple[int, int] | None = None
        self._turnstile = Turnstile(self._file.with_name(self._file.name + ".lock")) if self._file else None
        self._open = threading.local()
        self.engine = _sqlite(self.url, patience) if self.is_sqlite else _postgresql(self.url, patience)

    @property
    def name(self) -> str:
        """How the database is called in messages: no password."""
        return str(self._file) if self._file else self.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database; inside a writing one of this thread, what that wrote."""
        outer: Connection | None = getattr(self._open, "connection", None)
        if outer is not None:
            yield outer
            return
        with self._in_words(), self.engine.connect() as connection, connection.begin():
            self._require_file()
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is carried out whole, at the end of the outermost block of this thread, or not at all."""
        outer: Connection | None = getattr(self._open, "connection", None)
        if outer is not None:
            yield outer
            return
        with self._in_words(), self._turn(), self.engine.connect() as plain:
            self._require_file()
            connection = plain.execution_options(writes=True)
            with connection.begin():
                self._open.connection = connection
                try:
                    yield connection
                finally:
                    del self._open.connection

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    def _turn(self) -> AbstractContextManager[None]:
        return self._turnstile.through(self.patience) if self._turnstile else nullcontext()

    def _require_file(self) -> None:
        """SQLite goes on writing into a file that was deleted under it, and all of that is lost."""
        if self._file is None:
            return
        try:
            status = self._file.stat()
        except OSError as error:
            self.engine.dispose()
            raise QueueUnavailable(
                f"The review database {self._file} is gone ({error.strerror}). Nothing was saved just now. "
                "Put the file back, or start the program again with another one."
            ) from error
        identity = (status.st_dev, status.st_ino)
        if self._identity is None:
            self._identity = identity
        elif self._identity != identity:
            self.engine.dispose()
            raise QueueUnavailable(
                f"The review database {self._file} was replaced by another file while it was open. Nothing was saved "
                "just now. Start the program again to go on with the new file."
            )

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as error:
            raise QueueUnavailable(
                f"The review database {self.name} is busy: all {CONNECTIONS} connections are taken. Nothing was saved "
                "just now; try again in a moment."
            ) from error
        except DBAPIError as error:
            raise QueueUnavailable(self._explained(str(error.orig), lost=error.connection_invalidated)) from error
        except TimeoutError as error:
            raise QueueUnavailable(self._explained("locked")) from error
        except OSError as error:
            raise QueueUnavailable(self._explained(f"unable to open: {error.strerror}")) from error

    def _explained(self, text: str, *, lost: bool = False) -> str:
        reason = text.strip().split("\n")[0]
        low = reason.lower()
        if "locked" in low or "lock timeout" in low or "busy" in low:
            return (
                f"The review database {self.name} has been locked by another program for over {self.patience:g} "
                "seconds. Nothing was saved just now and nothing saved before is lost. Close what has it open, then "
                "try again."
            )
        if "unable to open" in low or "readonly" in low or "read-only" in low:
            return (
                f"The review database {self.name} cannot be written to ({reason}). Nothing was saved just now. See "
                "that its folder exists and is yours to write to, then try again."
            )
        if "full" in low or "no space" in low:
            return f"The disk of {self.name} is full. Nothing was saved just now. Make room, then try again."
        if "malformed" in low or "not a database" in low:
            return (
                f"{self.name} is damaged or no review database ({reason}). Open another file, or bring back a copy "
                "of this one."
            )
        if lost or "connect" in low or "terminating" in low or "server closed" in low:
            return (
                f"The review database {self.name} does not answer ({reason}). Nothing was saved just now and nothing "
                "saved before is lost. Start the server or mend the connection, then try again."
            )
        return f"The review database {self.name} refused: {reason}. Nothing was saved just now."


def _understood(text: str) -> URL:
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError) as error:
        raise AnnotationError(f"{text!r} is no database URL. Give sqlite:///FILE or postgresql://HOST/NAME.") from error
    if backend not in ("sqlite", "postgresql"):
        raise AnnotationError(f"Reviews are kept in SQLite or PostgreSQL, not in {backend}. Give sqlite:///FILE.")
    if backend == "sqlite" and (not url.database or url.database == ":memory:"):
        raise AnnotationError("Reviews are kept in a file: give sqlite:///FILE.")
    return url.set(drivername="postgresql+psycopg") if backend == "postgresql" else url


def _sqlite(url: URL, patience: float) -> Engine:
    engine = create_engine(
        url, connect_args={"timeout": patience, "check_same_thread": False}, pool_size=CONNECTIONS, max_overflow=0
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say, below
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: URL, patience: float) -> Engine:
    options = f"-c lock_timeout={int(patience * 1000)}"
    return create_engine(
        url, connect_args={"options": options, "connect_timeout": 10}, pool_size=CONNECTIONS, max_overflow=0,
        pool_pre_ping=True,
    )  # fmt: skip
