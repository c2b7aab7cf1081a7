"""What is known of a stream among the others: whose it is, how urgent, and how much audio its player has.

A stream is taken to be played while it is made. Its slack is how long its player can go on with all that is
made, counting what it lost in stalls; where the reader takes its time, it is at least what is made and not
taken yet. The response reports what that number is made of (`streaming.pacing`), and everything that orders
streams goes by it: gate and schedule here, encoders and prefetch there.
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
    """who sent it: an API key's name, or an address"""
    batch: bool = False
    """nobody waits for it: it goes behind those that somebody waits for"""
    deadline: float = NEVER
    """moment of the monotonic clock by which its first job must have begun"""
    seconds: float = 0.0
    """how much audio it will come to, about"""
    load_deadline: float = 0.0
    """the moment that counts in place of `deadline`, where it is later, while the engine has to be loaded"""

    def last_moment(self, *, ready: bool) -> float:
        """Return the moment by which its first job must have begun, of an engine that is ready or is not."""
        return self.deadline if ready else max(self.deadline, self.load_deadline)

    def while_loading(self) -> RequestTerms:
        """Return the terms of a request that waits for its engine to be loaded first."""
        return msgspec.structs.replace(self, deadline=self.last_moment(ready=False))

    def later(self, seconds: float) -> RequestTerms:
        """Return the terms with so much more time: something took it that is not the engine's queue."""
        return msgspec.structs.replace(self, deadline=self.deadline + seconds)


class StreamNeed(msgspec.Struct, eq=False):
    """What a stream needs of its engine: how much audio is still to be made, and how soon."""

    terms: RequestTerms
    number: int = msgspec.field(default_factory=lambda: next(_numbers))
    """the stream's own, in this process"""
    made: float = 0.0
    """seconds of audio that are made"""
    ahead: float = 0.0
    """seconds of audio that are made, and not taken yet by the reader"""
    dry_at: float | None = None
    """moment of the monotonic clock at which the player will have played all of it; None while it does not
    play yet
    """
    home: object = None
    """the worker that had its last job, where the engine keeps something from one to the next"""
    stays: bool = False
    """it goes back to that worker where it is free"""

    def report(self, made: float, ahead: float, dry_at: float | None) -> None:
        """Note how far the response is, which alone knows when its player stalled."""
        self.made = made
        self.ahead = ahead
        self.dry_at = dry_at

    @property
    def begun(self) -> bool:
        """Whether some of its audio is made."""
        return self.made > 0

    def slack(self, now: float) -> float:
        """Return the seconds of audio in hand; 0 when the player has run dry, for however long.

        What a dry player lost is no audio that is still due: playback only shifts. Were it counted, one
        stream that hangs would keep all others out.
        """
        in_hand = self.made if self.dry_at is None else self.dry_at - now
        return max(0.0, self.ahead, in_hand)

    def left(self) -> float:
        """Return the seconds of audio that are still to be made, about."""
        return max(LEAST_LEFT, self.terms.seconds - self.made)
