"""Decide between several takes of one segment: which is sent, and whether another is worth making.

A recogniser has errors of its own, so a take whose transcript differs from its text is doubtful, not wrong.
What is missing in one take and there in another was lost by the engine: the first is proven bad. What is
missing in all of them is the recogniser's error or the engine's habit, and no reason for another take.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import msgspec

from streaming.text.duration import estimate_duration
from streaming.text.transcript_words import Difference, compare

SHORT_FACTOR = 2.0
"""audio of less than so many times the least that holds its text's letters was cut off..."""
LONG_FACTOR = 2.5
"""...and audio of more than so many times as much has something else in it"""
LENGTH_MARGIN = 1.0
"""seconds by which either must be missed too: short texts differ most"""
MOST_DEFECTS = 10_000
"""more than any take has: of one without audio"""

Fault = Literal["run away", "truncated", "too long", "too short", "failed"]
Result = Literal["clean", "mended", "doubtful", "unheard"]


class Take(msgspec.Struct, frozen=True):
    """What is known of one take."""

    seconds: float = 0.0
    """of audio"""
    defects: frozenset[Difference | Fault] = frozenset()
    misheard: int = 0
    """words in whose place another was heard"""
    heard: bool = False
    """whether there is a transcript of it"""
    usable: bool = True
    """whether there is whole audio that could be sent"""


class Attempts:
    """The takes of one segment, whose engine speaks `speed` times as fast as usual."""

    def __init__(self, text: str, speed: float = 1.0) -> None:
        self._text = text
        self._estimate = estimate_duration(text, speed=speed)
        self._takes: list[Take] = []
        self._is_final = False
        """whether further takes would be no better"""

    @property
    def count(self) -> int:
        """Return how many takes there are."""
        return len(self._takes)

    @property
    def best(self) -> int:
        """Return the number of the take to send: the one with the fewest defects.

        What all takes have does not matter in that, so no other of the earlier ones becomes the best later.
        """
        return min(range(len(self._takes)), key=self._badness)

    @property
    def best_is_usable(self) -> bool:
        """Return whether any take can be sent."""
        return self._takes[self.best].usable

    def add_failure(self, fault: Literal["run away", "failed"]) -> None:
        """Add a take that gave no whole audio; only running away may be chance."""
        self._takes.append(Take(defects=frozenset({fault}), usable=False))
        self._is_final = self._is_final or fault == "failed"

    def add(self, seconds: float, transcript: str | None, *, truncated: bool = False) -> None:
        """Add a take with its transcript, None where nothing could transcribe it."""
        defects: set[Difference | Fault] = set(self._length_faults(seconds))
        if truncated:
            defects.add("truncated")
        misheard = 0
        if transcript is not None:
            comparison = compare(self._text, transcript)
            defects |= comparison.differences
            misheard = comparison.misheard
        self._takes.append(Take(seconds, frozenset(defects), misheard, heard=transcript is not None))

    def add_repetition(self, number: int) -> None:
        """Add a take that is the same reading as another: further ones would be so too."""
        self._takes.append(self._takes[number])
        self._is_final = True

    def reason_for_another(self, most: int) -> str | None:
        """Return why another take is to be made, None where the best one is to be sent.

        `most` is how many there may be.
        """
        newest = self._takes[-1]
        is_decided = self._is_final or not newest.defects
        if is_decided or self.count >= most or (self.count > 1 and not self._proven(self._takes[self.best])):
            return None
        return _reason(newest)

    def result(self) -> Result:
        """Return what came of it: the best take is clean, better than the first, doubtful or unheard."""
        best = self._takes[self.best]
        if not best.heard:
            return "unheard"
        if best.defects:
            return "doubtful"
        return "mended" if self.best else "clean"

    @property
    def best_is_truncated(self) -> bool:
        """Return whether the take to send is far too short."""
        return "truncated" in self._takes[self.best].defects

    def _length_faults(self, seconds: float) -> Iterator[Fault]:
        usual = self._estimate.expected
        if seconds < SHORT_FACTOR * self._estimate.shortest and seconds + LENGTH_MARGIN < usual:
            yield "too short"
        if seconds > LONG_FACTOR * usual and seconds > usual + LENGTH_MARGIN:
            yield "too long"

    def _proven(self, take: Take) -> frozenset[Difference | Fault]:
        """Return the defects of a take that not all takes have."""
        known = [one.defects for one in self._takes if one.heard]
        return take.defects - frozenset.intersection(*known) if len(known) > 1 else take.defects

    def _badness(self, number: int) -> tuple[float, ...]:
        take = self._takes[number]
        if not take.usable:
            return (MOST_DEFECTS, 0, 0, number)
        length = abs(math.log(max(take.seconds, 0.01) / max(self._estimate.expected, 0.01)))
        return (len(take.defects), take.misheard, length, number)


def _reason(take: Take) -> str:
    """Return in words what is wrong with a take."""
    faults = sorted(defect for defect in take.defects if isinstance(defect, str))
    kinds = {defect.kind for defect in take.defects if isinstance(defect, Difference)}
    if faults:
        return faults[0]
    return " and ".join(kind for kind in ("missing", "added") if kind in kinds) + " words"
