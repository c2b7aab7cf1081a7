"""Tests of OpenAI's custom voices, through its SDK: created from a sample or a description, listed, looked
up, deleted, refused.
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any, get_overloads

import numpy as np
import openai
import pytest
from cloning_server import (
    BRIGHTNESS_TOLERANCE,
    UPLOAD_LIMIT,
    brightness_of,
    call,
    clone,
    design,
    female,
    json_of,
    male,
    new_name,
    padded,
    profile,
    refused,
    sample_brightness,
    short,
    speak,
    spoken_brightness,
)
from openai.resources.audio.voices import Voices
from recordings import FLAC, JFK, M4A, MP3, OPUS, WAV, WEBM, Coding, coded, noise, piece
from servers import Server

AAC: Coding = ("adts", "aac", 44_100)
CONTAINERS = {
    "audio/mpeg": MP3,
    "audio/wav": WAV,
    "audio/x-wav": WAV,
    "audio/ogg": OPUS,
    "audio/aac": AAC,
    "audio/flac": FLAC,
    "audio/webm": WEBM,
    "audio/mp4": M4A,
}
PROMPT = "A deep voice, calm and slow"
WORDS_GIVEN = {"transcript": "And so, my fellow Americans"}
"""so that no engine has to hear them"""
RATE = 44_100
SHARP = coded(noise(3 * RATE))


def strict(server: Server) -> openai.OpenAI:
    return server.sdk(strict=True)


def consent(server: Server, data: bytes | None = None, media_type: str = "audio/flac") -> str:
    """Create a consent, and return its id."""
    recording = ("consent", data or male(), media_type)
    return strict(server).audio.voice_consents.create(name="Me", language="en-US", recording=recording).id


def test_the_containers_are_openais() -> None:
    """The containers of these tests are all those that the SDK documents."""
    documented = get_overloads(Voices.create)[0].__doc__ or ""

    assert set(re.findall(r"`(audio/[^`]+)`", documented)) == set(CONTAINERS)


@pytest.mark.parametrize("media_type", CONTAINERS)
def test_every_container(cloning: Server, media_type: str) -> None:
    """A consent and a sample are accepted in any of OpenAI's eight types, and the voice sounds as the
    recording does.
    """
    data = coded(piece(0, 3), CONTAINERS[media_type])
    name = new_name()
    given = consent(cloning, data, media_type)
    voice = strict(cloning).audio.voices.create(
        name=name, consent=given, audio_sample=("sample", data, media_type), extra_body=WORDS_GIVEN
    )

    assert (voice.object, voice.name, voice.type, voice.prompt) == ("audio.voice", name, "audio_sample", None)
    assert voice.id.startswith("voice_")
    assert profile(cloning, voice.id)["consent"] == given
    assert sample_brightness(cloning, voice.id) == pytest.approx(
        brightness_of(short()), rel=2 * BRIGHTNESS_TOLERANCE
    )
    assert spoken_brightness(cloning, {"id": voice.id}) == pytest.approx(
        sample_brightness(cloning, voice.id), rel=BRIGHTNESS_TOLERANCE
    )


@pytest.mark.parametrize("form", ["bytes", "file", "path", "stream", "pair", "triple"])
def test_files_in_every_form(cloning: Server, form: str) -> None:
    """The SDK's forms of giving a file all arrive whole, whatever type they claim."""
    whole = JFK.read_bytes()
    with JFK.open("rb") as file:
        given: Any = {
            "bytes": whole,
            "file": file,
            "path": Path(JFK),
            "stream": io.BytesIO(whole),
            "pair": ("jfk.flac", whole),
            "triple": ("jfk.flac", whole, "audio/flac"),
        }[form]
        voice = strict(cloning).audio.voices.create(
            name=new_name(), consent="", audio_sample=given, extra_body=WORDS_GIVEN
        )

    sample = profile(cloning, voice.id)["samples"][0]
    assert (sample["bytes"], sample["media_type"]) == (len(whole), "audio/flac")


