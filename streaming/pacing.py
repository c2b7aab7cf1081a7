"""The clock of one stream: how far its reader is ahead, when it ran dry, and how much is worth encoding at
once.

The reader is taken to be a player that begins once it has 0.2 s of audio, and then plays without a stop as
long as there is any.
"""

from __future__ import annotations

from streaming.formats import OutputFormat

FIRST_SECONDS: dict[OutputFormat, float] = {
    "pcm": 0.025,
    "wav": 0.025,
    "opus": 0.03,
    "flac": 0.05,
    "mp3": 0.06,
    "aac": 0.1,
}
"""the first piece is as small as a codec allows, for it is what the reader waits for: from so much comes the
first sound
"""
SMALLEST_SECONDS = 0.04
LONGEST_SECONDS = 2.0
GROWTH = 2.0
SHARE = 0.25
"""of what the reader has in hand: no piece keeps it waiting for longer"""
PLAYER_SECONDS = 0.2
"""what a player gathers before it begins"""
NOTHING, TOLERANCE = 1e-6, 0.001


class Pacing:
    """Counts in seconds of audio: `made`, and `ahead`, what is made and not taken yet."""

    def __init__(self, format: OutputFormat = "opus") -> None:
        self._first = self._piece = FIRST_SECONDS[format]
        self.made = 0.0
        self.ahead = 0.0
        self.underruns = 0
        self._started: float | None = None
        self._stalled = 0.0

    @property
    def dry_at(self) -> float | None:
        """The moment at which the player will have played all that is made; None while it does not play yet.

        What it lost while it had nothing to play is in it: playing went on later by so much.
        """
        return None if self._started is None else self._started + self._stalled + self.made

    def slack(self, now: float) -> float:
        """Return the seconds of audio that the reader has in hand; negative when it has run dry.

        The engines order streams by the same number: `engines.fleet.streams` has it of `made`, `ahead` and
        `dry_at`, as they are reported there.
        """
        in_hand = self.made if self.dry_at is None else self.dry_at - now
        return max(self.ahead, in_hand) if self.ahead > NOTHING else in_hand

    def piece(self, now: float) -> tuple[float, float]:
        """Give the least and the most that should be encoded next: more, the more the reader has in hand."""
        if not self.made:
            return self._first, self._first
        allowed = max(SMALLEST_SECONDS, SHARE * self.slack(now))
        self._piece = min(LONGEST_SECONDS, GROWTH * self._piece)
        return min(allowed, self._piece), self._piece

    def add(self, seconds: float, now: float) -> None:
        """Note that so much was made, and whether the reader had run dry before."""
        late = -self.slack(now)
        if late > TOLERANCE:
            self.underruns += 1
            self._stalled += late
        self.made += seconds
        self.ahead += seconds
        if self._started is None and self.made >= PLAYER_SECONDS:
            self._started = now

    def taken(self, seconds: float) -> None:
        """Note that so much was taken."""
        self.ahead = max(0.0, self.ahead - seconds)
