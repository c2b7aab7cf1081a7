"""End-to-end tests of answers that take long: bytes that keep the connection alive, and what fails behind them.

The engine's worker is stopped meanwhile, so that the work takes as long as a test wants.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress

import av
import httpx
import pytest
from servers import TIMEOUT, Server, parent_of, running, wait_until
from tones import tone

from gateway.routes.transcriptions import FILLERS
from streaming.audio import wav
from streaming.http.keep_alive import JSON_FILLER, Filler, kept_alive

INTERVAL = 0.1
"""seconds"""
LIMIT = 2.0
"""the longest recording, in seconds"""
TEXT = "sound of 10 tenths"


def config() -> dict[str, object]:
    """Return settings of a server that fills soon."""
    return {
        "engines": {"tone": {"enabled": True, "workers": 1}},
        "server": {"keep_alive": INTERVAL},
        "limits": {"audio_seconds": LIMIT},
    }


@pytest.fixture(scope="module", params=[1, 2], ids=["one process", "two processes"])
def filling(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server that fills soon, in one process and in several."""
    args = ("--workers", str(request.param)) if request.param > 1 else ()
    with running(tmp_path_factory.mktemp("filling"), config(), args) as server:
        yield server


def recording(seconds: float = 1.0) -> bytes:
    """Return a WAV of a tone."""
    return wav.encode(tone(300.0, seconds=seconds), 24_000)


@contextmanager
def stopped_worker(server: Server) -> Iterator[int]:
    """Stop the engine's worker for the block, or until it is continued."""
    health = httpx.get(f"{server.url}/health", timeout=TIMEOUT).json()
    pid = int(health["engines"]["tone"]["workers"][0]["pid"])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def filled(server: Server, seconds: float = 1.0, **fields: str) -> tuple[httpx.Response, bytes, bytes]:
    """Return an answer, what came of it while its engine was stopped, and all of it. May raise as httpx does.

    A worker that is stopped for two seconds is replaced: on a machine that slow it is tried again.
    """
    for _ in range(10):
        files = {"file": ("a.wav", recording(seconds))}
        data = {"model": "tone", **fields}
        with (
            stopped_worker(server) as pid,
            httpx.stream(
                "POST", f"{server.base_url}/audio/transcriptions", files=files, data=data, timeout=TIMEOUT
            ) as answer,
        ):
            chunks = answer.iter_raw()
            before = next(chunks, b"") + next(chunks, b"")
            if parent_of(pid) is not None:
                os.kill(pid, signal.SIGCONT)
                return answer, before, before + b"".join(chunks)
    raise AssertionError("its engine was replaced each time")


def outcome_of(server: Server, answer: httpx.Response) -> str:
    """Return the outcome of a request in the log, nothing while it has none."""
    wanted = answer.headers["x-request-id"]
    return next((str(line["outcome"]) for line in server.requests() if line["id"] == wanted), "")


@pytest.mark.parametrize("response_format", ["json", "verbose_json"])
def test_json_is_filled_with_white_space(filling: Server, response_format: str) -> None:
    """Line feeds come before a JSON answer that takes long; with them it is the same JSON."""
    answer, before, whole = filled(filling, response_format=response_format)

    assert answer.status_code == 200
    assert before.strip() == b""
    assert json.loads(whole)["text"] == TEXT


@pytest.mark.parametrize(
    ("response_format", "opening", "rest"),
    [("text", b"", TEXT), ("srt", b"", "1\n00:00:00,000 --> 00:00:01,000\n" + TEXT), ("vtt", b"WEBVTT\n\n", "00:00:00.000 --> 00:00:01.000\n" + TEXT)],
)  # fmt: skip
def test_other_formats(filling: Server, response_format: str, opening: bytes, rest: str) -> None:
    """Empty lines come before the text and the cues, behind the head that WebVTT must begin with."""
    _, before, whole = filled(filling, response_format=response_format)

    assert before.startswith(opening)
    assert before.strip() == opening.strip()
    assert whole.count(b"WEBVTT") == bool(opening)
    assert whole.removeprefix(opening).decode().strip() == rest


@pytest.mark.parametrize(("response_format", "demuxer"), [("srt", "srt"), ("vtt", "webvtt")])
def test_players_read_subtitles_behind_empty_lines(
    filling: Server, response_format: str, demuxer: str
) -> None:
    """A player has the same cue, at the same time, from subtitles that were filled."""
    _, before, whole = filled(filling, response_format=response_format)
    with av.open(io.BytesIO(whole), "r", format=demuxer) as subtitles:
        packets = [packet for packet in subtitles.demux() if packet.size]

    assert b"\n\n" in before
    assert [
        (bytes(packet).decode(), float((packet.pts or 0) * (packet.time_base or 0))) for packet in packets
    ] == [(TEXT, 0)]


