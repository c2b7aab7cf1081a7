"""Checks of transcriptions: the answers' shapes, byte by byte where clients need it so."""

from __future__ import annotations

import asyncio
import re
from difflib import SequenceMatcher
from typing import Any

from conformance import sound, wire
from conformance.context import RECORDING, WORDS, Context
from conformance.registry import NotOffered, Run, check, expect

SEGMENT = {
    "id",
    "seek",
    "start",
    "end",
    "text",
    "tokens",
    "temperature",
    "avg_logprob",
    "compression_ratio",
    "no_speech_prob",
}
SRT = re.compile(r"(\d+\n\d\d:\d\d:\d\d,\d{3} --> \d\d:\d\d:\d\d,\d{3}\n\S[^\n]*\n\n)+\n")
VTT = re.compile(r"WEBVTT\n\n(\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}\n\S[^\n]*\n\n)+")


def clip(context: Context) -> bytes:
    """Return the bytes of the target's recording."""
    return context.target.audio.read_bytes()


async def text_of(context: Context) -> str:
    """Return the server's transcript of the recording."""
    return str(wire.success(await context.transcribe(clip(context))).json()["text"])


@check("transcriptions.json", "openai_surface §3.4")
async def as_json(context: Context) -> str:
    """json is application/json with the text."""
    answer = wire.success(await context.transcribe(clip(context)))
    expect(
        answer.headers["content-type"].startswith("application/json"),
        f"content-type {answer.headers['content-type']}",
    )
    text = answer.json().get("text")
    expect(isinstance(text, str) and text and text == text.strip(), f"text {text!r}")
    return str(text)[:80]


@check("transcriptions.text", "openai_surface §3.4, trap 5")
async def as_text(context: Context) -> str:
    """text is plain text with one newline at the end, not a JSON string."""
    answer = wire.success(await context.transcribe(clip(context), response_format="text"))
    expect(
        answer.headers["content-type"].startswith("text/plain"),
        f"content-type {answer.headers['content-type']}",
    )
    expect(
        not answer.text.startswith('"') and answer.text.endswith("\n") and not answer.text.endswith("\n\n"),
        repr(answer.text[-40:]),
    )
    return repr(answer.text[:60])


def _subtitles(name: str, pattern: re.Pattern[str]) -> Run:
    async def run(context: Context) -> str:
        answer = wire.success(await context.transcribe(clip(context), response_format=name))
        expect(wire.kind(answer) == "text/plain", f"content-type {wire.kind(answer)!r}")
        expect(pattern.fullmatch(answer.text), f"{answer.text[:80]!r} … {answer.text[-30:]!r}")
        times = re.findall(r"\d\d:\d\d:\d\d[,.]\d{3}", answer.text)
        expect(times == sorted(times), f"times run backwards: {times[:8]}")
        numbers = re.findall(r"^(\d+)$", answer.text, re.MULTILINE) if name == "srt" else []
        expect(
            numbers == [str(number + 1) for number in range(len(numbers))], f"cues are numbered {numbers[:8]}"
        )
        return repr(answer.text[:60])

    run.__doc__ = f"{name} is plain text in exactly that format."
    return run


check("transcriptions.srt", "openai_surface §3.4, trap 5")(_subtitles("srt", SRT))
check("transcriptions.vtt", "openai_surface §3.4, trap 6")(_subtitles("vtt", VTT))


@check("transcriptions.verbose_json", "openai_surface §3.4, quirk 19")
async def verbose(context: Context) -> str:
    """verbose_json has task, language by name, duration, text, and segments with all ten fields."""
    body = wire.success(await context.transcribe(clip(context), response_format="verbose_json")).json()
    expect(body.get("task") == "transcribe", f"task {body.get('task')!r}")
    language = str(body.get("language"))
    expect(
        len(language) > 3 and language == language.lower(),
        f"language {language!r} is no lower-case English name",
    )
    length = sound.decode(clip(context)).seconds
    expect(
        isinstance(body.get("duration"), float) and abs(body["duration"] - length) < 0.2,
        f"duration {body.get('duration')}",
    )
    segments = body.get("segments") or [{}]
    for number, segment in enumerate(segments):
        expect(set(segment) >= SEGMENT, f"a segment lacks {sorted(SEGMENT - set(segment))}")
        expect(segment["id"] == number, f"segment {number} has the id {segment['id']!r}")
        expect(
            0 <= segment["start"] <= segment["end"] <= length + 0.5,
            f"times {segment['start']}, {segment['end']}",
        )
        expect(
            segment["text"].startswith(" "), f"a segment without its leading space: {segment['text'][:40]!r}"
        )
    text = body.get("text")
    expect(isinstance(text, str) and text == text.strip(), f"text {text!r}")
    expect(
        "".join(segment["text"] for segment in segments).strip() == text,
        "the segments do not make up the text",
    )
    return f"{language}, {len(segments)} segments"


