"""Offsets of a text that was rewritten: which stretch of what was written each stretch of it stands for.

All offsets are code points. What is known of a long text with many changes is kept in arrays of numbers: a
hundred thousand tuples would have the garbage collector hold all threads each time that it looks at them.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

MOST_PIECES = 2000
"""strings that are joined in one call, which holds all other threads"""


class TooLong(Exception):
    """A text would become longer by its edits than it may."""


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


class Replacements:
    """What in a rewritten text is not as it was written, in order."""

    __slots__ = ("_numbers",)
    WIDTH = 4

    def __init__(self, replaced: Iterable[Replaced] = ()) -> None:
        self._numbers = array("q")
        for one in replaced:
            self._numbers.extend(one)

    def add(self, start: int, end: int, original_start: int, original_end: int) -> None:
        """Add one behind the others."""
        self._numbers.extend((start, end, original_start, original_end))

    def __len__(self) -> int:
        return len(self._numbers) // self.WIDTH

    def __getitem__(self, place: int) -> Replaced:
        if not 0 <= place < len(self):
            raise IndexError(place)
        return Replaced(*self._numbers[self.WIDTH * place : self.WIDTH * (place + 1)])

    def __iter__(self) -> Iterator[Replaced]:
        return (self[place] for place in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Replacements) and self._numbers == other._numbers

    def __hash__(self) -> int:
        return hash(bytes(self._numbers))

    def begun_at(self, offset: int) -> int:
        """Return how many begin at an offset of the rewritten text or before."""
        return bisect_right(range(len(self)), offset, key=self._begin)

    def begun_before(self, offset: int) -> int:
        """Return how many begin before an offset of the rewritten text."""
        return bisect_left(range(len(self)), offset, key=self._begin)

    def _begin(self, place: int) -> int:
        return self._numbers[self.WIDTH * place]


class Rewritten(msgspec.Struct, frozen=True):
    """A text, and what in it is not as it was written."""

    text: str
    replaced: Replacements = msgspec.field(default_factory=Replacements)

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return the stretch of the text before that [start, end) stands for; what was replaced is covered
        whole.
        """
        start = min(max(start, 0), len(self.text))
        end = min(end, len(self.text))
        first = self._origin_of_start(start)
        return first, max(first, self._origin_of_end(end)) if end > start else first

    def _origin_of_start(self, offset: int) -> int:
        at = self.replaced.begun_at(offset) - 1
        if at < 0:
            return offset
        _, end, original_start, original_end = self.replaced[at]
        return original_start if offset < end else original_end + offset - end

    def _origin_of_end(self, offset: int) -> int:
        at = self.replaced.begun_before(offset) - 1
        if at < 0:
            return offset
        _, end, _, original_end = self.replaced[at]
        return original_end + max(0, offset - end)


class Rewriting:
    """A text that is rewritten in several steps, each of which edits what the one before left.

    `longest` is how many code points it may become; a step that goes beyond is given up. Raises TooLong then.
    """

    def __init__(self, text: str, longest: int = sys.maxsize) -> None:
        self.text = text
        self._longest = longest
        self._steps: list[Rewritten] = []

    def apply(self, edits: Iterable[Edit]) -> None:
        """Make one step: edits in order, none over another."""
        step = rewrite(self.text, self._bounded(edits))
        if step.replaced:
            self._steps.append(step)
            self.text = step.text

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return the stretch of the first text that [start, end) stands for."""
        for step in reversed(self._steps):
            start, end = step.original(start, end)
        return start, end

    def _bounded(self, edits: Iterable[Edit]) -> Iterator[Edit]:
        length = len(self.text)
        for edit in edits:
            length += len(edit.text) - (edit.end - edit.start)
            if length > self._longest and edit.text:
                raise TooLong
            yield edit


def rewrite(text: str, edits: Iterable[Edit]) -> Rewritten:
    """Return a text with other words for some stretches, given in order, none over another."""
    joined: list[str] = []
    pieces: list[str] = []
    replaced = Replacements()
    behind = shift = 0
    for start, end, new in edits:
        if text[start:end] == new:
            continue
        pieces += text[behind:start], new
        replaced.add(start + shift, start + shift + len(new), start, end)
        shift += len(new) - (end - start)
        behind = end
        if len(pieces) >= MOST_PIECES:
            joined.append("".join(pieces))
            pieces.clear()
    return Rewritten("".join((*joined, *pieces, text[behind:])), replaced) if replaced else Rewritten(text)
