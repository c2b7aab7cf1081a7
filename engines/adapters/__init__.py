"""Adapters: one folder for each engine, imported in its worker process only."""