GRANULARITIES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "none": ({}, {"segments"}),
    "word": ({"timestamp_granularities[]": ["word"]}, {"words"}),
    "segment": ({"timestamp_granularities[]": ["segment"]}, {"segments"}),
    "both": ({"timestamp_granularities[]": ["word", "segment"]}, {"words", "segments"}),
    "unbracketed": ({"timestamp_granularities": ["word"]}, {"words"}),
}


def _granularity(name: str) -> Run:
    fields, wanted = GRANULARITIES[name]

    async def run(context: Context) -> str:
        body = wire.success(
            await context.transcribe(clip(context), response_format="verbose_json", **fields)
        ).json()
        got = {key for key in ("words", "segments") if key in body}
        expect(got == wanted, f"{sorted(got)}, not {sorted(wanted)}")
        if "words" in wanted:
            _words(body, sound.decode(clip(context)).seconds)
        return ", ".join(sorted(got))

    names = " and ".join(sorted(wanted))
    run.__doc__ = f"timestamp_granularities[] {name}: {names}, and no key that was not asked for."
    return run


def _words(body: dict[str, Any], length: float) -> None:
    words = body["words"]
    expect(isinstance(words, list) and words, f"words {words!r}")
    expect(all(set(word) >= {"word", "start", "end"} for word in words), f"a word lacks a field: {words[0]}")
    times = [moment for word in words for moment in (word["start"], word["end"])]
    expect(times == sorted(times), f"word times run backwards: {times[:10]}")
    expect(
        times[0] >= 0 and times[-1] <= length + 0.5,
        f"word times from {times[0]} to {times[-1]} of {length:.1f} s",
    )
    expect(all(word["word"] == word["word"].strip() for word in words), f"words with spaces: {words[:3]}")
    spoken = re.findall(r"\w+", body["text"].lower())
    expect(
        abs(len(words) - len(body["text"].split())) <= 0.2 * len(spoken) + 1,
        f"{len(words)} words for {body['text'][:60]!r}",
    )


for _name in GRANULARITIES:
    check(f"transcriptions.granularities.{_name}", "openai_surface §3.4, trap 7")(_granularity(_name))


@check("transcriptions.right_words", "clients")
async def right_words(context: Context) -> str:
    """What is said in a recording is what is written: most of its words, in their order, at times spread over
    its length.
    """
    fields: dict[str, Any] = {
        "response_format": "verbose_json",
        "timestamp_granularities[]": ["word", "segment"],
    }
    body = wire.success(
        await context.transcribe(context.target.recording.read_bytes(), name="recording.ogg", **fields)
    ).json()
    length = sound.decode(context.target.recording.read_bytes()).seconds
    expect(abs(body["duration"] - length) < 0.2, f"duration {body['duration']}, but it has {length:.2f} s")
    _words(body, length)
    if context.target.recording != RECORDING:
        return f"not known: {body['text'][:80]}"
    expect(
        body["words"][-1]["end"] > 0.6 * length,
        f"its last word ends at {body['words'][-1]['end']} s of {length:.1f}",
    )
    said, written = WORDS.split(), re.findall(r"[a-z']+", body["text"].lower())
    found = sum(
        block.size for block in SequenceMatcher(None, said, written, autojunk=False).get_matching_blocks()
    )
    expect(found > 0.5 * len(said), f"{found} of {len(said)} words: {body['text'][:100]}")
    return f"{found} of {len(said)} words"


@check("transcriptions.parallel", "field §4.10")
async def parallel(context: Context) -> str:
    """Of several recordings at once each gets its own transcript."""
    quiet = sound.encode(sound.silence(1.0), "wav", "pcm_s16le", 16_000)
    alone = await text_of(context)
    answers = await asyncio.gather(*(context.transcribe(data) for data in (clip(context), quiet) * 3))
    texts = [str(wire.success(answer).json()["text"]) for answer in answers]
    expect(texts == [alone, ""] * 3, f"{texts}, not {[alone, '']} in turn")
    return "three with words, three without"


@check("transcriptions.sdk", "openai_surface §6.3")
async def through_sdk(context: Context) -> str:
    """The strict SDK parses json, verbose_json, text, srt and vtt, sync and async."""
    create, model, file = (
        context.sdk.audio.transcriptions.create,
        context.target.stt_model,
        ("clip.flac", clip(context)),
    )
    await create(model=model, file=file)
    words = await create(
        model=model, file=file, response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )
    text = await create(model=model, file=file, response_format="text")
    srt = await create(model=model, file=file, response_format="srt")
    vtt = await asyncio.to_thread(
        context.sync_sdk.audio.transcriptions.create, model=model, file=file, response_format="vtt"
    )
    expect(
        all(isinstance(one, str) for one in (text, srt, vtt)), f"{type(text).__name__}, {type(srt).__name__}"
    )
    expect(words.words and words.segments, "no words or no segments")
    return f"{len(words.words or [])} words"


