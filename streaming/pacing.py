"""Pace one stream: how much audio its player has in hand, when it ran dry, how much to encode at once.

The reader is assumed to be a player that begins once it has 0.2 s of audio, and then plays without a stop
as long as there is any.
"""

from __future__ import annotations

from streaming.formats import OutputFormat

FIRST_CHUNK_SECONDS: dict[OutputFormat, float] = {
    "pcm": 0.025,
    "wav": 0.025,
    "opus": 0.03,
    "flac": 0.05,
    "mp3": 0.06,
    "aac": 0.1,
}
"""the first chunk is as short as the codec allows, since the reader waits for it: so much PCM makes the first
bytes of audio
"""
MIN_CHUNK_SECONDS = 0.04
MAX_CHUNK_SECONDS = 2.0
CHUNK_GROWTH = 2.0
SLACK_SHARE = 0.25
"""of the slack, which is the longest that a chunk is waited for"""
PLAYER_START_SECONDS = 0.2
"""what a player gathers before it begins"""
NOTHING = 1e-6
"""seconds of audio that are rounding"""
UNDERRUN_TOLERANCE_SECONDS = 0.001


class Pacing:
    """Counts the audio of one stream in seconds."""

    def __init__(self, format: OutputFormat = "opus") -> None:
        self._first_chunk = FIRST_CHUNK_SECONDS[format]
        self._chunk = self._first_chunk
        self.made = 0.0
        """seconds that are encoded"""
        self.ahead = 0.0
        """seconds that are encoded, and not read yet"""
        self.underruns = 0
        """how many times the player ran dry"""
        self._started: float | None = None
        """when the player began"""
        self._stalled = 0.0
        """seconds in which it had nothing to play"""

    @property
    def dry_at(self) -> float | None:
        """The moment at which the player will have played all that is made; None while it does not play yet.

        What it lost while it had nothing to play is in it: playing went on later by so much.
        """
        return None if self._started is None else self._started + self._stalled + self.made

    def slack(self, now: float) -> float:
        """Return the seconds of audio that the player has in hand; negative when it has run dry.

        The engines order streams by the same number: `engines.fleet.streams` has it of `made`, `ahead` and
        `dry_at`, as they are reported there.
        """
        in_hand = self.made if self.dry_at is None else self.dry_at - now
        return max(self.ahead, in_hand) if self.ahead > NOTHING else in_hand

    def next_chunk(self, now: float) -> tuple[float, float]:
        """Return the least and the most seconds to encode next: the more slack, the more."""
        if not self.made:
            return self._first_chunk, self._first_chunk
        least = max(MIN_CHUNK_SECONDS, SLACK_SHARE * self.slack(now))
        self._chunk = min(MAX_CHUNK_SECONDS, CHUNK_GROWTH * self._chunk)
        return min(least, self._chunk), self._chunk

    def record_made(self, seconds: float, now: float) -> None:
        """Count audio that was encoded, and an underrun if the player had run dry before."""
        late = -self.slack(now)
        if late > UNDERRUN_TOLERANCE_SECONDS:
            self.underruns += 1
            self._stalled += late
        self.made += seconds
        self.ahead += seconds
        if self._started is None and self.made >= PLAYER_START_SECONDS:
            self._started = now

    def record_read(self, seconds: float) -> None:
        """Count audio that the reader has read."""
        self.ahead = max(0.0, self.ahead - seconds)
