"""Profiles, samples, consents, aliases, dictionaries and the audit."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "profiles",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("scope", sa.String(64), nullable=False),
        sa.Column("folded", sa.String(400), nullable=False),
        sa.Column("consent", sa.String(64), nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.UniqueConstraint("scope", "folded", name="one_name"),
    )
    op.create_table(
        "samples",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("profile", sa.String(64), sa.ForeignKey("profiles.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_samples_profile", "samples", ["profile"])
    op.create_table(
        "consents",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    _settings()


def _settings() -> None:
    op.create_table(
        "aliases",
        sa.Column("scope", sa.String(64), primary_key=True),
        sa.Column("folded", sa.String(400), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("target", sa.String(200), nullable=False),
    )
    op.create_table(
        "dictionaries",
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("profile", sa.String(64), nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("audit_of_profile", "audit", ["profile", "number"])
    op.create_table("library", sa.Column("id", sa.String(64), primary_key=True))
    op.execute(sa.text("INSERT INTO library (id) VALUES (:id)").bindparams(id=secrets.token_hex(16)))


def downgrade() -> None:
    """Take them away, with all that they hold."""
    for table in ("library", "audit", "dictionaries", "aliases", "consents", "samples", "profiles"):
        op.drop_table(table)
