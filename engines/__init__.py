"""Engines: what synthesises and what transcribes speech, each in a worker process of its own."""
