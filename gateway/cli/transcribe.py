"""`voicebox transcribe`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import aiohttp
import msgspec

from gateway.cli import output, remote
from gateway.cli.output import Failure
from gateway.cli.output_file import outlet

CHUNK = 256 * 1024


class StreamEvent(msgspec.Struct):
    """What we read of a stream's events."""

    type: str = ""
    delta: str = ""
    error: remote.ErrorBody | None = None


def run(args: Namespace) -> int:
    """Transcribe a recording."""
    if args.stream and args.format != "text":
        raise Failure("--stream goes with --format text only", 2)
    return remote.run(_transcribe(args))


async def _transcribe(args: Namespace) -> int:
    with _recording(args.file) as (name, file), output.progress("upload") as meter:
        form = aiohttp.FormData()
        for field in ("model", "language"):
            if getattr(args, field):
                form.add_field(field, getattr(args, field))
        form.add_field("response_format", "json" if args.stream else args.format)
        form.add_field("stream", "true" if args.stream else "false")
        form.add_field("file", _chunks(file, meter), filename=name, content_type="application/octet-stream")
        async with (
            remote.connected(args) as server,
            server.ask("POST", "/v1/audio/transcriptions", data=form) as answer,
        ):
            remote.tell_changes(answer)
            with outlet(args.output or "-") as out:
                async for text in _pieces(answer) if args.stream else _whole(answer):
                    out.write(text.encode())
                    out.flush()
    return 0


async def _whole(answer: aiohttp.ClientResponse) -> AsyncIterator[str]:
    text = (await answer.read()).decode()
    yield text if text.endswith("\n") else f"{text}\n"


async def _pieces(answer: aiohttp.ClientResponse) -> AsyncIterator[str]:
    """Give the text as it is heard, from a stream of events. Raises Failure when it ends early."""
    whole = False
    async for line in answer.content:
        data = line.strip().removeprefix(b"data:").strip()
        if not line.startswith(b"data:") or data == b"[DONE]":
            continue
        event = msgspec.json.decode(data, type=StreamEvent)
        if event.error:
            raise Failure(event.error.message)
        whole = whole or event.type == "transcript.text.done"
        if event.delta:
            yield event.delta
    if not whole:
        raise Failure("the transcript broke off")
    yield "\n"


async def _chunks(file: BinaryIO, meter: output.Meter) -> AsyncIterator[bytes]:
    total = file.seek(0, 2)
    file.seek(0)
    while chunk := file.read(CHUNK):
        yield chunk
        meter(file.tell(), total)


@contextmanager
def _recording(name: str) -> Iterator[tuple[str, BinaryIO]]:
    """Open the recording; standard input is put on the disk first, to know that it is whole. Raises Failure."""
    if name == "-":
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            yield "stdin", copy
        return
    try:
        file = Path(name).expanduser().open("rb")
    except OSError as exc:
        raise Failure(f"cannot read {name}: {exc.strerror}", 2) from exc
    with file:
        yield Path(name).name, file
