"""A good server in one file, of tones instead of speech: the suite must pass it, and `broken_*` break it."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import uuid4

import known_transcripts
import memory_voices
import msgspec
import tone_speech as tones
import uvicorn

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

MODELS = ["tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "tts-1-1106", "whisper-1", "gpt-transcribe",
          "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "org/tones"]  # fmt: skip
METHODS = {
    "/audio/speech": "POST", "/audio/transcriptions": "POST", "/audio/translations": "POST", "/audio/voices": "GET", "/models": "GET",
    "/audio/models": "GET", "/health": "GET", "/livez": "GET", "/readyz": "GET", "/test": "GET", "/openapi.json": "GET", "": "GET",
}  # fmt: skip
LARGEST = 4_000_000
LONG = 3000
"""characters of a text that is streamed, and spoken fast to save time"""
LEAST_SECONDS = 0.5
"""that an answer is streamed for"""
SENDING = 4.0
"""times as long as its making, which a busy machine may draw out, an answer is streamed for at least"""


class Answer(msgspec.Struct):
    """An answer before it is sent, which a fault may change. `asked` is the request's JSON, or nothing."""

    path: str
    asked: dict[str, Any]
    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float = 0.0
    """the time until the body is complete"""
    early: float = 1.0
    """the share of that time after which the first bytes leave; all of it means that nothing streams"""
    head: int = 0
    """bytes that leave at once, whatever `early` says"""
    others: int = 0
    """other requests in progress"""

    @property
    def kind(self) -> str:
        """Return the content type."""
        return self.headers.get("content-type", "")

    def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)

    def put(self, value: object) -> None:
        """Set the body to JSON."""
        self.body = json.dumps(value).encode()


Break = Callable[[Answer], None]


def whole(_: Answer) -> None:
    """Break nothing."""


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(
        self, message: str, status: int = 400, code: str | None = None, param: str | None = None
    ) -> None:
        self.status = status
        self.error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}


