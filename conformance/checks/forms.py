"""Transcription: what may be uploaded, and how clients write their forms."""

from __future__ import annotations

import base64
from difflib import SequenceMatcher
from typing import Any

from conformance import sound, wire
from conformance.checks.transcripts import clip, text_of
from conformance.context import Context
from conformance.registry import Run, check, expect

CONTAINERS = {
    "wav": ("wav", "pcm_s16le", 16_000),
    "mp3": ("mp3", "libmp3lame", 16_000),
    "m4a": ("ipod", "aac", 16_000),
    "webm": ("webm", "libopus", 48_000),
    "ogg": ("ogg", "libopus", 48_000),
    "aac": ("adts", "aac", 16_000),
    "flac": ("flac", "flac", 16_000),
}
UNSET: dict[str, dict[str, Any]] = {
    "empty language": {"language": ""},
    "empty prompt": {"prompt": ""},
    "empty temperature": {"temperature": ""},
    "language auto": {"language": "auto"},
    "language en": {"language": "en"},
    "language en-US": {"language": "en-US"},
    "temperature 0.0": {"temperature": "0.0"},
    "unknown fields": {"vad_filter": "false", "user": "me"},
    "chunking_strategy auto": {"chunking_strategy": "auto"},
    "chunking_strategy as JSON": {"chunking_strategy": '{"type":"server_vad","threshold":0.4}'},
    "chunking_strategy in brackets": {
        "chunking_strategy[type]": "server_vad",
        "chunking_strategy[threshold]": "0.4",
    },
    "keywords and languages": {"keywords[]": ["foo", "bar"], "languages[]": "en"},
    "granularities without verbose_json": {"timestamp_granularities[]": "word"},
    "a part named twice": {"prompt": ["one", "two"]},
}
EDGE = "----conformance7MA4YWxkTrZu0gW"


def _container(name: str) -> Run:
    container, codec, rate = CONTAINERS[name]

    async def run(context: Context) -> str:
        data = sound.encode(sound.decode(clip(context), 16_000), container, codec, rate)
        body = wire.success(
            await context.transcribe(data, name=f"clip.{name}", response_format="verbose_json")
        ).json()
        length = sound.decode(clip(context)).seconds
        expect(body["text"].strip(), "no text")
        expect(abs(body["duration"] - length) < 0.3, f"duration {body['duration']} of {length:.2f} s")
        return str(body["text"])[:60]

    run.__doc__ = f"A recording in {name} is transcribed."
    return run


for _name in CONTAINERS:
    check(f"uploads.{_name}", "openai_surface §3.1")(_container(_name))


@check("uploads.lying_names", "quirk 14, trap 21")
async def lying_names(context: Context) -> str:
    """What a file is, its content says: wrong, missing and strange names and types are no obstacle."""
    wav = sound.encode(sound.decode(clip(context), 16_000), *CONTAINERS["wav"])
    for name in ("audio.webm", "file", "upload", "blob", "C:\\my files\\a.m4a", "x.wav_part_0.mp3"):
        expect(wire.success(await context.transcribe(wav, name=name)).json()["text"], f"no text for {name!r}")
    return "six names"


@check("uploads.open_wav", "trap 15")
async def open_wav(context: Context) -> str:
    """A WAV with open sizes, as OpenAI's own speech comes, is read to its end."""
    wav = bytearray(sound.encode(sound.decode(clip(context), 16_000), *CONTAINERS["wav"]))
    data = wav.find(b"data")
    wav[4:8] = wav[data + 4 : data + 8] = b"\xff\xff\xff\xff"
    body = wire.success(await context.transcribe(bytes(wav), response_format="verbose_json")).json()
    expect(abs(body["duration"] - sound.decode(clip(context)).seconds) < 0.2, f"duration {body['duration']}")
    return f"{body['duration']:.2f} s"


def _part(name: str, value: bytes, extra: str = "", before: str = "") -> bytes:
    head = f'--{EDGE}\r\n{before}Content-Disposition: form-data; name="{name}"{extra}\r\n\r\n'
    return head.encode() + value + b"\r\n"