@pytest.mark.parametrize("hint", [None, "Once upon a time there was a voice that nobody had heard before."])
def test_described_voices(cloning: Server, hint: str | None) -> None:
    """A voice is designed from a prompt, by the SDK's multipart and by JSON; the same words give the same
    voice.
    """
    more: Any = {"script_hint": hint} if hint else {}
    form = strict(cloning).audio.voices.create(
        name=new_name(), type="prompt", prompt=PROMPT, model="auto", **more
    )
    plain = design(cloning, PROMPT, **more)

    assert (form.type, form.prompt, form.object) == ("prompt", PROMPT, "audio.voice")
    assert set(plain) == {"id", "name", "created_at", "type", "object", "prompt"}
    assert profile(cloning, form.id)["samples"][0]["transcript"] == (
        hint or profile(cloning, plain["id"])["samples"][0]["transcript"]
    )
    assert spoken_brightness(cloning, form.id) == pytest.approx(
        spoken_brightness(cloning, plain["id"]), rel=BRIGHTNESS_TOLERANCE
    )
    assert spoken_brightness(cloning, design(cloning, "Squeaky", **more)["id"]) != pytest.approx(
        spoken_brightness(cloning, form.id), rel=BRIGHTNESS_TOLERANCE
    )


def test_delete(cloning: Server) -> None:
    """A deleted voice is not found by any call, a second deletion included; its consent stays."""
    given = consent(cloning)
    client = strict(cloning)
    voice = client.audio.voices.create(
        name=new_name(), consent=given, audio_sample=("a.wav", short(), "audio/wav"), extra_body=WORDS_GIVEN
    )
    lookups = client.audio.voices.delete(voice.id)

    assert (lookups.id, lookups.deleted, lookups.object) == (voice.id, True, "audio.voice.deleted")
    with pytest.raises(openai.NotFoundError) as again:
        client.audio.voices.delete(voice.id)
    assert again.value.code == "voice_not_found"
    refused(call(cloning, "GET", f"/audio/voices/{voice.id}"), 404, None, "voice_not_found")
    refused(speak(cloning, {"id": voice.id}), 400, None, None)
    refused(speak(cloning, voice.name), 400, None, None)
    assert client.audio.voice_consents.retrieve(given).id == given


def test_listed_and_looked_up(cloning: Server) -> None:
    """Voices of one's own come first in the list, with their kind, and are found by id or by name, as presets
    are.
    """
    cloned, designed = clone(cloning, short()), design(cloning, PROMPT)
    body = json_of(call(cloning, "GET", "/audio/voices"))
    by_id = {voice["id"]: voice for voice in body["data"]}

    assert body["object"] == "list"
    assert body["data"] == body["voices"]
    assert len(by_id) == len(body["data"]) > 100
    assert (by_id[cloned["id"]]["type"], by_id[designed["id"]]["type"]) == ("audio_sample", "prompt")
    assert by_id[designed["id"]]["prompt"] == PROMPT
    assert [voice["name"] for voice in body["data"]].index(cloned["name"]) < [
        voice["id"] for voice in body["data"]
    ].index("low")
    for voice in (cloned, designed):
        assert json_of(call(cloning, "GET", f"/audio/voices/{voice['id']}")) == voice
        assert json_of(call(cloning, "GET", f"/audio/voices/{voice['name'].upper()}")) == voice
    assert json_of(call(cloning, "GET", "/audio/voices/alloy"))["engine"] == "espeak"
    refused(call(cloning, "GET", "/audio/voices/voice_nothing"), 404, None, "voice_not_found")


SAMPLES = {
    "a type that is no audio": (("a.txt", b"hello", "text/plain"), "unsupported_mime_type"),
    "bytes that are no audio": (("a.wav", b"nothing of the kind" * 100, "audio/wav"), None),
    "too short": (("a.wav", coded(piece(0, 0.4)), "audio/wav"), "audio_too_short"),
    "too long": (("a.wav", coded(np.tile(piece(0, 10), 4)), "audio/wav"), "audio_too_long"),
    "silent": (("a.wav", coded(np.zeros(3 * RATE)), "audio/wav"), "audio_silent"),
    "noise": (("a.wav", SHARP, "audio/wav"), "no_speech"),
}


@pytest.mark.parametrize("what", SAMPLES)
def test_samples_that_are_refused(cloning: Server, what: str) -> None:
    """An invalid sample is refused with the code of the reason, through the SDK, and no voice is created."""
    file, code = SAMPLES[what]
    name = new_name()
    with pytest.raises(openai.BadRequestError) as caught:
        strict(cloning).audio.voices.create(name=name, consent="", audio_sample=file)

    refused(caught.value.response, 400, "audio_sample", code)
    refused(call(cloning, "GET", f"/audio/voices/{name}"), 404, None, "voice_not_found")


