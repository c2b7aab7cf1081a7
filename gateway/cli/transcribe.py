"""The command `voicebox transcribe`."""

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
from gateway.cli.output_file import open_output
from gateway.cli.temporary_server import TRANSCRIPTION

CHUNK_SIZE = 256 * 1024
"""bytes"""


class StreamEvent(msgspec.Struct):
    """The fields that are read of a stream's events."""

    type: str = ""
    delta: str = ""
    error: remote.ErrorBody | None = None


def run(args: Namespace) -> int:
    """Transcribe a recording."""
    if args.stream and args.format != "text":
        raise Failure("--stream goes with --format text only", 2)
    return remote.run(_transcribe(args))


async def _transcribe(args: Namespace) -> int:
    with _recording(args.file) as (name, file), output.progress("upload") as show_progress:
        form = aiohttp.FormData()
        for field in ("model", "language"):
            if getattr(args, field):
                form.add_field(field, getattr(args, field))
        form.add_field("response_format", "json" if args.stream else args.format)
        form.add_field("stream", "true" if args.stream else "false")
        form.add_field(
            "file", _chunks(file, show_progress), filename=name, content_type="application/octet-stream"
        )
        async with (
            remote.connect(args, needs=TRANSCRIPTION) as server,
            server.request("POST", "/v1/audio/transcriptions", data=form) as response,
        ):
            remote.print_changes(response)
            with open_output(args.output or "-") as out:
                async for text in _deltas(response) if args.stream else _whole_text(response):
                    out.write(text.encode())
                    out.flush()
    return 0


async def _whole_text(response: aiohttp.ClientResponse) -> AsyncIterator[str]:
    """Yield the whole text, ended by a newline; white space that was sent before it is none of it."""
    text = (await response.read()).decode().lstrip()  # what was sent meanwhile to keep the connection
    yield text if text.endswith("\n") else f"{text}\n"


async def _deltas(response: aiohttp.ClientResponse) -> AsyncIterator[str]:
    """Yield the text as it is transcribed, from a stream of events. Raises Failure when it ends early."""
    complete = False
    async for line in response.content:
        data = line.strip().removeprefix(b"data:").strip()
        if not line.startswith(b"data:") or data == b"[DONE]":
            continue
        event = msgspec.json.decode(data, type=StreamEvent)
        if event.error:
            raise Failure(event.error.message)
        complete = complete or event.type == "transcript.text.done"
        if event.delta:
            yield event.delta
    if not complete:
        raise Failure("the transcript broke off")
    yield "\n"


async def _chunks(file: BinaryIO, show_progress: output.ShowProgress) -> AsyncIterator[bytes]:
    """Yield a file in chunks, showing the progress."""
    total = file.seek(0, 2)
    file.seek(0)
    while chunk := file.read(CHUNK_SIZE):
        yield chunk
        show_progress(file.tell(), total)


@contextmanager
def _recording(name: str) -> Iterator[tuple[str, BinaryIO]]:
    """Open the recording, and yield its name and the file. Raises Failure.

    Standard input is copied to the disk first, to know that it is complete.
    """
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
