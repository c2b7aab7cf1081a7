"""Outputs for what nobody is to hear: a job that an engine does for itself while it loads."""

from __future__ import annotations

from engines.api import Output, Word


class Discarding:
    """An output of speech that nobody hears, which gives the signs of other work."""

    def __init__(self, out: Output) -> None:
        self._out = out

    def audio(self, pcm: bytes) -> None:
        """Drop audio."""
        self._out.beat()

    def word(self, word: Word) -> None:
        """Drop a word."""

    def beat(self, progress: float | None = None) -> None:
        """Say that the work goes on."""
        self._out.beat()