def _orders(context: Context) -> dict[str, bytes]:
    name = context.target.stt_model.encode()
    file = _part("file", clip(context), '; filename="clip.flac"')
    model, language = _part("model", name), _part("language", b"en")
    typed = _part("model", name, before="Content-Type: text/plain; charset=utf-8\r\n")
    end = f"--{EDGE}--\r\n".encode()
    return {
        "first": file + model + language + end,
        "in the middle": model + file + language + end,
        "last": model + language + file + end,
        "without a type": model + _part("file", clip(context), '; filename="file"') + end,
        "with a path for a name": model
        + _part("file", clip(context), '; filename="/home/me/my clip.flac"')
        + end,
        "behind a field with a type": typed + file + end,
    }


@check("forms.order", "quirk 14")
async def order(context: Context) -> str:
    """The file may stand first, in the middle or last, and fields may carry types of their own."""
    headers = {"content-type": f"multipart/form-data; boundary={EDGE}"}
    for where, body in _orders(context).items():
        answer = await context.http.post(context.url("/audio/transcriptions"), content=body, headers=headers)
        expect(answer.status_code == 200, f"file {where}: {answer.status_code} {answer.text[:100]}")
    return ", ".join(_orders(context))


@check("forms.chunked", "quirk 15, trap 25")
async def chunked(context: Context) -> str:
    """An upload in chunks without Content-Length is taken (Node's SDK sends streams so)."""
    body = _orders(context)["first"]
    pieces = [f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in _pieces(body)]
    head = [
        f"POST {wire.path(context, '/audio/transcriptions')} HTTP/1.1",
        f"Content-Type: multipart/form-data; boundary={EDGE}",
        "Transfer-Encoding: chunked",
    ]
    status, answer = await wire.raw(context, head, [*pieces, b"0\r\n\r\n"])
    expect(status == 200, f"status {status}: {answer[:100]!r}")
    return "200"


@check("forms.expect", "quirk 15")
async def expect_continue(context: Context) -> str:
    """An upload that waits for 100 Continue is taken (curl sends large ones so)."""
    body = _orders(context)["last"]
    head = [
        f"POST {wire.path(context, '/audio/transcriptions')} HTTP/1.1",
        "Expect: 100-continue",
        f"Content-Type: multipart/form-data; boundary={EDGE}",
        f"Content-Length: {len(body)}",
    ]
    status, answer = await wire.raw(context, head, [body], wait=0.2)
    expect(status == 200, f"status {status}: {answer[:100]!r}")
    return "200"


def _pieces(data: bytes) -> list[bytes]:
    return [data[start : start + 10_000] for start in range(0, len(data), 10_000)]


def _spelling(what: str) -> Run:
    async def run(context: Context) -> str:
        return str(wire.success(await context.transcribe(clip(context), **UNSET[what])).json()["text"])[:60]

    run.__doc__ = f"A form with {what} is taken."
    return run


for _what in UNSET:
    check(f"forms.values.{_what.replace(' ', '_')}", "quirks 12, 13, 16")(_spelling(_what))


@check("forms.json", "quirk 17")
async def json_request(context: Context) -> str:
    """A JSON body with input_audio in base64 (Open WebUI) is taken, or refused properly."""
    audio = {"data": base64.b64encode(clip(context)).decode(), "format": "flac"}
    body = {"model": context.target.stt_model, "input_audio": audio}
    answer = await context.http.post(context.url("/audio/transcriptions"), json=body)
    return str(wire.offered(answer, 400, 415).json()["text"])[:60]


