"""Offsets of a text that was rewritten: which stretch of what was written each stretch of it stands for.

All offsets are code points.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import NamedTuple

import msgspec


class Edit(NamedTuple):
    """A stretch [start, end) of a text, and what stands in its place."""

    start: int
    end: int
    text: str


class Replaced(NamedTuple):
    """A stretch [start, end) of a rewritten text, and the one of the text before that it stands for."""

    start: int
    end: int
    original_start: int
    original_end: int


class Rewritten(msgspec.Struct, frozen=True):
    """A text, and what in it is not as it was written."""

    text: str
    replaced: tuple[Replaced, ...] = ()
    """in order"""

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return the stretch of the text before that [start, end) stands for; what was replaced is covered
        whole.
        """
        start = min(max(start, 0), len(self.text))
        end = min(end, len(self.text))
        first = self._origin_of_start(start)
        return first, max(first, self._origin_of_end(end)) if end > start else first

    def _origin_of_start(self, offset: int) -> int:
        at = bisect_right(self.replaced, offset, key=_begin) - 1
        if at < 0:
            return offset
        _, end, original_start, original_end = self.replaced[at]
        return original_start if offset < end else original_end + offset - end

    def _origin_of_end(self, offset: int) -> int:
        at = bisect_left(self.replaced, offset, key=_begin) - 1
        if at < 0:
            return offset
        _, end, _, original_end = self.replaced[at]
        return original_end + max(0, offset - end)


class Rewriting:
    """A text that is rewritten in several steps, each of which edits what the one before left."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._steps: list[Rewritten] = []

    def apply(self, edits: Iterable[Edit]) -> None:
        """Make one step: edits in order, none over another."""
        step = rewrite(self.text, edits)
        if step.replaced:
            self._steps.append(step)
            self.text = step.text

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return the stretch of the first text that [start, end) stands for."""
        for step in reversed(self._steps):
            start, end = step.original(start, end)
        return start, end


def rewrite(text: str, edits: Iterable[Edit]) -> Rewritten:
    """Return a text with other words for some stretches, given in order, none over another."""
    pieces: list[str] = []
    replaced: list[Replaced] = []
    behind = shift = 0
    for start, end, new in edits:
        if text[start:end] == new:
            continue
        pieces += text[behind:start], new
        replaced.append(Replaced(start + shift, start + shift + len(new), start, end))
        shift += len(new) - (end - start)
        behind = end
    return Rewritten("".join((*pieces, text[behind:])), tuple(replaced)) if replaced else Rewritten(text)


def _begin(replaced: Replaced) -> int:
    return replaced[0]
