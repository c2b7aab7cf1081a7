"""Speech as it streams: chunks that come while more is made, events, and many at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec

from conformance import sound, wire
from conformance.checks.voices import NAMES
from conformance.context import JITTER, Context
from conformance.registry import NotOffered, check, expect

TEXT = " ".join(f"Sentence number {number} is spoken while others wait." for number in range(75))
"""just below the 4,096 characters that any server takes"""
LATEST = 0.5
"""the first bytes must have come before this share of the time of the whole answer"""
TENTH_LATEST = 0.7
"""as must the first tenth: a header alone is no audio"""
ATTEMPTS = 6
PAUSE = 1.0
"""seconds before the second attempt; each further one waits as much longer, in which others may end"""
PARALLEL = 16


class Arrivals(msgspec.Struct):
    """When the bytes of an answer came."""

    answer: Any
    times: list[tuple[float, int]]
    """seconds since the request, and all bytes until then"""

    @property
    def size(self) -> int:
        """How many bytes came in all."""
        return self.times[-1][1]

    def at(self, share: float) -> float:
        """Return the share of the whole time at which a share of the bytes had come."""
        reached = next(second for second, size in self.times if size >= share * self.size)
        return reached / self.times[-1][0]

    def __str__(self) -> str:
        return (
            f"first byte after {self.times[0][0]:.2f} s, last of {self.size} after {self.times[-1][0]:.2f} s"
        )


async def _arrivals(context: Context, **fields: object) -> Arrivals:
    """Ask for a long text, and look at when its bytes come."""
    began, size = time.monotonic(), 0
    body = context.speech_body(input=TEXT, **fields)
    async with context.http.stream("POST", context.url("/audio/speech"), json=body) as answer:
        if answer.status_code == 400:
            await answer.aread()
            raise NotOffered(
                f"a text of {len(TEXT)} characters is refused: {wire.error(answer, 400)['message'][:80]}"
            )
        expect(answer.status_code == 200, f"status {answer.status_code}")
        arrivals = Arrivals(answer, [])
        async for chunk in answer.aiter_raw():
            size += len(chunk)
            arrivals.times.append((time.monotonic() - began, size))
    expect(size, "no bytes")
    return arrivals


async def _streams(context: Context, look: Callable[[Any], None] = lambda _: None, **fields: object) -> str:
    """Ask, more than once where bytes came late: a busy machine may hold up the first, a server that streams
    not every time.
    """
    for attempt in range(ATTEMPTS):
        await asyncio.sleep(attempt * PAUSE)
        arrivals = await _arrivals(context, **fields)
        look(arrivals.answer)
        expect(
            "content-length" not in arrivals.answer.headers,
            "a Content-Length: the whole was made before it was sent",
        )
        tenth = arrivals.at(0.1)
        if arrivals.at(0) < LATEST and tenth < TENTH_LATEST:
            break
    expect(arrivals.at(0) < LATEST, str(arrivals))
    expect(tenth < TENTH_LATEST, f"{arrivals}; but the first tenth only at {100 * tenth:.0f} % of the time")
    return str(arrivals)


@check("speech.streaming.audio", "openai_surface §2.2, field §4.4")
async def streams_audio(context: Context) -> str:
    """Audio of a long text leaves long before its end is made."""
    return await _streams(context, response_format="mp3")


@check("speech.streaming.wav", "openai_surface §2.2, quirk 6")
async def streams_wav(context: Context) -> str:
    """So it does in wav, whose header does not wait for the length."""
    return await _streams(context, response_format="wav")


@check("speech.streaming.sse", "openai_surface §2.3")
async def streams_events(context: Context) -> str:
    """Events of a long text leave long before its end is made."""
    model = context.target.event_tts_model
    return await _streams(context, _offers_events, response_format="mp3", stream_format="sse", model=model)


@check("speech.streaming.chunked", "openai_surface §2.2")
async def chunked(context: Context) -> str:
    """A long answer is chunked, so that its end can be told from a broken connection."""
    arrivals = await _arrivals(context, response_format="opus")
    headers, version = arrivals.answer.headers, arrivals.answer.http_version
    expect(
        version != "HTTP/1.1" or headers.get("transfer-encoding", "").lower() == "chunked",
        f"headers {dict(headers)}",
    )
    expect(
        headers.get("content-disposition") is None,
        f"a Content-Disposition: {headers.get('content-disposition')}",
    )
    return f"{version}, {len(arrivals.times)} chunks"


def _offers_events(answer: Any) -> None:  # noqa: ANN401 - httpx's answer, read or not
    """Raise NotOffered for what OpenAI's own tts-1 does: plain audio, labelled as audio."""
    if wire.kind(answer).startswith("audio/"):
        raise NotOffered(f"{wire.kind(answer)} comes instead of events, as from OpenAI's tts-1")
    expect(wire.kind(answer) == "text/event-stream", f"content-type {wire.kind(answer)!r}")


