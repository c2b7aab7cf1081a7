"""Tests of voices as archives: an exported voice is imported whole, and what is no voice's archive is refused
and leaves nothing.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import zipfile
from typing import Any
from urllib.parse import unquote

import httpx2 as httpx
import pytest
from cloning_server import (
    BRIGHTNESS_TOLERANCE,
    Json,
    call,
    clone,
    create_profile,
    design,
    female,
    json_of,
    male,
    new_name,
    pcm,
    profile,
    refused,
    short,
    speak,
    spoken_brightness,
)
from recordings import coded, noise, piece
from servers import Server

PATH = "/voicebox/profiles"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
UNIQUE = {"id", "name", "created_at", "updated_at", "consent", "avatar", "samples"}
"""what an imported voice has of its own"""
OF_A_SAMPLE = ("seconds", "sample_rate", "bytes", "sha256", "transcript", "media_type", "trimmed")


def exported(server: Server, id: str) -> bytes:
    answer = call(server, "GET", f"{PATH}/{id}/export")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    return answer.content


def imported(server: Server, archive: bytes, name: str = "") -> httpx.Response:
    query = {"name": name} if name else {}
    return call(
        server,
        "POST",
        f"{PATH}/import",
        params=query,
        content=archive,
        headers={"content-type": "application/zip"},
    )


def consents(server: Server) -> list[Json]:
    listed: list[Json] = json_of(call(server, "GET", "/audio/voice_consents?limit=100"))["data"]
    return listed


def complete_voice(server: Server, start: float = 5.0) -> Json:
    """Create a voice with all there can be; its consent is the recording that begins at `start` seconds of
    the speech.
    """
    form = {"name": "Me myself", "language": "en-GB"}
    consent = json_of(
        call(
            server,
            "POST",
            "/audio/voice_consents",
            data=form,
            files={"recording": ("a", coded(piece(start, 2)))},
        )
    )["id"]
    voice = clone(
        server,
        female(),
        new_name("Nora/Ünï"),
        consent=consent,
        transcript="The quick brown fox",
        language="en",
    )
    path = f"{PATH}/{voice['id']}"
    added = json_of(
        call(server, "POST", f"{path}/samples", files={"file": ("a", male())}, data={"transcript": "x"})
    )
    json_of(call(server, "POST", f"{path}/samples/{added['id']}/trim", json={"start": 1, "end": 3}))
    json_of(call(server, "PUT", f"{path}/avatar", content=PNG))
    words = [{"word": "SQL", "respelling": "sequel", "ipa": "ˈsiːkwəl"}]
    fields = {
        "speed": 1.25,
        "instructions": "Calmly",
        "description": "Of everything",
        "pronunciations": words,
        "engines": ["mimic"],
    }
    json_of(call(server, "PATCH", path, json=fields))
    return profile(server, voice["id"])


def test_export_and_import(cloning: Server) -> None:
    """A voice is imported from its archive with all its recordings, transcripts, settings, picture and
    consent, and sounds the same.
    """
    voice = complete_voice(cloning)
    archive = exported(cloning, voice["id"])
    name = new_name("Again")
    back = json_of(imported(cloning, archive, name))
    consent = json_of(call(cloning, "GET", f"/audio/voice_consents/{back['consent']}"))

    assert back["name"] == name
    assert back["id"] != voice["id"]
    assert {key: value for key, value in back.items() if key not in UNIQUE} == {
        key: value for key, value in voice.items() if key not in UNIQUE
    }
    assert [[sample.get(key) for key in OF_A_SAMPLE] for sample in back["samples"]] == [
        [sample.get(key) for key in OF_A_SAMPLE] for sample in voice["samples"]
    ]
    assert back["samples"][1]["trimmed"] == [1, 3]
    assert pcm(cloning, back["id"]) == pcm(cloning, voice["id"])
    assert call(cloning, "GET", f"{PATH}/{back['id']}/avatar").content == PNG
    assert (consent["name"], consent["language"]) == ("Me myself", "en-GB")


def test_import_after_the_voice_is_deleted(cloning: Server) -> None:
    """An archive suffices: the voice, its consent and its recordings may have been deleted."""
    voice = complete_voice(cloning, 6.0)
    spoken, archive = pcm(cloning, voice["id"]), exported(cloning, voice["id"])
    json_of(call(cloning, "DELETE", f"{PATH}/{voice['id']}"))
    json_of(call(cloning, "DELETE", f"/audio/voice_consents/{voice['consent']}"))
    back = json_of(imported(cloning, archive))

    assert (back["name"], pcm(cloning, back["id"])) == (voice["name"], spoken)
    assert back["consent"] in {one["id"] for one in consents(cloning)} - {voice["consent"]}
    audit = json_of(call(cloning, "GET", f"{PATH}/{back['id']}/audit"))["data"]
    assert [line["event"] for line in audit] == ["created", "changed", "imported", "spoken"]


def test_the_contents_of_an_archive(cloning: Server) -> None:
    """An archive is an ordinary ZIP file: the original recordings, and a readable manifest."""
    voice = complete_voice(cloning)
    answer = call(cloning, "GET", f"{PATH}/{voice['id']}/export")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        entries = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(entries.pop("profile.json"))

    assert entries == {
        "samples/1": female(),
        "samples/2": male(),
        "avatar": PNG,
        "consent": coded(piece(5, 2)),
    }
    assert (manifest["version"], manifest["name"], manifest["voice_type"]) == (1, voice["name"], "cloned")
    assert [one["sha256"] for one in manifest["samples"]] == [
        hashlib.sha256(data).hexdigest() for data in (female(), male())
    ]
    kind, _, file = answer.headers["content-disposition"].partition("; filename*=UTF-8''")
    assert (kind, unquote(file)) == ("attachment", f"{voice['name']}.voicebox.zip")
    assert "/" not in file


@pytest.mark.parametrize("kind", ["designed", "preset", "bare", "unmade"])
def test_archives_of_other_kinds(cloning: Server, kind: str) -> None:
    """Designed voices sound as before after an import, presets are presets, and a voice without samples has
    none.
    """
    preset = {"preset_engine": "mimic", "preset_voice_id": "high"}
    voice = {
        "designed": lambda: profile(cloning, design(cloning, "Brassy")["id"]),
        "preset": lambda: create_profile(cloning, **preset),
        "bare": lambda: create_profile(cloning),
        "unmade": lambda: create_profile(cloning, design_prompt="Not yet", engines=["tone"]),
    }[kind]()
    back = json_of(imported(cloning, exported(cloning, voice["id"]), new_name()))

    assert (back["voice_type"], len(back["samples"])) == (voice["voice_type"], len(voice["samples"]))
    assert speak(cloning, back["id"]).status_code == speak(cloning, voice["id"]).status_code
    if kind in ("designed", "preset"):
        assert pcm(cloning, back["id"]) == pcm(cloning, voice["id"])


def test_an_archive_whose_name_is_in_use(cloning: Server) -> None:
    """An archive whose name is in use is refused until it gets another; nothing of the first try stays, its
    consent neither.
    """
    voice = complete_voice(cloning, 7.0)
    archive = exported(cloning, voice["id"])
    json_of(call(cloning, "DELETE", f"/audio/voice_consents/{voice['consent']}"))
    before = state(cloning)

    refused(imported(cloning, archive), 400, "name", "name_taken")
    refused(imported(cloning, archive, " "), 400, "name", None)
    refused(imported(cloning, archive, "x" * 101), 400, "name", None)
    assert state(cloning) == before
    assert json_of(imported(cloning, archive, new_name()))["samples"]


def state(server: Server) -> Any:
    """Return all stored voices, consents and recordings."""
    folder = server.folder / "data" / "voices"
    blobs = {
        str(path)
        for kind in ("profiles", "consents")
        for path in (folder / kind).rglob("*")
        if path.is_file()
    }
    return json_of(call(server, "GET", PATH))["data"], consents(server), blobs


# Invalid archives...


def packed(manifest: Any, **files: bytes) -> bytes:
    """Return an archive; `samples_1` is the entry "samples/1"."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("profile.json", manifest if isinstance(manifest, bytes) else json.dumps(manifest))
        for name, data in files.items():
            archive.writestr(name.replace("_", "/"), data)
    return file.getvalue()