class Server:
    """The good server, with one thing broken."""

    def __init__(self, fault: Break = whole, key: str | None = None) -> None:
        self.fault = fault
        self._key = key
        self._running = 0
        self._voices = memory_voices.Voices(Refused)
        self.crashes: list[str] = []
        """faults that were not done: what a check saw then is not what it is there for"""

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request."""
        body, more = bytearray(), True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self._running += 1
        try:
            answer = self._answer(scope, bytes(body))
            await asyncio.sleep(0.01)
            answer.others = self._running - 1
            self._break(answer)
            await _send(answer, send, scope["method"] != "HEAD")
        finally:
            self._running -= 1

    def _break(self, answer: Answer) -> None:
        try:
            self.fault(answer)
        except Exception as exc:  # an exception of a fault is the test's, which reads it here
            self.crashes.append(repr(exc))
            raise

    def _answer(self, scope: dict[str, Any], body: bytes) -> Answer:
        path = re.sub(r"^(/v1)+(?=/|$)", "", scope["path"]).rstrip("/")
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        answer = Answer(
            path, {}, 200, {"x-request-id": f"req_{uuid4().hex}", "content-type": "application/json"}, b""
        )
        try:
            _guard(scope, path, len(body))
            if self._key and scope["method"] != "OPTIONS":
                _authorize(headers.get("authorization", ""), self._key)
            kept = self._voices.answer(
                scope["method"], path, scope["query_string"].decode(), headers.get("content-type", ""), body
            )
            if kept is not None:
                answer.put(kept)
                return answer
            _route(answer, scope, headers, body, self._voices.has)
        except Refused as exc:
            answer.status = exc.status
            answer.put({"error": exc.error})
        return answer


def _guard(scope: dict[str, Any], path: str, size: int) -> None:
    if memory_voices.PATH.fullmatch(path) and scope["method"] in ("GET", "POST", "DELETE"):
        known: str | None = scope["method"]
    else:
        known = "GET" if path.startswith("/models/") else METHODS.get(path)
    if known is None or (path in ("/readyz",) and scope["path"].startswith("/v1")):
        raise Refused(f"Invalid URL ({scope['method']} {scope['path']})", 404)
    if scope["method"] not in (known, "OPTIONS") and (scope["method"], known) != ("HEAD", "GET"):
        raise Refused(f"Not allowed to {scope['method']} on {scope['path']}.", 405)
    if size > LARGEST:
        raise Refused(f"Maximum content size limit ({LARGEST}) exceeded", 413)


def _authorize(given: str, key: str) -> None:
    token = given.removeprefix("Bearer").strip()
    if token != key:
        raise Refused(
            "Incorrect API key provided." if token else "You didn't provide an API key.",
            401,
            "invalid_api_key" if token else None,
        )


def _route(
    answer: Answer, scope: dict[str, Any], headers: dict[str, str], body: bytes, own: Callable[[str], bool]
) -> None:
    if scope["method"] == "OPTIONS":
        answer.status = 204
    elif answer.path == "/audio/speech":
        _speech(answer, body, own)
    elif scope["method"] == "POST":
        kind, answer.body = known_transcripts.answer(
            answer.path == "/audio/translations", headers.get("content-type", ""), body, Refused, MODELS
        )
        answer.headers["content-type"] = kind
    else:
        _list(answer)


def _list(answer: Answer) -> None:
    models = [{"id": name, "object": "model", "created": 1, "owned_by": "tests"} for name in MODELS]
    voices = [{"id": name, "name": name} for name in tones.VOICES]
    lists = {
        "/models": {"object": "list", "data": models}, "/audio/models": {"models": models},
        "/audio/voices": {"voices": voices, "data": voices}, "/openapi.json": {"paths": {"/v1/audio/speech": {}}},
    }  # fmt: skip
    name = answer.path.removeprefix("/models/")
    if answer.path == f"/models/{name}":
        if name not in MODELS:
            raise Refused(f"The model '{name}' does not exist", 404, "model_not_found", "model")
        answer.put(models[MODELS.index(name)])
    else:
        answer.put(lists.get(answer.path, {"status": "ok"}))


def _speech(answer: Answer, body: bytes, own: Callable[[str], bool]) -> None:
    try:
        asked = answer.asked = json.loads(body, strict=False)
    except ValueError:
        raise Refused("We could not parse the JSON body of your request.") from None
    if not isinstance(asked, dict):
        answer.asked = {}
        raise Refused("We could not parse the JSON body of your request.")
    text, voice, form, speed = _fields(asked, own)
    long = len(text) > LONG
    began = time.monotonic()
    pcm = tones.spoken(text, voice, speed * (8 if long else 1))
    answer.headers["content-type"], answer.body = tones.KINDS[form], tones.encoded(pcm, form)
    sending = max(LEAST_SECONDS, SENDING * (time.monotonic() - began))
    answer.seconds, answer.early = (sending, 0.02) if long else (0.0, 1.0)
    if asked.get("stream_format") == "sse":
        answer.headers["content-type"] = "text/event-stream; charset=utf-8"
        answer.body = tones.events(answer.body, len(text))


def _fields(asked: dict[str, Any], own: Callable[[str], bool]) -> tuple[str, str, str, float]:
    _model(asked.get("model"), MODELS)
    text, voice = asked.get("input"), asked.get("voice") or "alloy"
    voice = voice.get("id") if isinstance(voice, dict) else voice
    form, stream = asked.get("response_format") or "mp3", asked.get("stream_format") or "audio"
    if not isinstance(text, str) or not text:
        raise Refused("input should be a string of at least 1 character")
    voice = "alloy" if isinstance(voice, str) and own(voice) else voice
    if not isinstance(voice, str) or voice.lower() not in tones.VOICES:
        raise Refused(f"voice should be one of {tones.VOICES}")
    if form not in tones.KINDS:
        raise Refused("Invalid response_format.", 400, "unsupported_value", "response_format")
    if stream not in ("sse", "audio"):
        raise Refused("stream_format should be 'sse' or 'audio'")
    try:
        return text, voice.lower(), form, min(4.0, max(0.25, float(asked.get("speed") or 1)))
    except ValueError:
        raise Refused("speed should be a number") from None


def _model(name: object, known: list[str]) -> None:
    if not name:
        raise Refused("you must provide a model parameter")
    if name not in known:
        raise Refused(
            f"The model `{name}` does not exist or you do not have access to it.", 404, "model_not_found"
        )


async def _send(answer: Answer, send: Send, with_body: bool) -> None:
    """Send an answer over its time, in twenty pieces."""
    if not answer.seconds:
        answer.headers.setdefault("content-length", str(len(answer.body)))
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.seconds:
        await send({"type": "http.response.body", "body": answer.body[: answer.head], "more_body": True})
        await asyncio.sleep(answer.seconds * answer.early)
        size = max(1, (len(answer.body) - answer.head + 19) // 20)
        for start in range(answer.head, len(answer.body), size):
            await send(
                {"type": "http.response.body", "body": answer.body[start : start + size], "more_body": True}
            )
            await asyncio.sleep(answer.seconds * (1 - answer.early) / 20)
    await send(
        {"type": "http.response.body", "body": answer.body if with_body and not answer.seconds else b""}
    )


class Quiet(uvicorn.Server):
    """A server that leaves the test's signals alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def served(app: Server) -> AsyncIterator[str]:
    """Serve on a real socket; yields the base URL."""
    server = Quiet(uvicorn.Config(app, port=0, log_level="critical", lifespan="off", ws="none"))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it so and no other way
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        await running
