"""A text that is rewritten in steps while each of its characters knows where in the caller's it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

Piece = tuple[str, int, int]
"""a character, and the stretch [start, end) of the caller's text that it stands for"""


class TracedText:
    """A text, its characters' origins with it."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces = list(pieces)
        self.text = "".join(character for character, _, _ in self._pieces)

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the stretch of the caller's text that [start, end) stands for; it must hold something."""
        stretch = self._pieces[start:end]
        return min(piece[1] for piece in stretch), max(piece[2] for piece in stretch)

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return the stretch where a stretch of the caller's text is now; an empty one where it is gone."""
        inside = [index for index, piece in enumerate(self._pieces) if start <= piece[1] and piece[2] <= end]
        return (inside[0], inside[-1] + 1) if inside else (0, 0)

    def replace(self, pattern: re.Pattern[str], write: Callable[[re.Match[str]], str]) -> TracedText:
        """Return the text with other words for what matches; each of theirs stands for all that matched."""

        def rewrite(match: re.Match[str]) -> list[Piece]:
            origin = self.origin(*match.span())
            return [(character, *origin) for character in write(match)]

        return self._rewrite(pattern, rewrite)

    def keep(self, pattern: re.Pattern[str], group: int) -> TracedText:
        """Return the text with no more than one group of what matches."""
        return self._rewrite(pattern, lambda match: self._pieces[slice(*match.span(group))])

    def space_after(self, pattern: re.Pattern[str]) -> TracedText:
        """Return the text with a space behind each match."""

        def rewrite(match: re.Match[str]) -> list[Piece]:
            pieces = self._pieces[slice(*match.span())]
            return [*pieces, (" ", pieces[-1][1], pieces[-1][2])]

        return self._rewrite(pattern, rewrite)

    def _rewrite(
        self, pattern: re.Pattern[str], rewrite: Callable[[re.Match[str]], list[Piece]]
    ) -> TracedText:
        pieces: list[Piece] = []
        position = 0
        for match in pattern.finditer(self.text):
            pieces += self._pieces[position : match.start()]
            pieces += rewrite(match)
            position = match.end()
        return TracedText([*pieces, *self._pieces[position:]]) if position else self
