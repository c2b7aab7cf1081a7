"""Alembic runs this file. The connection comes from `voices.storage.database`, which holds the
transaction.
"""

from __future__ import annotations

from alembic import context

from voices.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
context.run_migrations()
