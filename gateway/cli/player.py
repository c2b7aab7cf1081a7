"""Playing sound with whatever player this machine has."""

from __future__ import annotations

import asyncio
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
    """what it plays, best first; empty: anything"""


PLAYERS = (
    Player("ffplay", ("-nodisp", "-autoexit", "-loglevel", "error", "-i", "-"), ()),
    Player("mpv", ("--no-terminal", "--no-video", "-"), ()),
    Player("pw-play", ("--format=s16", "--rate=24000", "--channels=1", "-"), ("pcm",)),
    Player("paplay", ("--raw", "--format=s16le", "--rate=24000", "--channels=1"), ("pcm",)),
    Player("aplay", ("-q", "-t", "raw", "-f", "S16_LE", "-r", "24000", "-c", "1", "-"), ("pcm",)),
    Player("play", ("-q", "-t", "raw", "-e", "signed", "-b", "16", "-r", "24000", "-c", "1", "-"), ("pcm",)),
)
Feed = Callable[[bytes], Awaitable[None]]


def choose(asked: OutputFormat | None) -> tuple[Player, OutputFormat]:
    """Find a player that is here and plays the format, or any format when none is asked. Raises Failure."""
    here = [player for player in PLAYERS if shutil.which(player.name)]
    for player in here:
        if asked is None:
            return player, (player.formats or ("mp3",))[0]
        if not player.formats or asked in player.formats:
            return player, asked
    if here:
        raise Failure(
            f"{here[0].name} plays no {asked} from a pipe; give --format {here[0].formats[0]}, or install ffmpeg"
        )
    names = ", ".join(player.name for player in PLAYERS)
    raise Failure(
        f"no player is here. Any of these will do: {names} (on Debian: apt-get install ffmpeg; on macOS: brew install ffmpeg)"
    )


@asynccontextmanager
async def playing(player: Player) -> AsyncIterator[Feed]:
    """Run the player for the block, which feeds it; it plays on to the end unless the block fails."""
    process = await asyncio.create_subprocess_exec(
        player.name, *player.arguments, stdin=asyncio.subprocess.PIPE
    )
    pipe = process.stdin
    assert pipe is not None  # noqa: S101  # asked for above

    async def feed(data: bytes) -> None:
        pipe.write(data)
        await pipe.drain()

    try:
        yield feed
        pipe.close()
        if status := await process.wait():
            raise Failure(f"{player.name} ended with status {status}")
    except ConnectionError as exc:  # it went before the end, as when somebody closes its window
        raise Failure(f"{player.name} stopped playing before the end") from exc
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
