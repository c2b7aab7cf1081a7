"""What happens to jobs and requests, for whoever counts it."""

from __future__ import annotations


class Observer:
    """Is called when something happens to a job or a request; `engine` is the engine's name.

    This one does nothing.
    """

    def waited(self, engine: str, seconds: float, *, batch: bool) -> None:
        """Count the seconds that a request waited for its first job to begin."""

    def cancelled(self, engine: str) -> None:
        """Count a job that was stopped because nobody wanted the rest."""

    def retried(self, engine: str, reason: str) -> None:
        """Count a job that is tried again, because it was "lost" with its worker, or had "run away"."""

    def refused(self, engine: str, reason: str) -> None:
        """Count a request that was refused, because of "overloaded" or "deadline"."""
