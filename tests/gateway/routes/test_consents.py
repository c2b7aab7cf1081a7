"""Tests of consents: recordings in which people agree to have their voice cloned, as OpenAI's SDK handles
them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import openai
import pytest
from cloning_server import (
    BRIGHTNESS_TOLERANCE,
    UPLOAD_LIMIT,
    call,
    female,
    json_of,
    new_name,
    padded,
    profile,
    refused,
    sample_brightness,
    short,
    spoken_brightness,
)
from openai.types.audio.voice_consent import VoiceConsent
from recordings import TELEPHONE, coded, piece
from servers import Server

PATH = "/audio/voice_consents"
RATE = 44_100
BRIEF = coded(piece(0, 0.6))


def strict(server: Server) -> openai.OpenAI:
    return server.sdk(strict=True)


def new_consent(server: Server, name: str = "", recording: bytes = BRIEF) -> VoiceConsent:
    """Create a consent, and return it."""
    file = ("consent.wav", recording, "audio/wav")
    return strict(server).audio.voice_consents.create(
        name=name or new_name(), language="en-US", recording=file
    )


def test_life_of_a_consent(cloning: Server) -> None:
    """A consent is created, looked up, renamed, deleted, and then not found by any call."""
    consents = strict(cloning).audio.voice_consents
    consent = new_consent(cloning, "Me")

    assert (consent.object, consent.name, consent.language) == ("audio.voice_consent", "Me", "en-US")
    assert consent.id.startswith("cons_")
    assert consents.retrieve(consent.id) == consent
    renamed = consents.update(consent.id, name=" Myself ")
    assert renamed == consent.model_copy(update={"name": "Myself"})
    assert consents.retrieve(consent.id) == renamed
    gone = consents.delete(consent.id)
    assert (gone.id, gone.deleted, gone.object) == (consent.id, True, "audio.voice_consent")
    calls: list[Any] = [consents.retrieve, consents.delete, lambda id: consents.update(id, name="x")]
    for again in calls:
        with pytest.raises(openai.NotFoundError) as caught:
            again(consent.id)
        refused(caught.value.response, 404, None, "voice_consent_not_found")
    assert consent.id not in [one.id for one in consents.list(limit=100)]


def test_pages(cloning: Server) -> None:
    """25 consents in pages of 10: the SDK pages through all, newest first, none twice, none left out."""
    consents = strict(cloning).audio.voice_consents
    ids = [new_consent(cloning).id for _ in range(25)]
    first = consents.list(limit=10)
    second = first.get_next_page()
    listed = [one.id for one in consents.list(limit=10)]

    assert [one.id for one in [*first.data, *second.data]] == ids[::-1][:20]
    assert first.has_more
    assert listed[:25] == ids[::-1]
    assert len(set(listed)) == len(listed)
    assert [one.id for one in consents.list(limit=1)] == listed
    assert [one.id for one in consents.list(after=ids[5], limit=100)] == listed[20:]
    body = json_of(call(cloning, "GET", PATH))
    assert ([one["id"] for one in body["data"]], body["first_id"], body["last_id"]) == (
        listed[:20],
        listed[0],
        listed[19],
    )
    for id in ids:
        consents.delete(id)


@pytest.mark.parametrize("limit", ["0", "101", "00000000011", "0000000001" + "9" * 30, "\N{SUPERSCRIPT TWO}"])
def test_lengths_that_no_page_has(cloning: Server, limit: str) -> None:
    """A page's length is a number of few digits from 1 to 100; all else is a 400."""
    answer = call(cloning, "GET", PATH, params={"limit": limit})
    assert answer.status_code == 400, answer.text


def test_the_last_page(cloning: Server) -> None:
    """The page that ends the list says so, also when it is full, or empty."""
    oldest = [one.id for one in strict(cloning).audio.voice_consents.list(limit=100)]
    consent_id = new_consent(cloning).id
    full = json_of(call(cloning, "GET", PATH, params={"limit": len(oldest) + 1}))
    beyond = json_of(call(cloning, "GET", PATH, params={"after": (oldest or [consent_id])[-1]}))

    assert (len(full["data"]), full["has_more"]) == (len(oldest) + 1, False)
    assert (beyond["data"], beyond["has_more"], beyond["first_id"], beyond["last_id"]) == (
        [],
        False,
        None,
        None,
    )


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", "1.5", "１", "9" * 4000])
def test_invalid_limits(cloning: Server, limit: str) -> None:
    """A page has 1 to 100 consents; any other limit is refused by the parameter's name."""
    refused(call(cloning, "GET", PATH, params={"limit": limit}), 400, "limit", "invalid_value")


