"""The command `voicebox say`."""

from __future__ import annotations

import sys
import time
from argparse import Namespace

from gateway.cli import remote, speech
from gateway.cli.complaints import TOO_LONG
from gateway.cli.output import Failure
from gateway.cli.remote import Refused
from gateway.cli.temporary_server import KINDS, SPEECH


def run(args: Namespace) -> int:
    """Speak a text into a file, a pipe or a player."""
    return remote.run(_speak(args))


async def _speak(args: Namespace) -> int:
    text = _text(args.text)
    target = speech.choose_target(args, "speech")
    body = {"model": args.model, "input": text, "voice": args.voice, "response_format": target.audio_format}
    body |= {"speed": args.speed, "language": args.language, "instructions": args.instructions}
    # in events an error can still be told when half of it has been spoken
    body |= {"verify": args.verify or None, "stream_format": "sse"}
    body = {name: value for name, value in body.items() if value is not None}
    async with remote.connect(args, needs=KINDS if args.verify else SPEECH) as server:
        began = time.monotonic()
        try:
            async with server.request("POST", "/v1/audio/speech", json=body) as response:
                await speech.receive_speech(response, target, began)
        except Refused as exc:
            raise _too_long(exc, text) or exc from exc
    return 0


def _too_long(refused: Refused, text: str) -> Failure | None:
    """Return what to say where a text was refused for its length; None where it was not."""
    for complaint in refused.complaints:
        limit = complaint.ctx.get("max_length")
        if (complaint.type, complaint.field) == (TOO_LONG, "input") and isinstance(limit, int):
            return Failure(
                f"a text has at most {limit:,} characters, and this one has {len(text):,};"
                " say it in parts, or raise limits.input_characters in the server's settings"
            )
    return None


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
