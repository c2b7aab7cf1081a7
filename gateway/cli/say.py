"""The command `voicebox say`."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import cast, get_args

from gateway.cli import output, remote
from gateway.cli.output import Failure
from gateway.cli.output_file import open_output
from gateway.cli.player import Player, WriteAudio, choose_player, play
from streaming.formats import OutputFormat

FORMATS_BY_SUFFIX = {".ogg": "opus", ".oga": "opus", ".m4a": "", ".raw": "pcm"}
"""suffixes that are not a format's own name; an empty format cannot be made"""


def run(args: Namespace) -> int:
    """Speak a text into a file, a pipe or a player."""
    return remote.run(_speak(args))


async def _speak(args: Namespace) -> int:
    text = _text(args.text)
    audio_format = _format(args)
    player, audio_format = choose_player(audio_format) if args.play else (None, audio_format or "mp3")
    target = args.output or (None if args.play else f"speech.{audio_format}")
    body = {"model": args.model, "input": text, "voice": args.voice, "response_format": audio_format}
    body |= {"speed": args.speed, "language": args.language, "instructions": args.instructions}
    body |= {"verify": args.verify or None}
    body = {name: value for name, value in body.items() if value is not None}
    async with (
        remote.connect(args) as server,
        server.request("POST", "/v1/audio/speech", json=body) as response,
    ):
        remote.print_changes(response)
        async with _sinks(target, player) as sinks:
            with output.progress("speech") as show_progress:
                done = 0
                async for chunk in response.content.iter_any():
                    for sink in sinks:
                        await sink(chunk)
                    show_progress(done := done + len(chunk))
    if target not in (None, "-"):
        output.print_note(f"wrote {target} ({done:,} bytes)")
    return 0


@asynccontextmanager
async def _sinks(target: str | None, player: Player | None) -> AsyncIterator[list[WriteAudio]]:
    """Open the file and the player that the audio goes to; yield the functions that write to them."""
    async with AsyncExitStack() as stack:
        sinks: list[WriteAudio] = []
        if target is not None:
            file = stack.enter_context(open_output(target))

            async def write(data: bytes) -> None:
                file.write(data)
                file.flush()

            sinks.append(write)
        if player is not None:
            sinks.append(await stack.enter_async_context(play(player)))
        yield sinks


def _text(argument: str) -> str:
    """Return the text to speak: the argument, or standard input where that is `-`. Raises Failure."""
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig") if argument == "-" else argument
        text.encode()
    except UnicodeError as exc:
        raise Failure("the text is not UTF-8", 2) from exc
    if not text.strip():
        raise Failure("there is no text to say", 2)
    return text


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