def cloned(**fields: Any) -> Json:
    return {"name": "Imported", "voice_type": "cloned", **fields}


def sample(**fields: Any) -> Json:
    return {"samples": [{"file": "samples/1", **fields}]}


PLAIN = packed(cloned(**sample()), samples_1=short())
BAD = "bad_archive"
CONSENT = {"file": "consent", "name": "x", "language": "en"}
GARBAGE: dict[str, tuple[bytes, str, str | None]] = {
    "nothing": (b"", "file", None),
    "no zip": (b"nothing of the kind" * 1000, "file", BAD),
    "a recording": (female(), "file", BAD),
    "half a zip": (PLAIN[: len(PLAIN) // 2], "file", BAD),
    "the end of a zip": (PLAIN[-22:], "file", BAD),
    "a damaged recording": (PLAIN[:5000] + b"damage!!" + PLAIN[5008:], "file", BAD),
    "no manifest": (packed({}).replace(b"profile.json", b"profile.jsoN"), "file", BAD),
    "a manifest that is none": (packed(b"\xff\x00"), "file", BAD),
    "a manifest of another shape": (packed([1]), "file", BAD),
    "no name": (packed({"voice_type": "cloned"}), "file", BAD),
    "a blank name": (packed(cloned(name=" ")), "name", None),
    "a kind of no kind": (packed(cloned(voice_type="stolen")), "file", BAD),
    "a version of tomorrow": (packed(cloned(version=2)), "file", BAD),
    "a sample that is not there": (packed(cloned(**sample())), "file", BAD),
    "a sample of another name": (packed(cloned(samples=[{"file": "../../x"}])), "file", BAD),
    "a sample that was changed": (packed(cloned(**sample(sha256="0" * 64)), samples_1=short()), "file", BAD),
    "a sample that is no recording": (packed(cloned(**sample()), samples_1=b"x" * 9999), "file", None),
    "a sample of noise": (packed(cloned(**sample()), samples_1=coded(noise(99_999))), "file", "no_speech"),
    "a part that is not there": (
        packed(cloned(**sample(trimmed=[50, 60])), samples_1=short()),
        "file",
        "invalid_value",
    ),
    "too many samples": (
        packed(cloned(samples=[{"file": "samples/1"}] * 4), samples_1=short()),
        "file",
        None,
    ),
    "a picture that is none": (packed(cloned(avatar="avatar"), avatar=b"<svg/>"), "file", None),
    "a consent that is none": (packed(cloned(consent=CONSENT), consent=b"x" * 999), "recording", None),
    "a language that is none": (packed(cloned(languages=["e n"])), "languages", None),
    "a word without a reading": (packed(cloned(pronunciations=[{"word": "x"}])), "pronunciations", None),
    "a speed that is none": (packed(cloned(speed=99)), "file", BAD),
    "a preset of nothing": (packed({"name": "Imported", "voice_type": "preset"}), "preset_voice_id", None),
    "a design of nothing": (packed({"name": "Imported", "voice_type": "designed"}), "design_prompt", None),
    "an engine of no name": (packed(cloned(engines=["nothing"])), "engines", None),
}


@pytest.mark.parametrize("what", GARBAGE)
def test_invalid_archives(cloning: Server, what: str) -> None:
    """An invalid archive is refused with the reason, as a body and as a form, and leaves nothing behind."""
    data, param, code = GARBAGE[what]
    before = state(cloning)

    refused(imported(cloning, data), 400, param, code)
    refused(call(cloning, "POST", f"{PATH}/import", files={"file": ("a.zip", data)}), 400, param, code)
    assert state(cloning) == before


def test_a_minimal_archive(cloning: Server) -> None:
    """A name, a kind and its samples' files are a complete manifest: the archive that the other tests spoil
    is valid.
    """
    back = json_of(imported(cloning, PLAIN, new_name()))
    assert spoken_brightness(cloning, back["id"]) == pytest.approx(
        spoken_brightness(cloning, clone(cloning, short())["id"]), rel=BRIGHTNESS_TOLERANCE
    )


def test_damaged_archives(cloning: Server) -> None:
    """An archive with any bytes changed is imported or refused: nothing crashes, and a refused one leaves
    nothing.
    """
    chance = random.Random(20)
    archive = packed(cloned(**sample(sha256=hashlib.sha256(short()).hexdigest())), samples_1=short())
    edges = [*range(120), *range(len(archive) - 250, len(archive))]
    for number in range(80):
        damaged = bytearray(archive)
        for place in chance.sample(edges, 1 + number % 3):
            damaged[place] = chance.randrange(256)
        before = state(cloning)[1:]
        answer = imported(cloning, bytes(damaged), new_name())
        assert answer.status_code in (200, 400), answer.text
        assert answer.status_code == 200 or state(cloning)[1:] == before


def test_zip_bombs(cloning: Server) -> None:
    """An archive that unpacks to far more than its size is refused before it is unpacked to its end."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("profile.json", json.dumps(cloned(**sample())))
        with archive.open("samples/1", "w") as entry:
            for _ in range(300):
                entry.write(bytes(1_000_000))
    assert len(file.getvalue()) < 1_000_000
    assert "larger than is taken" in refused(imported(cloning, file.getvalue()), 400, "file", BAD)