def test_ten_mebibytes_and_no_more(cloning: Server) -> None:
    """A sample of exactly 10 MiB is accepted, one of a byte more answers 413."""
    assert clone(cloning, padded(short(), UPLOAD_LIMIT))["type"] == "audio_sample"
    with pytest.raises(openai.APIStatusError) as caught:
        strict(cloning).audio.voices.create(
            name=new_name(),
            consent="",
            audio_sample=("a.wav", padded(short(), UPLOAD_LIMIT + 1), "audio/wav"),
        )
    assert str(UPLOAD_LIMIT) in refused(caught.value.response, 413, None, None)


SENT = {
    "no name": ({}, 400, "name", "missing_required_parameter"),
    "a blank name": ({"name": " \t"}, 400, "name", None),
    "a long name": ({"name": "x" * 101}, 400, "name", None),
    "a name that does not print": ({"name": "a\nb"}, 400, "name", None),
    "a name like an id": ({"name": "voice_1"}, 400, "name", None),
    "a type of no kind": ({"name": "n", "type": "dream"}, 400, "type", "invalid_value"),
    "no sample": ({"name": "n"}, 400, "audio_sample", "missing_required_parameter"),
    "a consent that is not there": (
        {"name": "n", "consent": "cons_0"},
        404,
        "consent",
        "voice_consent_not_found",
    ),
    "a language of no kind": ({"name": "n", "language": "?"}, 400, "language", None),
    "no prompt": ({"name": "n", "type": "prompt"}, 400, "prompt", "missing_required_parameter"),
    "a blank prompt": ({"name": "n", "type": "prompt", "prompt": " "}, 400, "prompt", None),
    "a long prompt": ({"name": "n", "type": "prompt", "prompt": "x" * 4097}, 400, "prompt", None),
    "a blank script": (
        {"name": "n", "type": "prompt", "prompt": "p", "script_hint": " "},
        400,
        "script_hint",
        None,
    ),
    "a short script": (
        {"name": "n", "type": "prompt", "prompt": "p", "script_hint": "Hello."},
        400,
        "script_hint",
        None,
    ),
}


@pytest.mark.parametrize("what", SENT)
@pytest.mark.parametrize("as_json", [False, True])
def test_fields_that_are_refused(cloning: Server, what: str, as_json: bool) -> None:
    """A field that is missing or invalid is named, in a form and in JSON, and nothing is created."""
    fields, status, param, code = SENT[what]
    before = json_of(call(cloning, "GET", "/voicebox/profiles"))
    form: Any = (
        {"json": fields}
        if as_json
        else {"files": {name: (None, value) for name, value in fields.items()} or {"x": (None, "")}}
    )

    refused(call(cloning, "POST", "/audio/voices", **form), status, param, code)
    assert json_of(call(cloning, "GET", "/voicebox/profiles")) == before


@pytest.mark.parametrize("field", ["name", "prompt", "script_hint"])
def test_fields_of_the_wrong_type(cloning: Server, field: str) -> None:
    """JSON with a number where text belongs is refused."""
    fields = {"type": "prompt", "name": new_name(), "prompt": PROMPT, field: 5}
    code = None if field == "script_hint" else "invalid_type"
    refused(call(cloning, "POST", "/audio/voices", json=fields), 400, field, code)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff\xfe", json.dumps("name").encode()])
def test_bodies_that_are_no_json_object(cloning: Server, body: bytes) -> None:
    """A body that is no JSON object is a refusal like any other."""
    answer = call(
        cloning, "POST", "/audio/voices", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_names_are_unique(cloning: Server) -> None:
    """Of two names that people take for the same only one can be used; it is free again once its voice is
    deleted.
    """
    name = new_name("Straße")
    first = clone(cloning, short(), name)
    for same in (name, name.upper(), f"  {name.lower()} ", name.replace("S", "Ｓ"), name.replace(" ", "   ")):
        answer = call(
            cloning, "POST", "/audio/voices", data={"name": same}, files={"audio_sample": ("a", female())}
        )
        refused(answer, 400, "name", "name_taken")
    refused(
        call(cloning, "POST", "/audio/voices", json={"name": name, "type": "prompt", "prompt": PROMPT}),
        400,
        "name",
        "name_taken",
    )
    json_of(call(cloning, "DELETE", f"/audio/voices/{first['id']}"))
    assert clone(cloning, female(), name.upper())["id"] != first["id"]