@check("speech.sse.events", "openai_surface §2.3, quirk 1")
async def sse_events(context: Context) -> str:
    """stream_format sse gives deltas in base64 that make up the file, then done with usage that adds up, then
    [DONE].
    """
    answer = wire.success(
        await context.speak(stream_format="sse", model=context.target.event_tts_model, response_format="wav")
    )
    _offers_events(answer)
    events = wire.events(answer.content)
    kinds = [event.get("type") for event in events]
    fit = bool(kinds) and kinds[-1] == "speech.audio.done" and set(kinds[:-1]) == {"speech.audio.delta"}
    expect(fit, f"events {sorted(map(str, set(kinds)))}")
    decoded = sound.decode(wire.file_of(events[:-1]))
    plain = sound.from_pcm(await context.pcm(model=context.target.event_tts_model))
    slack = JITTER + await context.duration_jitter() * plain.seconds
    expect(
        decoded.container == "wav" and abs(decoded.seconds - plain.seconds) < slack,
        f"the file is {decoded.container} of {decoded.seconds:.2f} s, the PCM has {plain.seconds:.2f} s",
    )
    usage = events[-1].get("usage", {})
    expect(set(usage) == {"input_tokens", "output_tokens", "total_tokens"}, f"usage {usage}")
    expect(
        all(type(count) is int and count > 0 for count in usage.values()),
        f"usage {usage}: not all are counts above 0",
    )
    expect(
        usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"],
        f"usage {usage} does not add up",
    )
    return f"{len(events)} events, usage {usage}"


@check("speech.sse.accept", "openai_surface §1.1")
async def sse_accept(context: Context) -> str:
    """No Accept header matters: events come to the SDKs, which accept application/octet-stream only, and to
    others.
    """
    body = context.speech_body(stream_format="sse", model=context.target.event_tts_model, input="Hello.")
    for accepted in ("application/octet-stream", "image/png"):
        answer = await context.http.post(
            context.url("/audio/speech"), json=body, headers={"accept": accepted}
        )
        _offers_events(wire.success(answer))
    return "text/event-stream"


@check("speech.sse.formats", "openai_surface §2.3")
async def sse_formats(context: Context) -> str:
    """Events carry the format that is asked for, mp3 when none is."""
    for asked, container in ((None, "mp3"), ("opus", "ogg"), ("flac", "flac"), ("aac", "aac")):
        fields = {
            "stream_format": "sse",
            "model": context.target.event_tts_model,
            "response_format": asked,
            "input": "Hello.",
        }
        answer = wire.success(await context.speak(**fields))
        _offers_events(answer)
        found = sound.decode(wire.file_of(wire.events(answer.content)[:-1])).container
        expect(found == container, f"asked for {asked}, it is {found}")
    return "mp3, ogg, flac, aac"


@check("speech.streaming.headers", "openai_surface §2.2, trap 24")
async def headers(context: Context) -> str:
    """Audio is not compressed on the way, whatever the client accepts."""
    wanted = {"accept-encoding": "gzip, deflate, br"}
    body = context.speech_body(response_format="wav")
    answer = wire.success(await context.http.post(context.url("/audio/speech"), json=body, headers=wanted))
    expect(
        "content-encoding" not in answer.headers, f"content-encoding {answer.headers.get('content-encoding')}"
    )
    return "no content-encoding"


@check("speech.concurrency", "field §4.10")
async def concurrency(context: Context) -> str:
    """Of many answers at once each is its own voice and words: the same as when it is asked for alone."""
    asked = [
        {
            "voice": NAMES[number % len(NAMES)],
            "input": f"Request {number}. {'It goes on for a while. ' * (number % 5)}Done.",
        }
        for number in range(PARALLEL)
    ]
    alone = [sound.from_pcm(await context.pcm(**fields)) for fields in asked]
    answers = await asyncio.gather(*(context.speak(**fields, response_format="pcm") for fields in asked))
    together = [sound.from_pcm(wire.success(answer).content) for answer in answers]
    loose = await context.duration_jitter()
    for fields, one, other in zip(asked, alone, together, strict=True):
        durations = f"{one.seconds:.2f} s alone, {other.seconds:.2f} s among others"
        seen = f"{fields['voice']}, {fields['input'][:12]!r}: {durations}"
        expect(abs(one.seconds - other.seconds) <= JITTER + loose * one.seconds, seen)
        if not loose:
            likeness, pitches = sound.similarity(one, other), (sound.pitch(one), sound.pitch(other))
            expect(likeness > 0.7, f"{seen}, likeness {likeness:.2f}")
            expect(
                0.9 < (pitches[1] or 1) / (pitches[0] or 1) < 1.11,
                f"{seen}, pitch {pitches[0]:.0f} and {pitches[1]:.0f} Hz",
            )
    return f"{PARALLEL} at once, each its own"


@check("speech.sdk", "openai_surface §6.4")
async def through_sdk(context: Context) -> str:
    """The SDK's ways to get speech, sync and async, whole and streamed, give sound."""
    fields = {
        "model": context.target.tts_model,
        "voice": context.target.voice,
        "input": "Hello there.",
        "response_format": "wav",
    }
    whole = await context.sdk.audio.speech.create(**fields)  # type: ignore[arg-type]
    async with context.sdk.audio.speech.with_streaming_response.create(**fields) as streamed:  # type: ignore[arg-type]
        pieces = b"".join([piece async for piece in streamed.iter_bytes()])
    plain = await asyncio.to_thread(lambda: context.sync_sdk.audio.speech.create(**fields).content)  # type: ignore[arg-type]
    seconds = [sound.decode(data).seconds for data in (whole.content, pieces, plain)]
    slack = 2 * JITTER + await context.duration_jitter() * max(seconds)
    expect(max(seconds) - min(seconds) < slack, f"durations differ: {seconds}")
    return f"{seconds[0]:.2f} s each"