@check("uploads.silence", "openai_surface trap 22, quirk 20")
async def silent(context: Context) -> str:
    """Silence is transcribed as nothing, which is a 200."""
    wav = sound.encode(sound.silence(2.0), *CONTAINERS["wav"])
    body = wire.success(await context.transcribe(wav)).json()
    expect(body["text"] == "", f"text {body['text']!r}")
    body = wire.success(await context.transcribe(wav, response_format="verbose_json")).json()
    expect(body["text"] == "" and not body["segments"], f"verbose_json {str(body)[:120]}")
    for name, nothing in (("text", ""), ("srt", ""), ("vtt", "WEBVTT")):
        answer = wire.success(await context.transcribe(wav, response_format=name))
        expect(answer.text.strip() == nothing, f"{name} is {answer.text[:60]!r}")
    events = wire.events(
        (await context.transcribe(wav, stream="true", model=context.target.event_stt_model)).content
    )
    expect(events and events[-1].get("text") == "", f"events {events[-1:]}")
    return "empty text, in every format"


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "An empty file is a 400."),
    "garbage": (b"this is no sound at all. " * 200, "A file that is no sound is a 400."),
    "playlist": (
        b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.wav\n",
        "A playlist is a 400; what it points at is not fetched.",
    ),
}


def _bad(name: str) -> Run:
    data, promise = BAD[name]

    async def run(context: Context) -> str:
        return str(wire.error(await context.transcribe(data), 400)["message"])[:100]

    run.__doc__ = promise
    return run


for _name in BAD:
    check(f"uploads.bad.{_name}", "openai_surface §1.4, trap 22")(_bad(_name))


@check("uploads.bad.short", "openai_surface §1.4")
async def too_short(context: Context) -> str:
    """Less than 0.1 s is a 400, audio_too_short, or transcribed as nothing."""
    answer = await context.transcribe(sound.encode(sound.silence(0.05), *CONTAINERS["wav"]))
    if answer.status_code == 200:
        expect(answer.json()["text"] == "", answer.text[:80])
        return "transcribed as nothing"
    return str(wire.error(answer, 400)["message"])[:100]


REFUSED: dict[str, tuple[dict[str, Any], int, str | None, str]] = {
    "model_missing": ({"model": None}, 400, None, "A form without a model is a 400."),
    "model_empty": ({"model": ""}, 400, None, "A form with an empty model is a 400."),
    "model_unknown": (
        {"model": "no-such-model-17"},
        404,
        "model_not_found",
        "An unknown model is a 404, model_not_found.",
    ),
    "format_unknown": ({"response_format": "docx"}, 400, None, "An unknown response_format is a 400."),
    "language_bad": (
        {"language": "klingon"},
        400,
        "invalid_language_format",
        "A language that there is not is a 400.",
    ),
}


def _refused(name: str) -> Run:
    fields, status, code, promise = REFUSED[name]

    async def run(context: Context) -> str:
        error = wire.error(await context.transcribe(clip(context), **fields), status)
        expect(error["type"] == "invalid_request_error", f"type {error['type']!r}")
        expect(error["code"] == code, f"code {error['code']!r}, not {code!r}")
        return str(error["message"])[:100]

    run.__doc__ = promise
    return run


for _name in REFUSED:
    check(f"errors.transcriptions.{_name}", "openai_surface §1.4")(_refused(_name))


@check("errors.transcriptions.file_missing", "openai_surface §1.4")
async def no_file(context: Context) -> str:
    """A form without a file is a 400."""
    parts = {"model": (None, context.target.stt_model)}
    return str(
        wire.error(await context.http.post(context.url("/audio/transcriptions"), files=parts), 400)["message"]
    )[:100]


@check("transcriptions.language", "clients")
async def other_language(context: Context) -> str:
    """A language the engine does not know is refused clearly; one that it knows is transcribed."""
    answer = await context.transcribe(clip(context), language="de")
    if answer.status_code == 200:
        return "transcribed as German"
    return str(wire.error(answer, 400)["message"])[:100]


@check("uploads.same", "field §4.10")
async def repeated(context: Context) -> str:
    """The same recording is transcribed the same way twice, plain and streamed."""
    text = await text_of(context)
    answer = await context.transcribe(clip(context), stream="true", model=context.target.event_stt_model)
    events = wire.events(wire.success(answer).content)
    ratio = SequenceMatcher(None, text.lower(), str(events[-1].get("text")).lower()).ratio()
    expect(ratio > 0.6, f"streamed {events[-1].get('text')!r}, plain {text[:60]!r}")
    expect(await text_of(context) == text, "another text the second time")
    return text[:60]
