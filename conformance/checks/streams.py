"""Speech as it streams: chunks that come while more is made, events, and many at once."""

from __future__ import annotations

import asyncio
import time

from conformance import sound, wire
from conformance.context import Context
from conformance.registry import NotOffered, check, expect

SENTENCES = 150
LATEST = 0.7
"""the first bytes must have come before this share of the time of the whole answer"""
PARALLEL = 16


async def _arrivals(context: Context, **fields: object) -> tuple[float, float, int]:
    """Ask for a long text; give seconds to the first byte and to the last, and the bytes."""
    text = " ".join(f"Sentence number {number} is spoken while others wait." for number in range(SENTENCES))
    began, first, size = time.monotonic(), 0.0, 0
    body = context.speech_body(input=text, **fields)
    async with context.http.stream("POST", context.url("/audio/speech"), json=body) as answer:
        if answer.status_code == 400:
            await answer.aread()
            raise NotOffered(f"a text of {len(text)} characters is refused: {wire.error(answer, 400)['message'][:80]}")
        expect(answer.status_code == 200, f"status {answer.status_code}")
        expect("content-length" not in answer.headers, "a Content-Length: the whole was made before it was sent")
        async for chunk in answer.aiter_raw():
            first = first or time.monotonic() - began
            size += len(chunk)
    return first, time.monotonic() - began, size


@check("speech.streaming.audio", "openai_surface §2.2, field §4.4")
async def streams_audio(context: Context) -> str:
    """Audio of a long text leaves long before its end is made."""
    first, last, size = await _arrivals(context, response_format="mp3")
    seen = f"first byte after {first:.2f} s, last of {size} after {last:.2f} s"
    expect(first < LATEST * last, seen)
    return seen


@check("speech.streaming.sse", "openai_surface §2.3")
async def streams_events(context: Context) -> str:
    """Events of a long text leave long before its end is made."""
    first, last, size = await _arrivals(context, response_format="mp3", stream_format="sse", model="gpt-4o-mini-tts")
    seen = f"first byte after {first:.2f} s, last of {size} after {last:.2f} s"
    expect(first < LATEST * last, seen)
    return seen


@check("speech.sse.events", "openai_surface §2.3, quirk 1")
async def sse_events(context: Context) -> str:
    """stream_format sse gives deltas in base64 that make up the file, then done with usage that adds up, then [DONE]."""
    answer = wire.success(await context.speak(stream_format="sse", model="gpt-4o-mini-tts", response_format="wav"))
    expect(answer.headers["content-type"].startswith("text/event-stream"), f"content-type {answer.headers['content-type']}")
    events = wire.events(answer.content)
    kinds = [event.get("type") for event in events]
    expect(
        kinds[-1] == "speech.audio.done" and set(kinds[:-1]) == {"speech.audio.delta"}, f"events {sorted(map(str, set(kinds)))}"
    )
    heard = sound.decode(wire.file_of(events[:-1]))
    plain = sound.from_pcm(await context.pcm())
    expect(abs(heard.seconds - plain.seconds) < 0.2, f"the file has {heard.seconds:.2f} s, the PCM {plain.seconds:.2f} s")
    usage = events[-1].get("usage", {})
    expect(set(usage) == {"input_tokens", "output_tokens", "total_tokens"}, f"usage {usage}")
    expect(min(usage.values()) > 0, f"usage {usage} has zeros")
    expect(usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"], f"usage {usage} does not add up")
    return f"{len(events)} events, usage {usage}"


@check("speech.sse.accept", "openai_surface §1.1")
async def sse_accept(context: Context) -> str:
    """Events come although the SDKs accept application/octet-stream only."""
    body = context.speech_body(stream_format="sse", model="gpt-4o-mini-tts")
    headers = {"accept": "application/octet-stream"}
    answer = wire.success(await context.http.post(context.url("/audio/speech"), json=body, headers=headers))
    expect(answer.headers["content-type"].startswith("text/event-stream"), f"content-type {answer.headers['content-type']}")
    return "text/event-stream"


@check("speech.streaming.headers", "openai_surface §2.2, trap 24")
async def headers(context: Context) -> str:
    """Audio is not compressed on the way, whatever the client accepts."""
    wanted = {"accept-encoding": "gzip, deflate, br"}
    body = context.speech_body(response_format="wav")
    answer = wire.success(await context.http.post(context.url("/audio/speech"), json=body, headers=wanted))
    expect("content-encoding" not in answer.headers, f"content-encoding {answer.headers.get('content-encoding')}")
    return "no content-encoding"


@check("speech.concurrency", "field §4.10")
async def concurrency(context: Context) -> str:
    """Of many answers at once each is its own words: the same as when it is asked for alone."""
    texts = [f"Request number {number}. {'It goes on for a while. ' * (number % 5)}Done." for number in range(PARALLEL)]
    alone = [sound.from_pcm(await context.pcm(input=text)) for text in texts]
    answers = await asyncio.gather(*(context.speak(input=text, response_format="pcm") for text in texts))
    together = [sound.from_pcm(wire.success(answer).content) for answer in answers]
    worst = min(sound.alike(one, other) for one, other in zip(alone, together, strict=True))
    expect(worst > 0.7, f"an answer is not its own: likeness {worst:.2f}")
    return f"{PARALLEL} at once, likeness at least {worst:.2f}"


@check("speech.sdk", "openai_surface §6.4")
async def through_sdk(context: Context) -> str:
    """The SDK's ways to get speech, sync and async, whole and streamed, give sound."""
    fields = {"model": context.target.tts_model, "voice": context.target.voice, "input": "Hello there.", "response_format": "wav"}
    whole = await context.sdk.audio.speech.create(**fields)  # type: ignore[arg-type]
    async with context.sdk.audio.speech.with_streaming_response.create(**fields) as streamed:  # type: ignore[arg-type]
        pieces = b"".join([piece async for piece in streamed.iter_bytes()])
    plain = await asyncio.to_thread(lambda: context.sync_sdk.audio.speech.create(**fields).content)  # type: ignore[arg-type]
    seconds = [sound.decode(data).seconds for data in (whole.content, pieces, plain)]
    expect(max(seconds) - min(seconds) < 0.15, f"durations differ: {seconds}")
    return f"{seconds[0]:.2f} s each"
