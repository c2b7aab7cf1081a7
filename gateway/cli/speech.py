"""Speech that comes from a server: into a file, a pipe or a player, and who spoke it."""

from __future__ import annotations

import base64
import math
import tempfile
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import BinaryIO, cast, get_args

import aiohttp
import msgspec

from engines.errors import BadAudio
from gateway.cli import output, remote
from gateway.cli.output import Failure
from gateway.cli.output_file import open_output
from gateway.cli.player import Playback, Player, choose_player, play
from streaming.formats import OutputFormat

EVENTS = "text/event-stream"
FORMATS_BY_SUFFIX = {".ogg": "opus", ".oga": "opus", ".m4a": "", ".raw": "pcm"}
"""suffixes that are not a format's own name; an empty format cannot be made"""
PCM_BYTES_PER_SECOND = 48_000
"""of the format `pcm`: 24 kHz, 16 bit"""
SPOOL_BYTES = 16_000_000
"""of the copy that is measured, in memory; more of it goes to the disk"""

WriteAudio = Callable[[bytes], Awaitable[None]]


class SpeechEvent(msgspec.Struct):
    """The fields that are read of a stream's events."""

    type: str = ""
    audio: str = ""
    error: remote.ErrorBody | None = None


class Target(msgspec.Struct, frozen=True):
    """Where speech goes to, and in which format."""

    audio_format: OutputFormat
    file: str | None
    """a path, `-` for standard output, or None"""
    player: Player | None
    played_format: OutputFormat = "pcm"
    """what the player is given: the speech as it comes, or else once it is whole and was decoded"""
    unplayable: str = ""
    """why there is no player, though one was asked for"""

    @property
    def plays_as_it_comes(self) -> bool:
        """Whether the player understands what comes."""
        return self.played_format == self.audio_format


def choose_target(args: Namespace, default_name: str) -> Target:
    """Return where `-o`, `--play` and `--format` want speech; `default_name` is a file's name before its
    suffix. Raises Failure.
    """
    asked = _format(args)
    if not args.play:
        return Target(asked or "mp3", args.output or f"{default_name}.{asked or 'mp3'}", None)
    try:
        player, played = choose_player(asked)
    except Failure as exc:
        if not args.output:
            raise
        return Target(asked or "mp3", args.output, None, unplayable=str(exc))
    return Target((asked if args.output else None) or played, args.output or None, player, played)


async def receive_speech(response: aiohttp.ClientResponse, target: Target, began: float) -> None:
    """Write speech to its target as it comes, and tell who spoke it, its length, and how long it took from
    `began` on. Raises Failure.
    """
    remote.print_changes(response)
    playback: Playback | None = None
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as copy:
        async with AsyncExitStack() as stack:
            sinks: list[WriteAudio] = [_writer(cast(BinaryIO, copy))]
            if target.file is not None:
                sinks.append(_writer(stack.enter_context(open_output(target.file))))
            if target.player is not None and target.plays_as_it_comes:
                playback = await stack.enter_async_context(play(target.player))
                sinks.append(playback.write)
            await _copy(response, sinks, playback if target.file is None else None)
            took = time.monotonic() - began
        size = copy.seek(0, 2)
        seconds = _seconds(cast(BinaryIO, copy), size, target.audio_format)
        if target.file not in (None, "-"):
            output.print_note(f"wrote {target.file} ({size:,} bytes)")
        output.print_note(_spoken_by(response, seconds, took))
        if target.player is not None and not target.plays_as_it_comes:
            playback = await _play_decoded(cast(BinaryIO, copy), target.player)
    if failure := target.unplayable or (playback and playback.failure):
        raise Failure(failure)


async def _play_decoded(file: BinaryIO, player: Player) -> Playback:
    """Play a file with a player that does not understand its format. Raises Failure."""
    from streaming.audio.decode import decode  # with FFmpeg, which takes a while to load

    file.seek(0)
    try:
        async with play(player) as playback:
            for pcm in decode(file, rate=PCM_BYTES_PER_SECOND // 2, max_seconds=math.inf):
                await playback.write(pcm)
    except BadAudio as exc:
        raise Failure(f"it cannot be played: {exc.message}") from exc
    return playback


async def _copy(response: aiohttp.ClientResponse, sinks: list[WriteAudio], alone: Playback | None) -> None:
    """Write speech to all sinks; where a player is `alone` and has failed, there is no use in going on."""
    with output.progress("speech") as show_progress:
        done = 0
        async for chunk in audio_of(response):
            for sink in sinks:
                await sink(chunk)
            if alone and alone.failure:
                return
            show_progress(done := done + len(chunk))


async def audio_of(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Yield an audio file as it comes, as such or in events. Raises Failure, in the server's own words where
    it has sent some.
    """
    if not response.headers.get("content-type", "").startswith(EVENTS):
        async for chunk in response.content.iter_any():
            yield chunk
        return
    complete = False
    async for line in response.content:
        data = line.strip().removeprefix(b"data:").strip()
        if not line.startswith(b"data:") or data == b"[DONE]":
            continue
        event = msgspec.json.decode(data, type=SpeechEvent)
        if event.error:
            raise Failure(f"the speech broke off: {event.error.message}")
        complete = complete or event.type == "speech.audio.done"
        if event.audio:
            yield base64.b64decode(event.audio)
    if not complete:
        raise Failure("the speech broke off before its end; the server's log says why")


def _writer(file: BinaryIO) -> WriteAudio:
    async def write(data: bytes) -> None:
        file.write(data)
        file.flush()

    return write


def _seconds(file: BinaryIO, size: int, audio_format: OutputFormat) -> float | None:
    """Return the seconds of audio in a file, None where nobody knows."""
    if audio_format == "pcm":
        return size / PCM_BYTES_PER_SECOND
    from streaming.audio.length import seconds_of  # with FFmpeg, which takes a while to load

    return seconds_of(file)


def _spoken_by(response: aiohttp.ClientResponse, seconds: float | None, took: float) -> str:
    """Return a sentence such as `kokoro, af_alloy, 3.4 s in 1.2 s`."""
    names = (response.headers.get(f"x-voicebox-{name}", "") for name in ("engine", "voice"))
    length = "" if seconds is None else f"{seconds:.1f} s "
    return ", ".join([*filter(None, names), f"{length}in {took:.1f} s"])


def _format(args: Namespace) -> OutputFormat | None:
    """Return the format of `--format`, else the one of the file's suffix; None where neither says.

    Raises Failure.
    """
    if args.format:
        return cast(OutputFormat, args.format)
    suffix = Path(args.output or "").suffix.casefold()
    name = FORMATS_BY_SUFFIX.get(suffix, suffix[1:])
    if name in get_args(OutputFormat):
        return cast(OutputFormat, name)
    if suffix and args.output != "-":
        formats = ", ".join(get_args(OutputFormat))
        raise Failure(
            f"{suffix!r} is the ending of no format that can be made; give --format, one of {formats}", 2
        )
    return None
