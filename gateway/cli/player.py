"""Playing audio with a player that is installed on this machine."""

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
    """formats that it plays, best first; empty means any"""


PLAYERS = (
    Player("ffplay", ("-nodisp", "-autoexit", "-loglevel", "error", "-i", "-"), ()),
    Player("mpv", ("--no-terminal", "--no-video", "-"), ()),
    Player("pw-play", ("--format=s16", "--rate=24000", "--channels=1", "-"), ("pcm",)),
    Player("paplay", ("--raw", "--format=s16le", "--rate=24000", "--channels=1"), ("pcm",)),
    Player("aplay", ("-q", "-t", "raw", "-f", "S16_LE", "-r", "24000", "-c", "1", "-"), ("pcm",)),
    Player("play", ("-q", "-t", "raw", "-e", "signed", "-b", "16", "-r", "24000", "-c", "1", "-"), ("pcm",)),
)
WriteAudio = Callable[[bytes], Awaitable[None]]


def choose_player(audio_format: OutputFormat | None) -> tuple[Player, OutputFormat]:
    """Return a player that is installed, and the format it is to play: the given one, or its best.

    Raises Failure.
    """
    installed = [player for player in PLAYERS if shutil.which(player.name)]
    for player in installed:
        if audio_format is None:
            return player, (player.formats or ("mp3",))[0]
        if not player.formats or audio_format in player.formats:
            return player, audio_format
    if installed:
        raise Failure(
            f"{installed[0].name} plays no {audio_format} from a pipe;"
            f" give --format {installed[0].formats[0]}, or install ffmpeg"
        )
    names = ", ".join(player.name for player in PLAYERS)
    raise Failure(
        f"no player is here. Any of these will do: {names}"
        " (on Debian: apt-get install ffmpeg; on macOS: brew install ffmpeg)"
    )


@asynccontextmanager
async def play(player: Player) -> AsyncIterator[WriteAudio]:
    """Run a player for the block, which writes audio to it; it plays to the end unless the block fails.

    Raises Failure.
    """
    process = await asyncio.create_subprocess_exec(
        player.name, *player.arguments, stdin=asyncio.subprocess.PIPE
    )
    pipe = process.stdin
    assert pipe is not None  # noqa: S101  # asked for above

    async def write(data: bytes) -> None:
        pipe.write(data)
        await pipe.drain()

    try:
        yield write
        pipe.close()
        if status := await process.wait():
            raise Failure(f"{player.name} ended with status {status}")
    except ConnectionError as exc:  # it ended early, as when somebody closes its window
        raise Failure(f"{player.name} stopped playing before the end") from exc
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
