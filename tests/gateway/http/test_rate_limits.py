"""Tests of limits: a caller's own answer 429, the server's 503, both with the time to come back, which the
SDK's retries honour.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import Server, running, wait_until

from compat.errors import RateLimited, refusal
from engines.errors import Overloaded
from gateway.config.settings import AdmissionSettings
from gateway.http.rate_limits import LocalRateLimiter, go_duration
from gateway.security.keys import KEYS_FILE, KeyStore

SPEECH = {"model": "tts-1", "voice": "alloy", "input": "Hello.", "response_format": "pcm"}


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


def rate_limiter(**settings: float) -> tuple[LocalRateLimiter, Clock]:
    clock = Clock()
    return LocalRateLimiter(AdmissionSettings(**settings), clock), clock  # type: ignore[arg-type]


def test_requests_per_minute() -> None:
    """A caller may send a minute's worth of requests at once, then as time refills it; the refusal's time to
    come back is right.
    """

    async def test() -> None:
        limiter, clock = rate_limiter(requests_per_minute=3)
        for left in (2, 1, 0):
            permit = await limiter.acquire("a", "tts-1", 1.0)
            assert permit.headers["x-ratelimit-limit-requests"] == "3"
            assert permit.headers["x-ratelimit-remaining-requests"] == str(left)
            limiter.release(permit, 1.0)
        with pytest.raises(RateLimited) as caught:
            await limiter.acquire("a", "tts-1", 1.0)
        assert caught.value.retry_after == pytest.approx(20)
        refused = refusal(caught.value)
        assert (refused.status, refused.body.error.type, refused.body.error.code) == (
            429,
            "requests",
            "rate_limit_exceeded",
        )
        assert refused.headers["retry-after"] == "20"
        assert refused.headers["x-ratelimit-reset-requests"] == "1m0s"
        assert "Limit 3, Used 3, Requested 1. Please try again in 20s" in refused.body.error.message
        await limiter.acquire("b", "tts-1", 1.0)
        clock.now += 20.001
        await limiter.acquire("a", "tts-1", 1.0)

    asyncio.run(test())


def test_audio_seconds_are_settled_afterwards() -> None:
    """A request is charged its estimate, and the difference afterwards; one beyond the whole allowance passes
    when that is full.
    """

    async def test() -> None:
        limiter, clock = rate_limiter(audio_seconds_per_minute=60)
        permit = await limiter.acquire("a", "tts-1", 50.0)
        assert permit.headers["x-ratelimit-remaining-tokens"] == "200"
        with pytest.raises(RateLimited) as caught:
            await limiter.acquire("a", "tts-1", 30.0)
        assert refusal(caught.value).body.error.type == "tokens"
        limiter.release(permit, 20.0)
        limiter.release(await limiter.acquire("a", "tts-1", 30.0), 100.0)
        with pytest.raises(RateLimited):
            await limiter.acquire("a", "tts-1", 1.0)
        clock.now += 3600
        await limiter.acquire("a", "tts-1", 1000.0)

    asyncio.run(test())


def test_concurrent_streams() -> None:
    """A caller's limit answers 429, the server's 503; a stream that ends frees its permit."""

    async def test() -> None:
        limiter, _ = rate_limiter(streams=3, streams_per_caller=2)
        held = [await limiter.acquire("a", "tts-1", 1.0) for _ in range(2)]
        with pytest.raises(RateLimited):
            await limiter.acquire("a", "tts-1", 1.0)
        other = await limiter.acquire("b", "tts-1", 1.0)
        assert other.headers["x-ratelimit-remaining-requests"] == "0"
        with pytest.raises(Overloaded):
            await limiter.acquire("c", "tts-1", 1.0)
        limiter.release(held[0], 1.0)
        await limiter.acquire("c", "tts-1", 1.0)

    asyncio.run(test())


@given(st.floats(0, 10_000))
def test_durations_are_written_as_go_does(seconds: float) -> None:
    """`12ms`, `1.2s`, `6m0s`: readable, and true to a millisecond."""
    shown = go_duration(seconds)
    match = re.fullmatch(r"(?:(\d+)ms|(?:(\d+)m)?([\d.]+)s)", shown)

    assert match, shown
    milliseconds, minutes, rest = match.groups()
    written = int(milliseconds) / 1000 if milliseconds else 60 * int(minutes or 0) + float(rest)
    assert written == pytest.approx(seconds, abs=0.0011)


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str, str]]:
    """Run a server with two keys, two streams for each, three in all, and little audio a minute."""
    folder = tmp_path_factory.mktemp("limited")
    keys = KeyStore(folder / "data" / KEYS_FILE)
    first, second = keys.create("first", None)[1], keys.create("second", None)[1]
    settings = {"streams": 3, "streams_per_caller": 2, "requests_per_minute": 100_000, "wait": 20}
    config = {"admission": settings, "engines": {"tone": {"enabled": True, "workers": 4}}}
    with running(folder, config) as server:
        yield server, first, second


def speak(server: Server, key: str, text: str = "Hello.") -> httpx.Response:
    body = SPEECH | {"model": "tone", "voice": "tone-1", "input": text}
    return httpx.post(
        f"{server.base_url}/audio/speech", json=body, headers={"authorization": f"Bearer {key}"}, timeout=60
    )


def streams(server: Server) -> int:
    return sum(engine["streams"] for engine in httpx.get(f"{server.url}/health").json()["engines"].values())


def test_limits_on_the_wire(limited: tuple[Server, str, str]) -> None:
    """Beyond a key's limit requests get 429, beyond the server's 503, in the envelope, with whole seconds to
    wait; the SDK's own retries then succeed.
    """
    server, first, second = limited
    with ThreadPoolExecutor(4) as pool:
        long = "[wait 2] one two three"
        running = [pool.submit(speak, server, key, long) for key in (first, first)]
        wait_until(lambda: streams(server) == 2, "both are let in")
        own_streams = speak(server, first)
        running.append(pool.submit(speak, server, second, long))
        wait_until(lambda: streams(server) == 3, "all three are let in")
        whole = speak(server, second)
        body = {"model": "tone", "voice": "tone-1", "input": "Hello.", "response_format": "pcm"}
        patient = openai.OpenAI(base_url=server.base_url, api_key=second, max_retries=8, timeout=60)
        with patient:
            spoken = patient.audio.speech.create(**body).content  # type: ignore[arg-type]
        answers = [one.result() for one in running]

    assert own_streams.status_code == 429
    assert own_streams.json()["error"]["code"] == "rate_limit_exceeded"
    assert whole.status_code == 503
    for refused in (own_streams, whole):
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["x-should-retry"] == "true"
    assert len(spoken) > 1000
    assert [answer.status_code for answer in answers] == [200] * 3
    assert streams(server) == 0


def test_audio_responses_have_rate_limit_headers(limited: tuple[Server, str, str], server: Server) -> None:
    """Speech and transcriptions have OpenAI's rate limit headers, with a limit or without; lists have none."""
    own, first, _ = limited
    set_by_rate, set_by_room = speak(own, first), speak(server, "x")

    assert set_by_rate.headers["x-ratelimit-limit-requests"] == "100000"
    assert set_by_room.headers["x-ratelimit-limit-requests"] == "1000"
    for answer in (set_by_rate, set_by_room):
        assert int(answer.headers["x-ratelimit-remaining-requests"]) < int(
            answer.headers["x-ratelimit-limit-requests"]
        )
        assert re.fullmatch(r"\d+ms|0s|[\d.]+s", answer.headers["x-ratelimit-reset-requests"])
    assert "x-ratelimit-limit-requests" not in httpx.get(f"{server.base_url}/models").headers


@pytest.mark.parametrize(
    ("headers", "param"),
    [
        ({"x-voicebox-priority": "urgent"}, "priority"),
        ({"x-voicebox-deadline": "soon"}, "deadline"),
        ({"x-voicebox-deadline": "-1"}, "deadline"),
    ],
)
def test_invalid_priority_or_deadline(server: Server, headers: dict[str, str], param: str) -> None:
    """A priority or a deadline that cannot be parsed is the caller's error."""
    answer = httpx.post(f"{server.base_url}/audio/speech", json=SPEECH, headers=headers)

    assert answer.status_code == 400
    assert f"x-voicebox-{param}" in answer.json()["error"]["message"]
