"""Engines: what speaks and what listens, each in a worker process of its own."""