@check("transcriptions.stream", "openai_surface §3.5, quirk 18")
async def streamed(context: Context) -> str:
    """stream=true gives deltas that add up to the text of done, then [DONE]."""
    answer = wire.success(
        await context.transcribe(clip(context), model=context.target.event_stt_model, stream="true")
    )
    expect(
        answer.headers["content-type"].startswith("text/event-stream"),
        f"content-type {answer.headers['content-type']}",
    )
    events = wire.events(answer.content)
    kinds = [event.get("type") for event in events]
    expect(kinds[-1] == "transcript.text.done" and kinds.count(kinds[-1]) == 1, f"events {kinds[-3:]}")
    expect(set(kinds[:-1]) <= {"transcript.text.delta"}, f"events {sorted(map(str, set(kinds)))}")
    text = "".join(event["delta"] for event in events[:-1])
    expect(text == events[-1]["text"] and text, f"deltas {text[:60]!r}, done {events[-1]['text'][:60]!r}")
    expect(not text.startswith(" "), f"the first delta begins with a space: {text[:20]!r}")
    usage = events[-1].get("usage")
    expect(usage is None or usage.get("type") == "tokens", f"usage {usage} fails the SDK's validation")
    _adds_up(usage)
    return f"{len(events)} events"


def _adds_up(usage: dict[str, Any] | None) -> None:
    if usage and usage.get("type") == "tokens":
        expect(
            usage.get("total_tokens") == usage.get("input_tokens", 0) + usage.get("output_tokens", 0),
            f"usage {usage}",
        )


@check("transcriptions.stream_errors", "openai_surface §3.5")
async def stream_errors(context: Context) -> str:
    """With stream=true, what is wrong before the first event is an ordinary error, no event."""
    fields: dict[str, Any] = {"stream": "true", "model": context.target.event_stt_model}
    return str(wire.error(await context.transcribe(b"no sound at all" * 100, **fields), 400)["message"])[:100]


@check("transcriptions.stream_sdk", "openai_surface §3.5, trap 27")
async def streamed_sdk(context: Context) -> str:
    """The strict SDK reads the stream."""
    stream = await context.sdk.audio.transcriptions.create(
        model=context.target.event_stt_model, file=("clip.flac", clip(context)), stream=True
    )
    kinds = [event.type async for event in stream]
    expect(kinds and kinds[-1] == "transcript.text.done", f"events {kinds[-3:]}")
    return f"{len(kinds)} events"


@check("transcriptions.usage", "openai_surface §3.4")
async def usage(context: Context) -> str:
    """usage, where given, is by duration in whole seconds, or by tokens that add up."""
    given = wire.success(await context.transcribe(clip(context))).json().get("usage")
    if given is None:
        raise NotOffered("no usage")
    if given.get("type") == "duration":
        length = sound.decode(clip(context)).seconds
        expect(
            type(given.get("seconds")) is int and 0 <= given["seconds"] - length < 1,
            f"{given} for {length:.2f} s",
        )
    else:
        expect(given.get("type") == "tokens", str(given))
        _adds_up(given)
    return str(given)


@check("transcriptions.models", "openai_surface §3.3, quirk 7")
async def models(context: Context) -> str:
    """OpenAI's transcription models work by name."""
    names = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-transcribe")
    for name in names:
        wire.success(await context.transcribe(clip(context), model=name))
    return ", ".join(names)


@check("transcriptions.logprobs", "openai_surface §3.3")
async def logprobs(context: Context) -> str:
    """include[]=logprobs gives log-probabilities, or a clear refusal."""
    fields: dict[str, Any] = {
        "include[]": "logprobs",
        "response_format": "json",
        "model": context.target.event_stt_model,
    }
    answer = wire.offered(await context.transcribe(clip(context), **fields), 400)
    if "logprobs" not in answer.json():
        expect(answer.headers.get("x-voicebox-ignored"), "neither log-probabilities nor a word about them")
        raise NotOffered("ignored, and said so")
    return f"{len(answer.json()['logprobs'])} tokens"


@check("transcriptions.diarized", "openai_surface §3.4")
async def diarized(context: Context) -> str:
    """diarized_json gives segments with speakers, or a clear refusal."""
    fields: dict[str, Any] = {"response_format": "diarized_json", "model": "gpt-4o-transcribe-diarize"}
    body = wire.offered(await context.transcribe(clip(context), **fields), 400).json()
    for name in ("duration", "segments", "task", "text"):
        expect(name in body, f"no {name}")
    expect(all("speaker" in segment for segment in body["segments"]), "a segment without speaker")
    return f"{len(body['segments'])} segments"
