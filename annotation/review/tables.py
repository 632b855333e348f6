"""The tables of the queue as SQLAlchemy knows them.

Does not know how they come to be: that is in the migrations, whose last state these mirror.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Integer, MetaData, Table, Text

__all__ = ["events", "findings", "items", "leases", "opinions", "schema", "states", "texts"]

metadata = MetaData()

# What came: never changed.
items = Table(
    "items",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("turns", Text, nullable=False),
    Column("annotation", Text, nullable=False),
    Column("checks", Text, nullable=False),
    Column("prompt_hash", Text, nullable=False),
    Column("generator", Text, nullable=False),
    Column("expected_error", Double, nullable=False),
    Column("created", Double, nullable=False),
)

# What happened: only ever appended to.
events = Table(
    "events",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("item", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("action", Text, nullable=False),
    Column("from_version", Integer, nullable=False),
    Column("to_version", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("payload", Text, nullable=False),
    Column("batch", Text, nullable=False),
)

# What follows from the events, kept so that a queue of a million answers at once.
states = Table(
    "states",
    metadata,
    Column("item", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("expected_error", Double, nullable=False),
    Column("added", BigInteger, nullable=False),
    Column("event", BigInteger, nullable=False),
    Column("turns", Text),
    Column("boxes", Text),
    Column("reason", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided", Double),
    Column("blind", Integer, nullable=False),
    Column("second", Text, nullable=False),
)
opinions = Table(
    "opinions",
    metadata,
    Column("item", Text, primary_key=True),
    Column("actor", Text, nullable=False),
    Column("event", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("turns", Text),
    Column("boxes", Text),
)

# Who has an item open. Gone without loss: it is only a courtesy, the version decides.
leases = Table(
    "leases",
    metadata,
    Column("item", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("until", Double, nullable=False),
    Column("second", Integer, nullable=False),
)

# For looking up: which checks complained, and what is said.
findings = Table(
    "findings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("item", Text, primary_key=True),
)
texts = Table(
    "texts",
    metadata,
    Column("item", Text, primary_key=True),
    Column("text", Text, nullable=False),
)
schema = Table("schema_version", metadata, Column("version", Integer, primary_key=True))
