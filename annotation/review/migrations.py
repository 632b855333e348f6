"""The steps that make the database what it is: appended to, never changed.

Does not know what the tables are for. Plain SQL that SQLite and PostgreSQL both read; ``{number}`` is how each counts
upwards without ever using a number twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, insert, inspect, select, update
from sqlalchemy.exc import DBAPIError

from annotation.review.tables import schema
from lamm_core.errors import AnnotationError

__all__ = ["MIGRATIONS", "migrate"]

logger = logging.getLogger(__name__)
NUMBER = {
    "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "postgresql": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}
LOCK = 0x1A33_5EED  # of PostgreSQL, held while migrating; any number that nobody else uses


def _first(connection: Connection) -> None:
    _run(
        connection,
        """CREATE TABLE items (
            id TEXT PRIMARY KEY, kind TEXT NOT NULL, source TEXT NOT NULL, source_id TEXT NOT NULL,
            turns TEXT NOT NULL, annotation TEXT NOT NULL, checks TEXT NOT NULL, prompt_hash TEXT NOT NULL,
            generator TEXT NOT NULL, expected_error DOUBLE PRECISION NOT NULL, created DOUBLE PRECISION NOT NULL)""",
        """CREATE TABLE events (
            number {number}, item TEXT NOT NULL, actor TEXT NOT NULL, at DOUBLE PRECISION NOT NULL,
            action TEXT NOT NULL, from_version INTEGER NOT NULL, to_version INTEGER NOT NULL, reason TEXT NOT NULL,
            seconds DOUBLE PRECISION NOT NULL, payload TEXT NOT NULL, batch TEXT NOT NULL)""",
        "CREATE INDEX events_of_item ON events (item, number)",
        "CREATE INDEX events_of_actor ON events (actor, number)",
        "CREATE INDEX events_of_batch ON events (batch, number) WHERE batch <> ''",
        """CREATE TABLE states (
            item TEXT PRIMARY KEY, version INTEGER NOT NULL, status TEXT NOT NULL, kind TEXT NOT NULL,
            source TEXT NOT NULL, expected_error DOUBLE PRECISION NOT NULL, added BIGINT NOT NULL,
            event BIGINT NOT NULL, turns TEXT, boxes TEXT, reason TEXT NOT NULL, note TEXT NOT NULL,
            decided_by TEXT NOT NULL, decided DOUBLE PRECISION, blind INTEGER NOT NULL, second TEXT NOT NULL)""",
        "CREATE INDEX states_by_error ON states (status, expected_error DESC, added)",
        "CREATE INDEX states_by_age ON states (status, added)",
        "CREATE INDEX states_shuffled ON states (status, item)",
        "CREATE INDEX states_of_kind ON states (kind, status, expected_error DESC, added)",
        "CREATE INDEX states_of_source ON states (source, status, expected_error DESC, added)",
        "CREATE INDEX states_decided ON states (decided_by, decided)",
        "CREATE INDEX states_second ON states (second, decided_by) WHERE second <> ''",
        """CREATE TABLE opinions (
            item TEXT PRIMARY KEY, actor TEXT NOT NULL, event BIGINT NOT NULL, at DOUBLE PRECISION NOT NULL,
            status TEXT NOT NULL, reason TEXT NOT NULL, note TEXT NOT NULL, turns TEXT, boxes TEXT)""",
        """CREATE TABLE leases (
            item TEXT PRIMARY KEY, holder TEXT NOT NULL, since DOUBLE PRECISION NOT NULL,
            until DOUBLE PRECISION NOT NULL, second INTEGER NOT NULL)""",
        "CREATE INDEX leases_of_holder ON leases (holder)",
        "CREATE TABLE findings (name TEXT NOT NULL, item TEXT NOT NULL, PRIMARY KEY (name, item))",
        "CREATE TABLE texts (item TEXT PRIMARY KEY, text TEXT NOT NULL)",
    )


def _second_opinions_by_state(connection: Connection) -> None:
    """Partial indexes whose condition the statements repeat to the letter; the general one was passed over."""
    _run(
        connection,
        "DROP INDEX states_second",
        "CREATE INDEX states_wanted ON states (decided_by) WHERE second = 'wanted'",
        "CREATE INDEX states_disagreed ON states (item) WHERE second = 'disagreed'",
    )


def _words(connection: Connection) -> None:
    """An index of what is said, by three letters at a time, so that any part of a word is found.

    SQLite's is a table of its own without the texts, kept by triggers; rows of ``texts`` have no number that stays, so
    it takes that of the event which added the item. PostgreSQL's needs pg_trgm, which comes with it and which whoever
    may create in a database may switch on; where that is refused, words are looked for by reading.
    """
    if connection.dialect.name == "sqlite":
        old, new = (f"(SELECT added FROM states WHERE item = {row}.item)" for row in ("old", "new"))  # nosec B608 - ours
        put = f"INSERT INTO words (rowid, text) VALUES ({new}, new.text);"  # nosec B608 - no words but ours
        drop = f"INSERT INTO words (words, rowid, text) VALUES ('delete', {old}, old.text);"  # nosec B608 - the same
        _run(
            connection,
            "CREATE VIRTUAL TABLE words USING fts5 (text, content = '', tokenize = 'trigram case_sensitive 1')",
            "INSERT INTO words (rowid, text) SELECT added, text FROM texts JOIN states USING (item)",
            f"CREATE TRIGGER words_put AFTER INSERT ON texts BEGIN {put} END",
            f"CREATE TRIGGER words_drop AFTER DELETE ON texts BEGIN {drop} END",
            f"CREATE TRIGGER words_change AFTER UPDATE OF text ON texts BEGIN {drop} {put} END",
        )
        return
    try:
        with connection.begin_nested():
            connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            connection.exec_driver_sql("CREATE INDEX texts_words ON texts USING gin (text gin_trgm_ops)")
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        logger.warning("Searching will be slow: %s", str(error.orig).strip())


MIGRATIONS: Sequence[Callable[[Connection], None]] = (_first, _second_opinions_by_state, _words)


def migrate(connection: Connection, *, steps: Sequence[Callable[[Connection], None]] = MIGRATIONS) -> int:
    """Take the steps that this database has not taken, in the transaction that is open; the version it is at then.

    Raises AnnotationError for a database that a newer program wrote.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
    if not inspect(connection).has_table(schema.name):
        connection.exec_driver_sql(f"CREATE TABLE {schema.name} (version INTEGER PRIMARY KEY)")
        connection.execute(insert(schema).values(version=0))
    version = connection.execute(select(schema.c.version)).scalar_one()
    if version > len(steps):
        raise AnnotationError(
            f"The review database is of version {version} and this program knows {len(steps)}. "
            "Update the program, or open another database."
        )
    for step in steps[version:]:
        step(connection)
    connection.execute(update(schema).values(version=len(steps)))
    return len(steps)


def _run(connection: Connection, *statements: str) -> None:
    number = NUMBER[connection.dialect.name]
    for statement in statements:
        connection.exec_driver_sql(statement.replace("{number}", number))
