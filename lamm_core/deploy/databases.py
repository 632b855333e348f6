"""A database as one file of rows and back: SQLite by its online copy, PostgreSQL by a snapshot of every table.

Does not know the tables. Both are read as they are at one moment, while others go on writing.
"""

from __future__ import annotations

import json
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lamm_core.errors import DeployError

__all__ = ["bring_back", "copy_out", "is_empty", "sqlite_file"]

_SCHEMA = "schema.json"
_EXTENSIONS = "extensions.json"


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite URL; None for PostgreSQL. Raises DeployError for another kind."""
    kind = url.partition(":")[0]
    if kind == "sqlite":
        return Path(url.removeprefix("sqlite:///"))
    if kind.startswith("postgresql"):
        return None
    raise DeployError(f"{kind} is no database that can be copied; reviews are kept in SQLite or PostgreSQL.")


def copy_out(url: str, out: Path) -> None:
    """Copy the database at ``url`` as it is now into the file ``out``. Raises DeployError."""
    file = sqlite_file(url)
    if file is None:
        _copy_postgresql(url, out)
        return
    if not file.is_file():
        raise DeployError(f"There is no review database at {file}. LAMM_REVIEW_DB or LAMM_CACHE says where it is.")
    try:
        # In one step: a writer that commits between two steps would make it begin anew, again and again.
        with closing(sqlite3.connect(file, timeout=60)) as source, closing(sqlite3.connect(out)) as target:
            source.backup(target, pages=-1)
            target.execute("PRAGMA journal_mode=DELETE").close()
            _require_sound(target, out)
    except sqlite3.Error as error:
        raise DeployError(f"{file} could not be copied: {error}.") from error


def is_empty(url: str) -> bool:
    """Whether nothing is at ``url`` that bringing a copy back would replace."""
    file = sqlite_file(url)
    if file is not None:
        return not file.exists()
    with _connected(url) as connection:
        return not _tables(connection)


def bring_back(copy: Path, url: str) -> None:
    """Make the database at ``url`` what the copy holds, in one transaction. Raises DeployError."""
    file = sqlite_file(url)
    if file is None:
        _restore_postgresql(copy, url)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Into the file that is there, where there is one: whoever has it open then sees the copy, and no mixture.
        with closing(sqlite3.connect(copy)) as source, closing(sqlite3.connect(file, timeout=60)) as target:
            _require_sound(source, copy)
            source.backup(target, pages=-1)
    except sqlite3.Error as error:
        raise DeployError(f"{file} could not be written: {error}.") from error


def _require_sound(connection: sqlite3.Connection, file: Path) -> None:
    (found,) = connection.execute("PRAGMA quick_check").fetchone()
    if found != "ok":
        raise DeployError(f"{file} is damaged: {found}. Take another copy.")


# PostgreSQL: the statements that make the tables, and the rows of each as COPY writes them, in a ZIP.


def _copy_postgresql(url: str, out: Path) -> None:
    with _connected(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        tables = _tables(connection)
        schema = {table: _made_by(connection, table) for table in tables}
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(_SCHEMA, json.dumps(schema, indent=1))
            archive.writestr(_EXTENSIONS, json.dumps(_extensions(connection)))
            for table in tables:
                with (
                    archive.open(f"{table}.copy", "w", force_zip64=True) as rows,
                    connection.cursor().copy(_sql("COPY {} TO STDOUT", table)) as read,
                ):
                    for part in read:
                        rows.write(part)


def _restore_postgresql(copy: Path, url: str) -> None:
    try:
        archive = zipfile.ZipFile(copy)
        schema, extensions = (json.loads(archive.read(name)) for name in (_SCHEMA, _EXTENSIONS))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DeployError(f"{copy.name} is no copy of a PostgreSQL database. Was it made from SQLite?") from error
    with archive, _connected(url) as connection:
        for extension in extensions:
            connection.execute(_sql("CREATE EXTENSION IF NOT EXISTS {}", extension))
        for table in _tables(connection):
            connection.execute(_sql("DROP TABLE {} CASCADE", table))
        for table, made in schema.items():
            connection.execute(made["table"])
            copying = connection.cursor().copy(_sql("COPY {} FROM STDIN", table))
            with copying as write, archive.open(f"{table}.copy") as rows:
                while part := rows.read(1 << 20):
                    write.write(part)
            for statement in made["after"]:
                connection.execute(statement)


def _made_by(connection: Any, table: str) -> dict[str, Any]:
    """The statements that make a table, and those that follow once its rows are there."""
    columns = connection.execute(
        """SELECT quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
                  pg_get_expr(d.adbin, d.adrelid)
           FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
           WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum""",
        [f'"{table}"'],
    ).fetchall()
    lines, after = [], []
    for name, kind, required, identity, default in columns:
        counted = {"a": " GENERATED ALWAYS AS IDENTITY", "d": " GENERATED BY DEFAULT AS IDENTITY"}.get(identity, "")
        plain = f" DEFAULT {default}" if default and not identity else ""
        lines.append(f"{name} {kind}{counted}{plain}{' NOT NULL' if required else ''}")
        if identity:
            # The name comes from the database's own catalogue, quoted where it has to be.
            last = _sql(f"SELECT coalesce(max({name}), 0) + 1 FROM {{}}", table)  # nosec B608
            (at,) = connection.execute(last).fetchone()
            after.append(f'ALTER TABLE "{table}" ALTER COLUMN {name} RESTART WITH {at}')
    constraints = connection.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('p', 'u')",
        [f'"{table}"'],
    ).fetchall()
    lines += [found for (found,) in constraints]
    indexes = connection.execute(
        """SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass
           AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)""",
        [f'"{table}"'],
    ).fetchall()
    return {"table": f'CREATE TABLE "{table}" ({", ".join(lines)})', "after": after + [found for (found,) in indexes]}


def _tables(connection: Any) -> list[str]:
    found = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
    ).fetchall()
    return [name for (name,) in found]


def _extensions(connection: Any) -> list[str]:
    """Those that indexes may need; plpgsql is in every database."""
    found = connection.execute("SELECT extname FROM pg_extension ORDER BY extname").fetchall()
    return [name for (name,) in found if name != "plpgsql"]


def _sql(text: str, name: str) -> Any:
    from psycopg import sql

    return sql.SQL(text).format(sql.Identifier(name))


@contextmanager
def _connected(url: str) -> Iterator[Any]:
    """A transaction on a PostgreSQL database; what goes wrong is told without its password."""
    import psycopg

    address = "postgresql:" + url.split(":", 1)[1]
    try:
        with psycopg.connect(address, connect_timeout=10) as connection:
            yield connection
    except psycopg.OperationalError as error:
        host = urlsplit(address).hostname or "the local socket"
        raise DeployError(f"The database at {host} does not answer: {error}") from error
    except psycopg.Error as error:
        raise DeployError(f"The database refused: {error}") from error
