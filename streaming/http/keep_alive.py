"""Bytes that keep a connection alive while an answer is being worked at: clients and proxies give up after a
minute or five without any.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import anyio
import msgspec


class Filler(msgspec.Struct, frozen=True):
    """What may be sent before, and between, the chunks of a format without changing what they say."""

    repeated: bytes
    """sent again and again"""
    opening: bytes = b""
    """the first bytes that every answer in the format has, sent before any `repeated`"""
    patience: int = 1
    """how many times the interval is waited each time: more where clients show what is sent"""


JSON_FILLER = Filler(b"\n")
"""white space before a value (RFC 8259, 2)"""
TEXT_FILLER = Filler(b"\n", patience=3)
"""empty lines before the first word, or before the first cue of SubRip: no other bytes mean less there, and
an answer that comes soon has none
"""
WEBVTT_FILLER = Filler(b"\n", b"WEBVTT\n\n")
"""empty lines between the head and the first cue"""
EVENT_FILLER = Filler(b": still working\r\n\r\n")
"""a comment between events"""


async def kept_alive(
    chunks: AsyncGenerator[bytes, None],
    filler: Filler,
    interval: float,
    is_good: Callable[[], bool],
    on_failure: Callable[[Exception], bytes] | None = None,
) -> AsyncGenerator[bytes, None]:
    """Yield `chunks`, and `filler` whenever none has come for `interval` seconds, or some more where it is
    seen; 0 is never.

    Nothing is sent in the place of the first chunk before `is_good` says that the request will be answered:
    until then an error can still have a status. When the chunks fail behind filler alone, what `on_failure`
    returns ends the answer; in all other cases the error is raised. One task reads all chunks: what they hold
    between two of them may belong to a task.
    """
    if not interval:
        async with aclosing(chunks):
            async for unchanged in chunks:
                yield unchanged
        return
    queue: asyncio.Queue[bytes | None] = asyncio.Queue(1)
    producer = asyncio.create_task(_produce(chunks, queue))
    filled = started = False
    try:
        while True:
            try:
                async with asyncio.timeout(interval * filler.patience):
                    chunk = await queue.get()
            except TimeoutError:
                if started or filled or is_good():
                    yield filler.repeated if started or filled else filler.opening + filler.repeated
                    filled = True
                continue
            if chunk is None:
                break
            yield chunk.removeprefix(filler.opening) if filled and not started else chunk
            started = True
        try:
            await producer
        except Exception as exc:  # the status has been sent: only the body can tell the client
            if not filled or started or on_failure is None:
                raise
            yield on_failure(exc)
    finally:
        producer.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([producer])


async def _produce(chunks: AsyncGenerator[bytes, None], queue: asyncio.Queue[bytes | None]) -> None:
    """Put chunks into a queue, and None behind the last one, also where they fail."""
    try:
        async with aclosing(chunks):
            async for chunk in chunks:
                await queue.put(chunk)
    finally:
        await queue.put(None)
