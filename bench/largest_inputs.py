"""The largest inputs that each route takes, and the ones that cost most for their size."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import secrets
import wave
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import insert

from voices.library import Library, LibraryLocation
from voices.profile import Profile, folded
from voices.storage import tables

PROFILES = 10_000
CHARACTERS = 200_000
JSON_BYTES = 4_000_000
TYPE_JSON = "application/json"
BOUNDARY = "boundary-of-the-form"
TYPE_FORM = f"multipart/form-data; boundary={BOUNDARY}"
MARKS = "\u0301\u0323"
ONE = "voice_000000000000000000000001"
PROFILE = f"/v1/voicebox/profiles/{ONE}"


class Case(msgspec.Struct, frozen=True):
    """A request that is to cost its server's event loop little."""

    route: str
    """method and path as the server's schema names them"""
    what: str
    path: str
    body: bytes = b""
    type: str = TYPE_JSON
    method: str = ""

    @property
    def verb(self) -> str:
        """Return the method that is sent."""
        return self.method or self.route.partition(" ")[0]


class Sizes(msgspec.Struct, frozen=True):
    """How large the bodies are that may be of any size up to a setting."""

    upload: int = 268_435_456
    json_upload: int = 52_428_800
    sample: int = 10_000_000
    archive: int = 64_000_000


def fill_library(folder: Path) -> None:
    """Make a library of thousands of voices."""

    async def fill() -> None:
        opened = await Library(LibraryLocation(folder)).open()
        rows = [_row(number) for number in range(PROFILES)]
        async with opened.database.writing() as connection:
            await connection.execute(insert(tables.profiles), rows)
        await opened.database.close()

    asyncio.run(fill())


def _row(number: int) -> dict[str, object]:
    name = f"A voice with a name of its own, {number}"
    profile = Profile(
        f"voice_{number:024d}",
        name,
        "preset",
        preset_engine="espeak",
        preset_voice="en-us",
        description="d" * 200,
        created=float(number),
    )
    columns = {"id": profile.id, "owner": "", "scope": "", "folded": folded(name), "consent": ""}
    return {**columns, "created": profile.created, "document": msgspec.json.encode(profile).decode()}


def cases(sizes: Sizes) -> Iterator[Case]:
    """Yield requests to all routes that take something."""
    yield from _speech()
    yield from _transcription(sizes)
    yield from _voices(sizes)
    yield from _lists()


def _speech() -> Iterator[Case]:
    texts = {
        "closing quotes": "”",
        "flags": "🇩🇪",
        "letters": "é",
        "capitals": "Ä",
        "kanji": "日",
        "marks": MARKS,
        "sentences": "One sentence. ",
        "quotes": "\"'”",
        "lines": "\n",
        "emoji": "👍🏽",
        "Thai": "สวัสดี",
        "letters with marks": "e\u0301",
        "full width": "５",
        "comparisons": "5 > 3 ",
        "titles": "Dr. X ",
    }
    for name, unit in texts.items():
        text = (unit * CHARACTERS)[:CHARACTERS]
        yield _say(name, {"input": text})
    for form, unit in (
        ("markdown", "a *b*\n\n"),
        ("markdown", "a\n"),
        ("markdown", "[a](b) "),
        ("html", "<p>a "),
        ("html", "<b>a</b> &lt; "),
    ):
        text = (unit * CHARACTERS)[:CHARACTERS]
        yield _say(f"{form} of {unit.strip()}", {"input": text, "text_format": form})
    everything = "".join(map(chr, range(0xA0, 0xD800))) + "".join(map(chr, range(0x10000, 0x2A000)))
    yield _say("every character", {"input": everything[:CHARACTERS]})
    yield _say("with events", {"input": "”" * CHARACTERS, "stream_format": "sse"})
    yield _say("a voice that is nobody's", {"input": "x", "voice": "a voice with no name of its own"})
    yield _say("a voice of marks", {"input": "x", "voice": "a" + MARKS * 400})
    yield _say("a voice as long as the body", {"input": "x", "voice": "a" + MARKS * 900_000})
    yield _say(
        "a model as long as the body", {"input": "x", "model": "whisper-tiny" + "-tiny" * 700_000 + "!"}
    )
    yield _say("a language as long as the body", {"input": "x", "language": "en-" * 1_000_000})
    yield _say("instructions as long as the body", {"input": "x", "instructions": "a " * 1_900_000})
    yield _say("values as many as go in", {"input": "x", "more": [[]] * 1_300_000})
    yield _say("keys as many as go in", {"input": "x", **{str(key): 1 for key in range(330_000)}})
    broken = json.dumps({"model": "tts-1", "input": "x", "more": "\ud800a" * 500_000}).replace(
        "more", "mo\x01re"
    )
    yield Case("POST /v1/audio/speech", "lone surrogates", "/v1/audio/speech", broken.encode())
    said = json.dumps({"input": "”" * CHARACTERS, "response_format": "pcm"}).encode()
    yield Case(
        "POST /v1/voicebox/profiles/{profile_id}/preview", "closing quotes", f"{PROFILE}/preview", said
    )


