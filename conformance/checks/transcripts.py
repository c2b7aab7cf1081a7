"""Transcription and translation: the answers' shapes, byte by byte where clients need it so."""

from __future__ import annotations

import re
import warnings
from typing import Any

from conformance import sound, wire
from conformance.context import Context
from conformance.registry import NotOffered, Run, check, expect

SEGMENT = {"id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob", "compression_ratio", "no_speech_prob"}
SRT = re.compile(r"(\d+\n\d\d:\d\d:\d\d,\d{3} --> \d\d:\d\d:\d\d,\d{3}\n\S[^\n]*\n\n)+\n?")
VTT = re.compile(r"WEBVTT\n\n(\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}\n\S[^\n]*\n\n)+")


def clip(context: Context) -> bytes:
    """Give the recording."""
    return context.target.audio.read_bytes()


async def text_of(context: Context) -> str:
    """Give its text, as the server hears it."""
    return str(wire.success(await context.transcribe(clip(context))).json()["text"])


@check("transcriptions.json", "openai_surface §3.4")
async def as_json(context: Context) -> str:
    """json is application/json with the text."""
    answer = wire.success(await context.transcribe(clip(context)))
    expect(answer.headers["content-type"].startswith("application/json"), f"content-type {answer.headers['content-type']}")
    text = answer.json().get("text")
    expect(isinstance(text, str) and text and text == text.strip(), f"text {text!r}")
    return str(text)[:80]


@check("transcriptions.text", "openai_surface §3.4, trap 5")
async def as_text(context: Context) -> str:
    """text is plain text with one newline at the end, not a JSON string."""
    answer = wire.success(await context.transcribe(clip(context), response_format="text"))
    expect(answer.headers["content-type"].startswith("text/plain"), f"content-type {answer.headers['content-type']}")
    expect(
        not answer.text.startswith('"') and answer.text.endswith("\n") and not answer.text.endswith("\n\n"),
        repr(answer.text[-40:]),
    )
    return repr(answer.text[:60])


def _subtitles(name: str, pattern: re.Pattern[str]) -> Run:
    async def run(context: Context) -> str:
        answer = wire.success(await context.transcribe(clip(context), response_format=name))
        expect(
            answer.headers["content-type"].startswith(("text/plain", "text/vtt")),
            f"content-type {answer.headers['content-type']}",
        )
        expect(pattern.fullmatch(answer.text), repr(answer.text[:120]))
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
    expect(len(language) > 3 and language == language.lower(), f"language {language!r} is no lower-case English name")
    length = sound.decode(clip(context)).seconds
    expect(isinstance(body.get("duration"), float) and abs(body["duration"] - length) < 0.2, f"duration {body.get('duration')}")
    for segment in body.get("segments") or [{}]:
        expect(set(segment) >= SEGMENT, f"a segment lacks {sorted(SEGMENT - set(segment))}")
        expect(0 <= segment["start"] <= segment["end"] <= length + 0.5, f"times {segment['start']}, {segment['end']}")
    return f"{language}, {len(body['segments'])} segments"


@check("transcriptions.granularities", "openai_surface §3.4, trap 7")
async def granularities(context: Context) -> str:
    """timestamp_granularities[] gives words, segments or both, and nothing that was not asked for."""
    for asked in (["word"], ["segment"], ["word", "segment"]):
        fields: dict[str, Any] = {"response_format": "verbose_json", "timestamp_granularities[]": asked}
        body = wire.success(await context.transcribe(clip(context), **fields)).json()
        got = {name.removesuffix("s") for name in ("words", "segments") if body.get(name) is not None}
        expect(got == set(asked), f"asked for {asked}, got {sorted(got)}")
        times = [moment for word in body.get("words") or [] for moment in (word["start"], word["end"])]
        expect(times == sorted(times), f"word times run backwards: {times[:10]}")
        expect("word" not in asked or times, "no words")
    return "word, segment, both"


@check("transcriptions.sdk", "openai_surface §6.3")
async def through_sdk(context: Context) -> str:
    """The strict SDK parses json, verbose_json, text and srt."""
    create, model, file = context.sdk.audio.transcriptions.create, context.target.stt_model, ("clip.flac", clip(context))
    await create(model=model, file=file)
    words = await create(model=model, file=file, response_format="verbose_json", timestamp_granularities=["word", "segment"])
    text = await create(model=model, file=file, response_format="text")
    srt = await create(model=model, file=file, response_format="srt")
    expect(isinstance(text, str) and isinstance(srt, str), f"{type(text).__name__}, {type(srt).__name__}")
    return f"{len(words.words or [])} words"


@check("transcriptions.stream", "openai_surface §3.5, quirk 18")
async def streamed(context: Context) -> str:
    """stream=true gives deltas that add up to the text of done, then [DONE]."""
    answer = wire.success(await context.transcribe(clip(context), model="gpt-4o-transcribe", stream="true"))
    expect(answer.headers["content-type"].startswith("text/event-stream"), f"content-type {answer.headers['content-type']}")
    events = wire.events(answer.content)
    kinds = [event.get("type") for event in events]
    expect(kinds[-1] == "transcript.text.done" and kinds.count(kinds[-1]) == 1, f"events {kinds[-3:]}")
    expect(set(kinds[:-1]) <= {"transcript.text.delta"}, f"events {sorted(map(str, set(kinds)))}")
    text = "".join(event["delta"] for event in events[:-1])
    expect(text == events[-1]["text"] and text, f"deltas {text[:60]!r}, done {events[-1]['text'][:60]!r}")
    usage = events[-1].get("usage")
    expect(usage is None or usage.get("type") == "tokens", f"usage {usage} fails the SDK's validation")
    return f"{len(events)} events"


@check("transcriptions.stream_sdk", "openai_surface §3.5, trap 27")
async def streamed_sdk(context: Context) -> str:
    """The strict SDK reads the stream."""
    stream = await context.sdk.audio.transcriptions.create(
        model="gpt-4o-transcribe", file=("clip.flac", clip(context)), stream=True
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
        expect(isinstance(given["seconds"], int) and given["seconds"] >= 1, str(given))
    else:
        expect(given.get("total_tokens") == given.get("input_tokens", 0) + given.get("output_tokens", 0), str(given))
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
    fields: dict[str, Any] = {"include[]": "logprobs", "response_format": "json", "model": "gpt-4o-transcribe"}
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


@check("translations.json", "openai_surface §4")
async def translation(context: Context) -> str:
    """Translation answers json, and verbose_json with task translate and language english."""
    plain = wire.offered(await context.transcribe(clip(context), route="translations"), 400, 404).json()
    expect(isinstance(plain.get("text"), str), f"no text: {plain}")
    answer = await context.transcribe(clip(context), route="translations", response_format="verbose_json")
    body = wire.success(answer).json()
    expect((body.get("task"), body.get("language")) == ("translate", "english"), f"{body.get('task')}, {body.get('language')}")
    return str(plain["text"])[:60]


@check("translations.sdk", "openai_surface §4")
async def translation_sdk(context: Context) -> str:
    """The strict SDK parses a translation."""
    wire.offered(await context.transcribe(clip(context), route="translations"), 400, 404)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # OpenAI retires it; clients still send it
        answer = await context.sdk.audio.translations.create(model=context.target.stt_model, file=("clip.flac", clip(context)))
    return answer.text[:60]
