"""Deliberately wrong servers: the real one behind a proxy that breaks one thing on the way back."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import msgspec
import uvicorn

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Answer(msgspec.Struct):
    """What goes back, to be broken. `asked` is the request's JSON, or nothing."""

    path: str
    asked: dict[str, Any]
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """The content type."""
        return self.headers.get("content-type", "")

    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)

    def put(self, value: object) -> None:
        """Make the body JSON."""
        self.body = json.dumps(value).encode()


Break = Callable[[Answer], None]


def speech(answer: Answer) -> bool:
    """Tell whether it is speech that came well."""
    return answer.path.endswith("/audio/speech") and answer.status == 200


def header_per_chunk(answer: Answer) -> None:
    """Put a WAV header before every 20,000 bytes."""
    if speech(answer) and answer.kind == "audio/wav":
        head, pcm = answer.body[:44], answer.body[44:]
        answer.body = b"".join(head + pcm[start : start + 20_000] for start in range(0, len(pcm), 20_000))


def other_rate(answer: Answer) -> None:
    """Send every PCM at 22.05 kHz: one sample in twelve too few."""
    if speech(answer) and answer.kind == "audio/pcm":
        samples = array("h", answer.body)
        answer.body = array("h", (one for number, one in enumerate(samples) if number % 12)).tobytes()


def wav_by_default(answer: Answer) -> None:
    """Answer wav where no format was asked for: here, any file that is no mp3."""
    if speech(answer) and "response_format" not in answer.asked:
        answer.body = b"RIFF\xff\xff\xff\xffWAVEfmt " + answer.body


def detail_422(answer: Answer) -> None:
    """Refuse as FastAPI does."""
    if answer.status == 400:
        answer.status = 422
        answer.put({"detail": [{"msg": "bad"}]})


def octet_stream(answer: Answer) -> None:
    """Send audio without its type."""
    if speech(answer):
        answer.headers["content-type"] = "application/octet-stream"


def no_request_id(answer: Answer) -> None:
    """Leave the id out."""
    answer.headers.pop("x-request-id", None)


