"""The store's schema through time: Alembic's environment, and a file for each step."""
