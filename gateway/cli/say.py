"""`voicebox say`."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import cast, get_args

from gateway.cli import output, remote
from gateway.cli.output import Failure
from gateway.cli.output_file import outlet
from gateway.cli.player import Feed, Player, choose, playing
from streaming.formats import OutputFormat

ENDINGS = {".ogg": "opus", ".oga": "opus", ".m4a": "", ".raw": "pcm"}
"""endings that are no format's own name; an empty one cannot be made"""


def run(args: Namespace) -> int:
    """Say a text into a file, a pipe or a loudspeaker."""
    return remote.run(_say(args))


async def _say(args: Namespace) -> int:
    text = _text(args.text)
    asked = _format(args)
    player, asked = choose(asked) if args.play else (None, asked or "mp3")
    target = args.output or (None if args.play else f"speech.{asked}")
    body = {"model": args.model, "input": text, "voice": args.voice, "response_format": asked}
    body |= {"speed": args.speed, "instructions": args.instructions}
    body = {name: value for name, value in body.items() if value is not None}
    async with remote.connected(args) as server, server.ask("POST", "/v1/audio/speech", json=body) as answer:
        remote.tell_changes(answer)
        async with _sinks(target, player) as sinks:
            with output.progress("speech") as meter:
                done = 0
                async for chunk in answer.content.iter_any():
                    for sink in sinks:
                        await sink(chunk)
                    meter(done := done + len(chunk))
    if target not in (None, "-"):
        output.note(f"wrote {target} ({done:,} bytes)")
    return 0


@asynccontextmanager
async def _sinks(target: str | None, player: Player | None) -> AsyncIterator[list[Feed]]:
    async with AsyncExitStack() as stack:
        sinks: list[Feed] = []
        if target is not None:
            file = stack.enter_context(outlet(target))

            async def write(data: bytes) -> None:
                file.write(data)
                file.flush()

            sinks.append(write)
        if player is not None:
            sinks.append(await stack.enter_async_context(playing(player)))
        yield sinks


def _text(given: str) -> str:
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig") if given == "-" else given
        text.encode()
    except UnicodeError as exc:
        raise Failure("the text is not UTF-8", 2) from exc
    if not text.strip():
        raise Failure("there is no text to say", 2)
    return text


def _format(args: Namespace) -> OutputFormat | None:
    """Take the format of `--format`, else the one of the file's ending; None leaves it open."""
    if args.format:
        return cast(OutputFormat, args.format)
    ending = Path(args.output or "").suffix.casefold()
    name = ENDINGS.get(ending, ending[1:])
    if name in get_args(OutputFormat):
        return cast(OutputFormat, name)
    if ending and args.output != "-":
        formats = ", ".join(get_args(OutputFormat))
        raise Failure(
            f"{ending!r} is the ending of no format that can be made; give --format, one of {formats}", 2
        )
    return None
