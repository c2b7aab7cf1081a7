"""A request's standing among the others: whose it is, how urgent, and how much audio it has in hand.

A stream is taken to be played while it is made, from its first audio on. What it has in hand ("slack") is the
audio made so far less the time that has gone by since; where the reader takes its time, it is at least what
is made and not yet taken.
"""

from __future__ import annotations

import itertools

import msgspec

LEAST_LEFT = 1.0
"""seconds of audio that a stream which has not ended is taken to need still, where its length was
underestimated
"""

NEVER = 1e9
"""a moment of the monotonic clock that does not come; unlike infinity it travels as JSON"""

_numbers = itertools.count(1)


class RequestTerms(msgspec.Struct, frozen=True):
    """What is known of a request before any of it is made."""

    caller: str = ""
    """whoever shares a turn: the API key's name, or the caller's address"""
    batch: bool = False
    """nobody waits for it: it goes behind those that somebody does"""
    deadline: float = NEVER
    """moment of the monotonic clock by which its first work must have begun"""
    seconds: float = 0.0
    """how much audio it will come to, about"""


class StreamNeed(msgspec.Struct, eq=False):
    """A request under way; `made` and `ahead` are seconds of audio, `first` is when the first of it was made."""

    terms: RequestTerms
    number: int = msgspec.field(default_factory=lambda: next(_numbers))
    first: float | None = None
    made: float = 0.0
    ahead: float = 0.0

    def report(self, made: float, ahead: float, now: float) -> None:
        """Note how much has been made, and how much of it was not taken yet."""
        if self.first is None and made > 0:
            self.first = now
        self.made, self.ahead = made, ahead

    def slack(self, now: float) -> float:
        """Give the seconds of audio in hand; negative when the player has run dry."""
        return 0.0 if self.first is None else max(self.ahead, self.made - (now - self.first))

    def left(self) -> float:
        """Give the seconds of audio that are still to be made, about."""
        return max(LEAST_LEFT, self.terms.seconds - self.made)
