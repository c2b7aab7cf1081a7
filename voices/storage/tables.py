"""The tables of the database: a column for what records are looked up by, one JSON document for the rest."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

profiles = Table(
    "profiles",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("scope", String(64), nullable=False),
    Column("folded", String(400), nullable=False),
    Column("consent", String(64), nullable=False),
    Column("created", Double, nullable=False),
    Column("document", Text, nullable=False),
    UniqueConstraint("scope", "folded", name="one_name"),
)

samples = Table(
    "samples",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("profile", String(64), ForeignKey("profiles.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created", Double, nullable=False),
    Column("document", Text, nullable=False),
)

consents = Table(
    "consents",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("created", Double, nullable=False),
    Column("document", Text, nullable=False),
)

aliases = Table(
    "aliases",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("folded", String(400), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("target", String(200), nullable=False),
)

dictionaries = Table(
    "dictionaries",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("document", Text, nullable=False),
)

library = Table("library", metadata, Column("id", String(64), primary_key=True))
"""one row: the id with which this database's store of recordings is marked"""

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("profile", String(64), nullable=False),
    Column("time", Double, nullable=False),
    Column("document", Text, nullable=False),
    Index("audit_of_profile", "profile", "number"),
)