def truncated(answer: Answer) -> None:
    """Lose the last fifth of coded audio."""
    if speech(answer) and answer.kind != "audio/pcm":
        answer.body = answer.body[: len(answer.body) * 4 // 5]


def silent_tail(answer: Answer) -> None:
    """Lose the last second of sound, not of time."""
    if speech(answer) and answer.kind == "audio/wav":
        answer.body = answer.body[:-48_000] + bytes(48_000)


def event_lines(answer: Answer) -> None:
    """Put a ping without data into event streams."""
    if answer.kind.startswith("text/event-stream"):
        answer.body = b"event: ping\r\n\r\n" + answer.body


def no_done(answer: Answer) -> None:
    """Leave [DONE] out."""
    answer.body = answer.body.replace(b"data: [DONE]\r\n\r\n", b"") if answer.kind.startswith("text/event") else answer.body


def zero_usage(answer: Answer) -> None:
    """Count nothing."""
    if answer.kind.startswith("text/event-stream"):
        answer.body = re.sub(rb'(_tokens":)\d+', rb"\g<1>0", answer.body)


def delta_field(answer: Answer) -> None:
    """Name the audio of events as the realtime API does."""
    if answer.kind.startswith("text/event-stream"):
        answer.body = answer.body.replace(b'"audio":"', b'"delta":"')


def quoted(answer: Answer) -> None:
    """Send text formats as JSON strings."""
    if answer.kind.startswith("text/plain"):
        answer.put(answer.body.decode())


def no_hours(answer: Answer) -> None:
    """Leave the hours out of subtitles."""
    if answer.kind.startswith("text/plain"):
        answer.body = answer.body.replace(b"00:00:", b"00:")


def null_words(answer: Answer) -> None:
    """Give null for words."""
    if answer.kind.startswith("application/json") and b'"words":' in answer.body:
        answer.put({**answer.json(), "words": None})


def language_code(answer: Answer) -> None:
    """Name the language by its code."""
    answer.body = answer.body.replace(b'"language":"english"', b'"language":"en"')


def thin_segments(answer: Answer) -> None:
    """Leave fields out of segments."""
    answer.body = answer.body.replace(b'"seek":0,', b"")


def clipping(answer: Answer) -> None:
    """Turn the sound up far too much."""
    if speech(answer) and answer.kind == "audio/pcm":
        answer.body = array("h", (max(-32768, min(32767, 40 * one)) for one in array("h", answer.body))).tobytes()


def clicking(answer: Answer) -> None:
    """Put a spike into the silence at the end."""
    if speech(answer) and answer.kind == "audio/pcm":
        samples = array("h", answer.body)
        samples[len(samples) - 1200] = 20_000
        answer.body = samples.tobytes()


def error_in_200(answer: Answer) -> None:
    """Tell errors under status 200."""
    if answer.status >= 400:
        answer.status = 200


def gzipped(answer: Answer) -> None:
    """Compress audio."""
    if speech(answer):
        answer.body, answer.headers["content-encoding"] = gzip.compress(answer.body), "gzip"


def int_code(answer: Answer) -> None:
    """Give a number for the error's code."""
    if answer.status >= 400:
        answer.put({"error": {**answer.json()["error"], "code": answer.status}})


def one_voice(answer: Answer) -> None:
    """Speak with one voice whatever is asked: here, the same bytes."""
    if speech(answer) and answer.kind == "audio/pcm":
        answer.body = b"\x10\x10" * 40_000


def string_voices(answer: Answer) -> None:
    """List voices as strings."""
    if answer.path.endswith("/audio/voices"):
        answer.put({"voices": [voice["id"] for voice in answer.json()["voices"]]})


def plain_ok(answer: Answer) -> None:
    """Say OK as Speaches does."""
    if answer.path == "/health":
        answer.body = b"OK"


def silence_is_an_error(answer: Answer) -> None:
    """Refuse recordings in which nothing is heard."""
    if answer.path.endswith("/transcriptions") and answer.status == 200 and b'"text":""' in answer.body:
        answer.status = 500


class Swap:
    """Give an answer to somebody else when several are asked for at once."""

    def __init__(self) -> None:
        self._last: bytes | None = None

    def __call__(self, answer: Answer) -> None:
        """Break an answer."""
        if speech(answer) and answer.kind == "audio/pcm":
            answer.body, self._last = self._last or answer.body, answer.body


class Broken:
    """The proxy. It always waits for the whole answer, so nothing streams through it."""

    def __init__(self, upstream: str, fault: Break) -> None:
        self._upstream = upstream
        self._fault = fault

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Pass a request on, and break its answer."""
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        answer = await self._forward(scope, body)
        self._fault(answer)
        headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _forward(self, scope: dict[str, Any], body: bytes) -> Answer:
        dropped = (b"host", b"content-length", b"transfer-encoding", b"connection", b"expect")
        headers = [(name, value) for name, value in scope["headers"] if name not in dropped]
        async with httpx.AsyncClient(timeout=60) as client:
            answer = await client.request(scope["method"], f"{self._upstream}{scope['path']}", content=body, headers=headers)
        kept = {
            name: value for name, value in answer.headers.items() if name not in ("transfer-encoding", "content-length", "date")
        }
        asked = json.loads(body) if body.startswith(b"{") and body.rstrip().endswith(b"}") and b"\n" not in body else {}
        return Answer(scope["path"], asked, answer.status_code, kept, answer.content)


class Quiet(uvicorn.Server):
    """A server that leaves the test's signals alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def served(upstream: str, fault: Break) -> AsyncIterator[str]:
    """Serve a broken server; gives its base URL."""
    config = uvicorn.Config(Broken(upstream, fault), port=0, log_level="critical", lifespan="off", ws="none")
    server = Quiet(config)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it so and no other way
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        await running