@pytest.mark.parametrize("response_format", ["text", "srt", "vtt"])
def test_answers_that_come_soon_are_exact(response_format: str) -> None:
    """Where empty lines would be seen, they are not sent before three times the interval is over."""

    async def first_to_fill() -> Filler:
        async def nothing() -> AsyncGenerator[bytes, None]:
            await asyncio.Event().wait()
            yield b""

        async def wait(filler: Filler) -> Filler:
            async with aclosing(kept_alive(nothing(), filler, INTERVAL, lambda: True)) as chunks:
                await anext(chunks)
            return filler

        others = FILLERS[response_format]
        tasks = [asyncio.create_task(wait(filler)) for filler in (others, JSON_FILLER)]
        done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        await asyncio.wait(tasks)
        return done.pop().result()

    assert response_format == "vtt" or asyncio.run(first_to_fill()) is JSON_FILLER
    assert FILLERS[response_format].patience == (1 if response_format == "vtt" else 3)


def test_a_text_is_exact_for_the_library_of_openai(server: Server) -> None:
    """What OpenAI's library gives for `text` is the text and its line end, where nothing had to be filled."""
    text = server.sdk().audio.transcriptions.create(
        model="tone", file=("a.wav", recording()), response_format="text"
    )

    assert text == f"{TEXT}\n"


def test_events_are_filled_with_comments(filling: Server) -> None:
    """Comments come between events, and OpenAI's library reads the stream as if there were none."""
    with stopped_worker(filling) as pid:
        stream = filling.sdk().audio.transcriptions.create(
            model="tone", file=("a.wav", recording()), stream=True
        )
        os.kill(pid, signal.SIGCONT)
        events = list(stream)
    _, before, whole = filled(filling, stream="true")

    assert events[-1].type == "transcript.text.done"
    assert before.startswith(b": ")
    assert whole.endswith(b"data: [DONE]\r\n\r\n")


def test_a_client_of_http_1_0(filling: Server) -> None:
    """A client that knows no chunks gets the line feeds and the JSON as they are, up to the end of the connection."""
    boundary = b"xxx"
    body = (
        b'--xxx\r\nContent-Disposition: form-data; name="model"\r\n\r\ntone\r\n--xxx\r\n'
        b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        + recording()
        + b"\r\n--xxx--\r\n"
    )
    head = (
        b"POST /v1/audio/transcriptions HTTP/1.0\r\nContent-Type: multipart/form-data; boundary=" + boundary
        + b"\r\nContent-Length: %d\r\n\r\n" % len(body)
    )  # fmt: skip
    with (
        stopped_worker(filling) as pid,
        socket.create_connection(("127.0.0.1", filling.port), TIMEOUT) as raw,
    ):
        raw.sendall(head + body)
        received = b""
        while b"\r\n\r\n\n" not in received:
            received += raw.recv(65536)
        os.kill(pid, signal.SIGCONT)
        while piece := raw.recv(65536):
            received += piece

    assert b"chunked" not in received.lower()
    assert json.loads(received.partition(b"\r\n\r\n")[2])["text"] == TEXT


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"model": "no-such"}, 404), ({"language": "xx"}, 400), ({"language": "de"}, 400), ({"temperature": "9"}, 400)],
)  # fmt: skip
def test_what_is_refused_keeps_its_status(filling: Server, fields: dict[str, str], status: int) -> None:
    """A request that can be refused is, though the engine is busy for longer than the interval."""
    with stopped_worker(filling):
        answer = httpx.post(
            f"{filling.base_url}/audio/transcriptions",
            files={"file": ("a.wav", recording())},
            data={"model": "tone", **fields},
            timeout=TIMEOUT,
        )

    assert answer.status_code == status
    assert "error" in answer.json()


def test_a_failure_behind_white_space_is_an_error_object(filling: Server) -> None:
    """A failure that comes after the first bytes is OpenAI's envelope in the place of the JSON, and is logged."""
    answer, before, whole = filled(filling, seconds=2 * LIMIT)

    error = json.loads(whole)["error"]
    assert before.strip() == b""
    assert error["type"] == "invalid_request_error"
    assert set(error) == {"message", "type", "param", "code"}
    wait_until(lambda: outcome_of(filling, answer) == "broken", "the log says so")


def test_a_failure_behind_comments_is_an_error_event(filling: Server) -> None:
    """A stream of events that has only sent comments ends with an error event."""
    _, before, whole = filled(filling, seconds=2 * LIMIT, stream="true")

    last = [record for record in whole.decode().split("\r\n\r\n") if record.startswith("data: ")][-1]
    assert before.startswith(b": ")
    assert "error" in json.loads(last.removeprefix("data: "))


@pytest.mark.parametrize("response_format", ["text", "srt", "vtt"])
def test_a_failure_of_other_formats_breaks_the_connection(filling: Server, response_format: str) -> None:
    """Where an error would be read as a transcript, the body ends unfinished, which every client notices."""
    with pytest.raises(httpx.RemoteProtocolError):
        filled(filling, seconds=2 * LIMIT, response_format=response_format)


def test_a_client_that_leaves_ends_the_work(filling: Server) -> None:
    """A client that leaves while it gets white space frees the engine for the next."""
    with (
        stopped_worker(filling),
        httpx.stream(
            "POST",
            f"{filling.base_url}/audio/transcriptions",
            files={"file": ("a.wav", recording())},
            data={"model": "tone"},
            timeout=TIMEOUT,
        ) as answer,
    ):
        next(answer.iter_raw())

    assert filled(filling)[0].status_code == 200
    wait_until(lambda: outcome_of(filling, answer) == "client_gone", "the log says so")
