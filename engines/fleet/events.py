"""What happens to jobs, for whoever counts it."""

from __future__ import annotations


class Observer:
    """Hears of what happens; this one does nothing with it. `engine` is the engine's name."""

    def waited(self, engine: str, seconds: float, *, batch: bool) -> None:
        """Hear that a request waited so long, in seconds, for its first work to begin."""

    def cancelled(self, engine: str) -> None:
        """Hear that a job was stopped because nobody wanted the rest."""

    def retried(self, engine: str, reason: str) -> None:
        """Hear that a job is made again: "lost" with its worker, or "run away"."""

    def refused(self, engine: str, reason: str) -> None:
        """Hear that a request was turned away: "overloaded" or "deadline"."""
