"""Streams that are played while they come: how many at once without one that runs dry, and what memory each
takes.

Open loop: streams begin at a set rate, whether earlier ones do well or not. The player reads opus, begins
once it has 0.2 s of sound, and has run dry when it needs a packet that is not there; it keeps no more than 2
s in hand and then stops reading. How much sound has come is told by the granule positions of whole Ogg pages
(RFC 7845).
"""

from __future__ import annotations

import asyncio
import struct
import time
from contextlib import nullcontext

from bench import texts
from bench.figures import Figure
from bench.target import ESPEAK, Target, own
from bench.wire import Connection, speech

WARM_UP = 10
STEPS = (100, 300, 400)
BEGIN_SECONDS, PLAY_SECONDS = 6.0, 8.0
SENTENCES = 6
PREBUFFER, MOST_IN_HAND, TICK = 0.2, 2.0, 0.05
OPUS_RATE = 48_000


async def run(target: Target) -> list[Figure]:
    """Play more and more at once, until one runs dry; on a new server of our own, as memory counts from where
    it begins.
    """
    with own(ESPEAK) if target.pid else nullcontext(target) as served:
        return await _steps(served)


async def _steps(target: Target) -> list[Figure]:
    figures: list[Figure] = []
    best = 0
    await _play(target, WARM_UP)
    before = total_resident(target)
    for streams in STEPS:
        players, memory = await _play(target, streams)
        dry = sum(1 for player in players if player.underruns or player.failed)
        figures.append(Figure("realtime players", f"{streams} streams, of which ran dry or failed", dry, ""))
        if before is not None and memory is not None:
            each = (memory - before) * 1024 / streams
            figures.append(
                Figure(
                    "realtime players",
                    f"{streams} streams, memory of each, gateway and encoders",
                    round(each),
                    "kB",
                    "at most 300",
                )
            )
        if dry:
            break
        best = streams
    figures.append(Figure("realtime players", "streams without an underrun", best, "", "at least 300"))
    return figures


def total_resident(target: Target) -> float | None:
    """Return the resident memory of gateway and encoders, in MB."""
    own = target.resident()
    return None if own is None else own + sum(target.resident(pid) or 0.0 for pid in target.encoders())


async def _play(target: Target, count: int) -> tuple[list[Player], float | None]:
    players = [Player(target, number) for number in range(count)]
    tasks = []
    ticking = asyncio.create_task(_tick(players))
    for player in players:
        tasks.append(asyncio.create_task(player.play()))
        await asyncio.sleep(BEGIN_SECONDS / count)
    await asyncio.sleep(PLAY_SECONDS)
    memory = total_resident(target)
    ticking.cancel()
    for player, task in zip(players, tasks, strict=True):
        player.connection.close()
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(1)
    return players, memory


async def _tick(players: list[Player]) -> None:
    while True:
        now = time.monotonic()
        for player in players:
            player.look(now)
        await asyncio.sleep(TICK)


class Player:
    """A player that asks for one stream and plays it as it comes."""

    def __init__(self, target: Target, number: int) -> None:
        self.connection = Connection(target)
        self.underruns = 0
        self.failed = False
        self._number = number
        self._pages = Pages()
        self._began = self._stalled = 0.0
        self._paused = self._ended = False

    async def play(self) -> None:
        """Send the request, and read the stream."""
        try:
            await self.connection.open()
            text = texts.paragraph(self._number, SENTENCES)
            await self.connection.ask(speech(text, "opus"), self._pages.feed)
            self._ended = True
        except OSError:
            self.failed = True
        self.failed = self.failed or self.connection.status != 200

    def look(self, now: float) -> None:
        """Advance playback to now, and note whether the player has run dry."""
        have = self._pages.seconds
        if not self._began:
            if have >= PREBUFFER or (self._ended and have):
                self._began = now
            return
        played = now - self._began - self._stalled
        if played > have:
            if not self._ended:
                self.underruns += not self.failed
                self._stalled += played - have
            return
        if have - played > MOST_IN_HAND and not self._paused and not self._ended:
            self._paused = True
            self.connection.pause()
        elif have - played < MOST_IN_HAND / 2 and self._paused:
            self._paused = False
            self.connection.resume()


class Pages:
    """Ogg pages as they come; `seconds` is how much sound the whole ones hold."""

    def __init__(self) -> None:
        self._waiting = b""
        self.seconds = 0.0

    def feed(self, data: bytes) -> None:
        """Add bytes of the stream."""
        self._waiting += data
        while len(self._waiting) >= 27:
            table = self._waiting[27 : 27 + self._waiting[26]]
            size = 27 + self._waiting[26] + sum(table)
            if len(table) < self._waiting[26] or len(self._waiting) < size:
                return
            (granule,) = struct.unpack_from("<q", self._waiting, 6)
            self.seconds = max(self.seconds, granule / OPUS_RATE)
            self._waiting = self._waiting[size:]
