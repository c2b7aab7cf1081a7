"""Playing audio with a player that is installed on this machine."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec

from gateway.cli.output import Failure
from streaming.formats import OutputFormat


class Player(msgspec.Struct, frozen=True):
    """A program that plays its standard input."""

    name: str
    arguments: tuple[str, ...]
    formats: tuple[OutputFormat, ...] = ()
    """formats that it plays, best first; empty means any"""


PLAYERS = (
    Player("ffplay", ("-nodisp", "-autoexit", "-loglevel", "error", "-i", "-"), ()),
    Player("mpv", ("--no-terminal", "--no-video", "-"), ()),
    Player("pw-play", ("--format=s16", "--rate=24000", "--channels=1", "-"), ("pcm",)),
    Player("paplay", ("--raw", "--format=s16le", "--rate=24000", "--channels=1"), ("pcm",)),
    Player("aplay", ("-q", "-t", "raw", "-f", "S16_LE", "-r", "24000", "-c", "1", "-"), ("pcm",)),
    Player("play", ("-q", "-t", "raw", "-e", "signed", "-b", "16", "-r", "24000", "-c", "1", "-"), ("pcm",)),
)
SAVE_INSTEAD = "-o FILE saves it instead"
NO_SOUND = re.compile(
    r"cannot find card|Unknown PCM default|audio open failed|(?:Could not|Couldn't|cannot|failed to) open"
    r"(?:/initialize)? (?:the )?audio|no sound ?cards?|no default (?:output|audio) device|pa_context_connect"
    r"|Connection refused|audio open error|no such audio device",
    re.IGNORECASE,
)
"""what players and their libraries write where there is no sound card and no sound server"""
WriteAudio = Callable[[bytes], Awaitable[None]]


def choose_player(audio_format: OutputFormat | None) -> tuple[Player, OutputFormat]:
    """Return a player that is installed, and the format it is to play: the given one if any plays that, else
    its best. Raises Failure.
    """
    installed = [player for player in PLAYERS if shutil.which(player.name)]
    for player in installed:
        if audio_format and (not player.formats or audio_format in player.formats):
            return player, audio_format
    if installed:
        return installed[0], (installed[0].formats or ("mp3",))[0]
    names = ", ".join(player.name for player in PLAYERS)
    raise Failure(
        f"no player is here. Any of these will do: {names}"
        " (on Debian: apt-get install ffmpeg; on macOS: brew install ffmpeg)"
    )


class Playback:
    """A player at work on what is written to it. What keeps it from playing is its `failure`."""

    def __init__(self, player: Player, process: asyncio.subprocess.Process) -> None:
        self._player = player
        self._process = process
        self.failure = ""
        """why it has not played to the end, and what to do instead"""

    async def write(self, data: bytes) -> None:
        """Have some audio played; nothing once the player has ended."""
        pipe = self._process.stdin
        if self.failure or pipe is None:
            return
        try:
            pipe.write(data)
            await pipe.drain()
        except ConnectionError:  # it ended early, as when somebody closes its window
            self.failure = f"{self._player.name} stopped playing before the end; {SAVE_INSTEAD}"

    async def finish(self, said: asyncio.Task[bytes]) -> None:
        """Have it play to the end, and find out whether it did; `said` is what it writes to its log."""
        if self._process.stdin:
            self._process.stdin.close()
        status = await self._process.wait()
        lines = [
            line.strip() for line in (await said).decode("utf-8", "replace").splitlines() if line.strip()
        ]
        if any(NO_SOUND.search(line) for line in lines):
            self.failure = f"{self._player.name} finds nothing to play sound on here; {SAVE_INSTEAD}"
        elif status and not self.failure:
            why = f": {lines[-1]}" if lines else ""
            self.failure = f"{self._player.name} ended with status {status}{why}; {SAVE_INSTEAD}"
        elif status and lines:
            self.failure = f"{self._player.name} stopped: {lines[-1]}; {SAVE_INSTEAD}"


@asynccontextmanager
async def play(player: Player) -> AsyncIterator[Playback]:
    """Run a player for the block, which writes audio to it; it plays to the end unless the block fails."""
    process = await asyncio.create_subprocess_exec(
        player.name, *player.arguments, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None  # noqa: S101  # asked for above
    # read while it plays: a full pipe would stop it
    said = asyncio.create_task(process.stderr.read())
    playback = Playback(player, process)
    try:
        yield playback
        await playback.finish(said)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        said.cancel()