def _say(what: str, fields: dict[str, Any]) -> Case:
    body = json.dumps({"model": "tts-1", "response_format": "pcm"} | fields, separators=(",", ":"))
    return Case("POST /v1/audio/speech", what, "/v1/audio/speech", body.encode()[:JSON_BYTES])


def _form(fields: dict[str, tuple[bytes, str]], file: bytes = b"", name: str = "file") -> bytes:
    """Return a form: fields with their charset, and a file."""
    begin = b'--%s\r\ncontent-disposition: form-data; name="' % BOUNDARY.encode()
    parts = [
        b'%s%s"\r\ncontent-type: text/plain; charset=%s\r\n\r\n%s\r\n'
        % (begin, field.encode(), charset.encode(), value)
        for field, (value, charset) in fields.items()
    ]
    if file:
        parts.append(
            b'%s%s"; filename="a.wav"\r\ncontent-type: audio/wav\r\n\r\n%s\r\n' % (begin, name.encode(), file)
        )
    return b"".join([*parts, b"--%s--\r\n" % BOUNDARY.encode()])


def _recording(size: int, seconds: float = 2.0) -> bytes:
    """Return a WAV file of noise, with so much behind it that it has a size."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(secrets.token_bytes(int(seconds * 32_000)))
    content = file.getvalue()
    return content + b"LIST" + bytes(max(0, size - len(content) - 4))


def _transcription(sizes: Sizes) -> Iterator[Case]:
    small = _recording(0)
    forms: dict[str, Callable[[], bytes]] = {
        "a long recording": lambda: _form({"model": (b"whisper-1", "utf-8")}, _recording(sizes.upload)),
        "a prompt in UTF-16 that is none": lambda: _form(
            {"model": (b"whisper-1", "utf-8"), "prompt": (b"\x00\xd8" * 1_900_000, "utf-16-le")}, small
        ),
        "a prompt in Punycode": lambda: _form(
            {"model": (b"whisper-1", "utf-8"), "prompt": (b"abcd" * 900_000, "punycode")}, small
        ),
        "a list of words": lambda: _form(
            {"model": (b"whisper-1", "utf-8"), "include": (b"[" * 3_900_000, "utf-8")}, small
        ),
    }
    for what, form in forms.items():
        yield Case("POST /v1/audio/transcriptions", what, "/v1/audio/transcriptions", form(), TYPE_FORM)
    recording = base64.b64encode(_recording(sizes.json_upload * 3 // 4 - 1000)).decode()
    whole = json.dumps({"model": "whisper-1", "input_audio": {"data": recording, "format": "wav"}}).encode()
    yield Case("POST /v1/audio/transcriptions", "JSON with a recording", "/v1/audio/transcriptions", whole)
    translated = _form({"model": (b"whisper-1", "utf-8")}, _recording(sizes.sample))
    yield Case("POST /v1/audio/translations", "a recording", "/v1/audio/translations", translated, TYPE_FORM)


def _voices(sizes: Sizes) -> Iterator[Case]:
    sample = _recording(sizes.sample)
    name = ("a" + MARKS * 900_000).encode()
    described = {"name": "Described", "type": "prompt", "prompt": "a " * 2000, "script_hint": "b " * 2000}
    voices, consents = "/v1/audio/voices", "/v1/audio/voice_consents"
    made = _form({"name": (b"Made", "utf-8")}, sample, "audio_sample")
    yield Case(f"POST {voices}", "a sample", voices, made, TYPE_FORM)
    crowded = _form({"name": (name, "utf-8")}, sample, "audio_sample")
    yield Case(f"POST {voices}", "a name of marks", voices, crowded, TYPE_FORM)
    yield Case(f"POST {voices}", "a description", voices, json.dumps(described).encode())
    agreed = _form({"name": (b"Anna", "utf-8"), "language": (b"en", "utf-8")}, sample, "recording")
    yield Case(f"POST {consents}", "a recording", consents, agreed, TYPE_FORM)
    renamed = json.dumps({"name": "a" + MARKS * 600_000}).encode()
    yield Case(f"POST {consents}/{{consent_id}}", "a name of marks", f"{consents}/cons_1", renamed)
    words = [{"word": f"ẅörd {number} " + "ä" * 18, "respelling": "b" * 200} for number in range(1000)]
    profile = {"preset_engine": "espeak", "preset_voice_id": "en-us", "pronunciations": words}
    profiles = "/v1/voicebox/profiles"
    yield Case(f"POST {profiles}", "words", profiles, json.dumps({"name": "Words", **profile}).encode())
    yield Case(f"POST {profiles}", "a name of marks", profiles, renamed)
    one = f"{profiles}/{{profile_id}}"
    for verb in ("PATCH", "PUT"):
        yield Case(f"{verb} {one}", "words", PROFILE, json.dumps({"pronunciations": words}).encode())
        yield Case(
            f"{verb} {one}/avatar", "a picture", f"{PROFILE}/avatar", b"\x89PNG\r\n\x1a\n" + bytes(1_999_000)
        )
    yield Case(f"POST {one}/samples", "a sample", f"{PROFILE}/samples", _form({}, sample), TYPE_FORM)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("profile.json", json.dumps({"name": "x"}))
        file.writestr("samples/1.wav", bytes(sizes.archive))
    yield Case(
        f"POST {profiles}/import", "an archive", f"{profiles}/import", archive.getvalue(), "application/zip"
    )
    dictionary = "/v1/voicebox/pronunciations"
    yield Case(f"PUT {dictionary}", "words", dictionary, json.dumps({"pronunciations": words}).encode())
    marked = json.dumps({"pronunciations": [{"word": "a" + MARKS * 600_000, "ipa": "a"}]}).encode()
    yield Case(f"PUT {dictionary}", "a word of marks", dictionary, marked)
    target = json.dumps({"target": "no voice of any name at all"}).encode()
    alias = "/v1/voicebox/aliases"
    yield Case(f"PUT {alias}/{{name}}", "a name of marks", f"{alias}/{'%CC%81%CC%A3' * 330}", target)
    yield Case(f"PUT {alias}/{{name}}", "no voice", f"{alias}/mine", target)


def _lists() -> Iterator[Case]:
    lists = {
        "/v1/audio/voices": "/v1/audio/voices",
        "/v1/voicebox/profiles": "/v1/voicebox/profiles",
        "/v1/audio/voice_consents": "/v1/audio/voice_consents",
        "/v1/voicebox/presets": "/v1/voicebox/presets",
        "/v1/voicebox/aliases": "/v1/voicebox/aliases",
        "/v1/voicebox/models": "/v1/voicebox/models",
        "/v1/models": "/v1/models",
        "/v1/audio/models": "/v1/audio/models",
        "/v1/models/{model}": "/v1/models/whisper-tiny" + "-tiny" * 700 + "!",
        "/v1/audio/voices/{voice_id}": "/v1/audio/voices/" + "%CC%81%CC%A3" * 330,
        "/v1/voicebox/profiles/{profile_id}/export": f"{PROFILE}/export",
        "/v1/voicebox/profiles/{profile_id}/engines": f"{PROFILE}/engines",
        "/v1/voicebox/profiles/{profile_id}/audit": f"{PROFILE}/audit",
        "/health": "/health",
        "/metrics": "/metrics",
    }
    for route, path in lists.items():
        yield Case(f"GET {route}", "", path)
    yield Case("DELETE /v1/voicebox/cache", "of all voices", "/v1/voicebox/cache")
