"""Outputs for measurements that call an engine in this very process, as a worker does."""

from __future__ import annotations

from collections.abc import Callable

from engines.api import Word


class Hearing:
    """An output that passes audio to a function, and keeps words."""

    def __init__(self, hear: Callable[[bytes], object] = lambda _: None) -> None:
        self._hear = hear
        self.words: list[Word] = []

    def audio(self, pcm: bytes) -> None:
        """Pass audio on."""
        self._hear(pcm)

    def word(self, word: Word) -> None:
        """Keep a word."""
        self.words.append(word)

    def beat(self, progress: float | None = None) -> None:
        """Take a sign."""