def test_unknown_cursor(cloning: Server) -> None:
    """A cursor that is no consent's id is not found, rather than treated as the beginning."""
    new_consent(cloning)
    refused(
        call(cloning, "GET", PATH, params={"after": "cons_nothing"}), 404, None, "voice_consent_not_found"
    )


RECORDINGS = {
    "a type that is no audio": (("a.txt", b"hello", "text/plain"), "unsupported_mime_type"),
    "bytes that are no audio": (("a.wav", b"nothing of the kind" * 100, "audio/wav"), None),
    "too short": (("a.wav", coded(piece(0, 0.3)), "audio/wav"), "audio_too_short"),
    "too long": (
        ("a.wav", coded(np.tile(piece(0, 1), 55), TELEPHONE, rate=8000), "audio/wav"),
        "audio_too_long",
    ),
    "silent": (("a.wav", coded(np.zeros(RATE)), "audio/wav"), "audio_silent"),
}


@pytest.mark.parametrize("what", RECORDINGS)
def test_recordings_that_are_refused(cloning: Server, what: str) -> None:
    """A recording that cannot be a consent is refused with the code of the reason, and no consent is created."""
    file, code = RECORDINGS[what]
    consents = strict(cloning).audio.voice_consents
    before = consents.list().data
    with pytest.raises(openai.BadRequestError) as caught:
        consents.create(name="n", language="en", recording=file)

    refused(caught.value.response, 400, "recording", code)
    assert consents.list().data == before


def test_ten_mebibytes_and_no_more(cloning: Server) -> None:
    """A recording of exactly 10 MiB is accepted, one of a byte more answers 413."""
    assert new_consent(cloning, recording=padded(BRIEF, UPLOAD_LIMIT)).language == "en-US"
    with pytest.raises(openai.APIStatusError) as caught:
        new_consent(cloning, recording=padded(BRIEF, UPLOAD_LIMIT + 1))
    refused(caught.value.response, 413, None, None)


FIELDS = {
    "no name": ({"language": "en"}, "name", "missing_required_parameter"),
    "a blank name": ({"name": " ", "language": "en"}, "name", None),
    "a long name": ({"name": "x" * 101, "language": "en"}, "name", None),
    "no language": ({"name": "n"}, "language", "missing_required_parameter"),
    "a language of no kind": ({"name": "n", "language": "en us"}, "language", None),
    "no recording": ({"name": "n", "language": "en"}, "recording", "missing_required_parameter"),
}


@pytest.mark.parametrize("what", FIELDS)
def test_fields_that_are_refused(cloning: Server, what: str) -> None:
    """A field that is missing or invalid is named."""
    fields, param, code = FIELDS[what]
    refused(
        call(cloning, "POST", PATH, files={name: (None, value) for name, value in fields.items()}),
        400,
        param,
        code,
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, "missing_required_parameter"), ({"name": " "}, None), ({"name": 5}, "invalid_type")],
)
def test_renaming_needs_a_name(cloning: Server, body: dict[str, Any], code: str | None) -> None:
    """A consent cannot be renamed to an empty name."""
    consent = new_consent(cloning)
    refused(call(cloning, "POST", f"{PATH}/{consent.id}", json=body), 400, "name", code)
    assert strict(cloning).audio.voice_consents.retrieve(consent.id) == consent


def test_a_voice_outlives_its_consent(cloning: Server) -> None:
    """Deleting a consent deletes its recording; the voice that was cloned under it speaks on, and names it."""
    recording = coded(piece(2, 2.5))
    consent = new_consent(cloning, recording=recording)
    voice = strict(cloning).audio.voices.create(
        name=new_name(), consent=consent.id, audio_sample=("a", short())
    )
    kept = cloning.folder / "data" / "voices" / "consents"
    before = {path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    strict(cloning).audio.voice_consents.delete(consent.id)
    after = {path.read_bytes() for path in kept.rglob("*") if path.is_file()}

    assert recording in before
    assert recording not in after
    assert profile(cloning, voice.id)["consent"] == consent.id
    assert spoken_brightness(cloning, voice.id) == pytest.approx(
        sample_brightness(cloning, voice.id), rel=BRIGHTNESS_TOLERANCE
    )
    form = {"name": new_name(), "consent": consent.id}
    answer = call(cloning, "POST", "/audio/voices", data=form, files={"audio_sample": ("a", female())})
    refused(answer, 404, "consent", "voice_consent_not_found")
