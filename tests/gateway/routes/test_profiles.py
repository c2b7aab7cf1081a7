"""Tests of profiles under /v1/voicebox: created, changed, listed, refused by field; their pictures, engines,
previews and audit.
"""

from __future__ import annotations

from typing import Any

import pytest
from cloning_server import (
    BRIGHTNESS_TOLERANCE,
    Json,
    brightness_of,
    call,
    clone,
    create_profile,
    design,
    female,
    json_of,
    new_name,
    pcm,
    profile,
    refused,
    sample_brightness,
    short,
    speak,
    spoken_brightness,
)
from decoded import facts
from servers import Server

PATH = "/voicebox/profiles"
KEYS = {
    "id", "object", "name", "voice_type", "mine", "shared", "languages", "description", "engines", "model", "speed", "instructions",
    "pronunciations", "consent", "samples", "created_at", "updated_at",
}  # fmt: skip


def test_life_of_a_profile(cloning: Server) -> None:
    """A profile is created without samples, looked up, listed, gets a sample, speaks, and is gone when it is
    deleted.
    """
    created = create_profile(cloning, languages=["en-GB"], description="  First  ")
    path = f"{PATH}/{created['id']}"

    assert set(created) == KEYS
    assert (created["object"], created["voice_type"], created["mine"], created["samples"]) == (
        "voicebox.profile",
        "cloned",
        True,
        [],
    )
    assert (created["languages"], created["description"], created["speed"]) == (["en-GB"], "First", None)
    assert json_of(call(cloning, "GET", path)) == created
    assert created in json_of(call(cloning, "GET", PATH))["data"]
    json_of(
        call(
            cloning,
            "POST",
            f"{path}/samples",
            files={"file": ("a.wav", female(), "audio/wav")},
            data={"transcript": "x"},
        )
    )
    assert spoken_brightness(cloning, created["name"]) == pytest.approx(
        sample_brightness(cloning, created["id"]), rel=BRIGHTNESS_TOLERANCE
    )
    assert json_of(call(cloning, "DELETE", path)) == {
        "id": created["id"],
        "object": "voicebox.profile",
        "deleted": True,
    }
    for method in ("GET", "DELETE", "PATCH", "PUT"):
        refused(call(cloning, method, path, json={}), 404, None, "voice_not_found")
    assert created["id"] not in {one["id"] for one in json_of(call(cloning, "GET", PATH))["data"]}


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_changes(cloning: Server, method: str) -> None:
    """Fields that are sent are set, the others stay, and null removes the speed."""
    created = create_profile(cloning, speed=1.5, description="Old", instructions="Calmly")
    path = f"{PATH}/{created['id']}"
    words = [{"word": "SQL", "respelling": "sequel"}]
    changed = {
        "name": new_name("Renamed"),
        "description": "",
        "languages": ["de", "en"],
        "pronunciations": words,
        "shared": True,
    }

    after = json_of(call(cloning, method, path, json=changed))
    assert after == created | changed | {"updated_at": after["updated_at"]}
    assert json_of(call(cloning, method, path, json={"speed": None}))["speed"] is None
    assert json_of(call(cloning, method, path, json={})) == profile(cloning, created["id"])
    assert call(cloning, "GET", f"/audio/voices/{created['name']}").status_code == 404
    assert json_of(call(cloning, "GET", f"/audio/voices/{changed['name']}"))["id"] == created["id"]


def test_filters(cloning: Server) -> None:
    """The list is filtered by kind and by language, regardless of the language's region."""
    french = create_profile(cloning, languages=["fr-CA", "en"])
    preset = create_profile(cloning, preset_engine="espeak", preset_voice_id="fr-fr")
    designed = design(cloning, "A designed one")

    def ids(**query: str) -> set[str]:
        return {one["id"] for one in json_of(call(cloning, "GET", PATH, params=query))["data"]}

    assert {french["id"], preset["id"], designed["id"]} <= ids()
    assert preset["id"] in ids(voice_type="preset") - ids(voice_type="cloned") - ids(voice_type="designed")
    assert designed["id"] in ids(voice_type="designed") - ids(voice_type="cloned")
    assert french["id"] in ids(language="fr") & ids(language="FR-fr") & ids(language="en")
    assert french["id"] not in ids(language="de") | ids(voice_type="preset", language="fr")


def preset(engine: str, voice: str) -> Json:
    """Return the fields of a preset."""
    return {"voice_type": "preset", "preset_engine": engine, "preset_voice_id": voice}


WRONG: dict[str, tuple[Any, str]] = {
    "no name": ({}, "name"),
    "a name that is none": ({"name": " "}, "name"),
    "a name of the wrong type": ({"name": 5}, "name"),
    "a long name": ({"name": "x" * 101}, "name"),
    "a kind of no kind": ({"voice_type": "stolen"}, "voice_type"),
    "a field of nobody": ({"nmae": "x"}, "nmae"),
    "languages that are no list": ({"languages": "en"}, "languages"),
    "a language that is none": ({"languages": ["en", "e n"]}, "languages"),
    "too many languages": ({"languages": ["en"] * 51}, "languages"),
    "a long description": ({"description": "x" * 4097}, "description"),
    "an engine of no name": ({"engines": ["espeak", "nothing"]}, "engines"),
    "a preset of no engine": ({"voice_type": "preset"}, "preset_voice_id"),
    "a preset of an unknown engine": ({"preset_engine": "nothing", "preset_voice_id": "x"}, "preset_engine"),
    "a preset that the engine lacks": (preset("espeak", "nobody"), "preset_voice_id"),
    "a variant that the engine lacks": (preset("espeak", "de+nobody"), "preset_voice_id"),
    "a design of nothing": ({"voice_type": "designed"}, "design_prompt"),
    "a short script": ({"design_prompt": "x", "design_script": "Hello."}, "design_script"),
    "a speed too slow": ({"speed": 0.2}, "speed"),
    "a speed too fast": ({"speed": 4.1}, "speed"),
    "a speed in words": ({"speed": "fast"}, "speed"),
    "shared in words": ({"shared": "yes"}, "shared"),
    "a word without a reading": ({"pronunciations": [{"word": "x"}]}, "pronunciations"),
    "a word twice": (
        {"pronunciations": [{"word": w, "respelling": "y"} for w in ("x", "X")]},
        "pronunciations",
    ),
    "a reading of the wrong type": ({"pronunciations": [{"word": "x", "ipa": 5}]}, "pronunciations[0].ipa"),
    "a reading of no kind": ({"pronunciations": [{"word": "x", "sampa": "x"}]}, "pronunciations[0]"),
}


@pytest.mark.parametrize("what", WRONG)
def test_fields_that_are_refused(cloning: Server, what: str) -> None:
    """An invalid field is refused by its name, when a profile is created and when it is changed; nothing
    changes.
    """
    fields, param = WRONG[what]
    created = create_profile(cloning)
    before = json_of(call(cloning, "GET", PATH))
    asked = fields if what == "no name" else {"name": new_name(), **fields}
    create = call(cloning, "POST", PATH, json=asked)

    refused(create, 400, param, "missing_required_parameter" if what == "no name" else None)
    if what != "no name":
        refused(call(cloning, "PATCH", f"{PATH}/{created['id']}", json=fields), 400, param, None)
    assert json_of(call(cloning, "GET", PATH)) == before


def test_names_are_unique(cloning: Server) -> None:
    """No profile gets another's name, neither at its creation nor by renaming; a profile may change the case
    of its own name.
    """
    one, other = create_profile(cloning), create_profile(cloning)
    refused(call(cloning, "POST", PATH, json={"name": one["name"].upper()}), 400, "name", "name_taken")
    refused(
        call(cloning, "PATCH", f"{PATH}/{other['id']}", json={"name": one["name"].lower()}),
        400,
        "name",
        "name_taken",
    )
    assert (
        json_of(call(cloning, "PATCH", f"{PATH}/{one['id']}", json={"name": one["name"].upper()}))["name"]
        == one["name"].upper()
    )


def test_consents_of_a_profile(cloning: Server) -> None:
    """A consent that does not exist is refused, at the creation of a profile and later."""
    created = create_profile(cloning)
    body = {"name": new_name(), "consent": "cons_nothing"}
    refused(call(cloning, "POST", PATH, json=body), 404, "consent", "voice_consent_not_found")
    refused(
        call(cloning, "PATCH", f"{PATH}/{created['id']}", json={"consent": "cons_nothing"}),
        404,
        "consent",
        "voice_consent_not_found",
    )
    assert profile(cloning, created["id"])["consent"] == ""


# Pictures...

RIFF = b"RIFF\x10\x00\x00\x00"
PICTURES = {
    "image/png": b"\x89PNG\r\n\x1a\n" + bytes(64),
    "image/jpeg": b"\xff\xd8\xff\xe0" + bytes(64),
    "image/gif": b"GIF89a" + bytes(64),
    "image/webp": RIFF + b"WEBPVP8 " + bytes(64),
}
NO_PICTURES = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "html": b"<!doctype html><script>alert(1)</script>",
    "wav": RIFF + b"WAVEfmt " + bytes(64),
    "text": b"hello",
    "png further on": b" \x89PNG\r\n\x1a\n" + bytes(64),
}


@pytest.mark.parametrize("media_type", PICTURES)
@pytest.mark.parametrize("form", [False, True])
def test_pictures(cloning: Server, media_type: str, form: bool) -> None:
    """A picture is sent as a form or as the body, comes back unchanged and safe from being interpreted as
    another type, and can be deleted.
    """
    created = create_profile(cloning)
    path, data = f"{PATH}/{created['id']}/avatar", PICTURES[media_type]
    sent: Any = {"files": {"file": ("a.html", data, "text/html")}} if form else {"content": data}

    refused(call(cloning, "GET", path), 404, None, "not_found")
    assert json_of(call(cloning, "PUT", path, **sent))["avatar"] == f"/v1{path}"
    answer = call(cloning, "GET", path)
    assert (answer.content, answer.headers["content-type"]) == (data, media_type)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "avatar" not in json_of(call(cloning, "DELETE", path))
    refused(call(cloning, "GET", path), 404, None, "not_found")


def test_a_picture_replaces_another(cloning: Server) -> None:
    """A voice has one picture, the last; no file of those before it stays. Sending the same one again changes
    nothing.
    """
    path = f"{PATH}/{create_profile(cloning)['id']}"
    for data in (PICTURES["image/png"], PICTURES["image/gif"], PICTURES["image/gif"]):
        json_of(call(cloning, "POST", f"{path}/avatar", content=data))
        assert call(cloning, "GET", f"{path}/avatar").content == data
    folder = cloning.folder / "data" / "voices" / "profiles" / path.rsplit("/", 1)[1]
    assert [one.read_bytes() for one in folder.rglob("*") if one.is_file()] == [PICTURES["image/gif"]]


@pytest.mark.parametrize("what", NO_PICTURES)
def test_files_that_are_no_picture(cloning: Server, what: str) -> None:
    """A file that a browser could run is no picture, whatever type it claims; the existing picture stays."""
    path = f"{PATH}/{create_profile(cloning)['id']}/avatar"
    json_of(call(cloning, "PUT", path, content=PICTURES["image/png"]))
    file = {"file": ("a.png", NO_PICTURES[what], "image/png")}

    refused(call(cloning, "PUT", path, files=file), 400, "file", None)
    refused(
        call(cloning, "PUT", path, content=NO_PICTURES[what], headers={"content-type": "image/png"}),
        400,
        "file",
        None,
    )
    refused(call(cloning, "PUT", path, content=b""), 400, "file", None)
    assert call(cloning, "GET", path).content == PICTURES["image/png"]


def test_two_megabytes_of_picture(cloning: Server) -> None:
    """A picture of two million bytes is accepted, one of a byte more answers 413."""
    path = f"{PATH}/{create_profile(cloning)['id']}/avatar"
    png = PICTURES["image/png"].ljust(2_000_000, b"\0")
    json_of(call(cloning, "PUT", path, content=png))
    refused(call(cloning, "PUT", path, content=png + b"\0"), 413, None, None)
    refused(call(cloning, "PUT", path, files={"file": ("a.png", png + b"\0", "image/png")}), 413, None, None)


# Engines, previews, prompts...


def fits(server: Server, id: str) -> dict[str, Json]:
    return {one["engine"]: one for one in json_of(call(server, "GET", f"{PATH}/{id}/engines"))["data"]}


def test_engines(cloning: Server) -> None:
    """For every engine it is reported whether it can speak the voice, and why not; the answer changes with
    the voice.
    """
    bare, cloned = create_profile(cloning), clone(cloning, short())
    preset = create_profile(cloning, preset_engine="espeak", preset_voice_id="de")

    assert fits(cloning, cloned["id"])["mimic"] == {"engine": "mimic", "can": True, "would": False}
    assert fits(cloning, cloned["id"])["espeak"]["reason"] == "it does not clone voices"
    assert "no sample" in fits(cloning, bare["id"])["mimic"]["reason"]
    assert fits(cloning, preset["id"])["espeak"]["can"]
    assert "preset of `espeak`" in fits(cloning, preset["id"])["mimic"]["reason"]
    json_of(call(cloning, "PATCH", f"{PATH}/{cloned['id']}", json={"languages": ["de"]}))
    assert fits(cloning, cloned["id"])["mimic"]["reason"] == "it does not speak de"
    assert "it does not speak de" in refused(
        speak(cloning, cloned["id"]), 400, "voice", "voice_not_speakable"
    )
    json_of(call(cloning, "PATCH", f"{PATH}/{cloned['id']}", json={"languages": [], "engines": ["espeak"]}))
    assert fits(cloning, cloned["id"])["mimic"]["reason"] == "the voice is kept to other engines"


def test_previews(cloning: Server) -> None:
    """A preview speaks a text of ours or the caller's, as mp3 or in another format, in the profile's voice."""
    voice = clone(cloning, female())
    path = f"{PATH}/{voice['id']}/preview"
    plain = call(cloning, "POST", path)
    asked = call(
        cloning, "POST", path, json={"input": "one two three", "response_format": "pcm", "model": "mimic"}
    )

    assert (plain.headers["content-type"], facts(plain.content)[0]) == ("audio/mpeg", "mp3")
    assert brightness_of(plain.content) == pytest.approx(
        sample_brightness(cloning, voice["id"]), rel=BRIGHTNESS_TOLERANCE
    )
    assert asked.content == pcm(cloning, voice["id"], "one two three")
    refused(
        call(cloning, "POST", path, json={"input": "one", "response_format": "midi"}),
        400,
        "response_format",
        "unsupported_value",
    )
    refused(call(cloning, "POST", path, json={"inputs": "one"}), 400, "inputs", None)
    refused(
        call(cloning, "POST", f"{PATH}/{create_profile(cloning)['id']}/preview"),
        400,
        "voice",
        "voice_not_speakable",
    )
    refused(call(cloning, "POST", f"{PATH}/voice_nothing/preview"), 404, None, "voice_not_found")


def test_prompts_are_cleared_and_computed_anew(cloning: Server) -> None:
    """Clearing a voice's prompts, or all, deletes their files, reports how many, and does not change the
    audio.
    """
    clones = [clone(cloning, data) for data in (female(), short())]
    spoken = [pcm(cloning, voice["id"]) for voice in clones]
    prompts = cloning.folder / "data" / "voices" / "prompts"

    def kept(voice: Json) -> int:
        return len([path for path in (prompts / voice["id"]).rglob("*") if path.is_file()])

    assert [kept(voice) for voice in clones] == [1, 1]
    assert json_of(call(cloning, "DELETE", f"{PATH}/{clones[0]['id']}/cache")) == {"prompts": 1}
    assert [kept(voice) for voice in clones] == [0, 1]
    assert json_of(call(cloning, "DELETE", f"{PATH}/{clones[0]['id']}/cache")) == {"prompts": 0}
    assert json_of(call(cloning, "DELETE", "/voicebox/cache"))["prompts"] >= 1
    assert [kept(voice) for voice in clones] == [0, 0]
    assert [pcm(cloning, voice["id"]) for voice in clones] == spoken
    assert [kept(voice) for voice in clones] == [1, 1]


# The audit...


def test_the_audit(cloning: Server) -> None:
    """The audit has an entry for each change, synthesis with its request, and export of a voice, without
    texts or names.
    """
    created = clone(cloning, female())
    path = f"{PATH}/{created['id']}"
    spoken = [speak(cloning, voice, "quince jelly") for voice in (created["id"], created["name"])]
    spoken.append(call(cloning, "POST", f"{path}/preview", json={"input": "quince"}))
    json_of(call(cloning, "PATCH", path, json={"description": "x"}))
    assert call(cloning, "GET", f"{path}/export").status_code == 200
    body = json_of(call(cloning, "GET", f"{path}/audit"))
    lines = body["data"]

    assert body["object"] == "list"
    assert [line["event"] for line in lines] == [
        "created",
        "spoken",
        "spoken",
        "spoken",
        "changed",
        "exported",
    ]
    assert [line["request"] for line in lines[1:4]] == [answer.headers["x-request-id"] for answer in spoken]
    assert [(line["engine"], line["characters"]) for line in lines[1:4]] == [
        ("mimic", 12),
        ("mimic", 12),
        ("mimic", 6),
    ]
    assert sorted(lines, key=lambda line: line["time"]) == lines
    assert "quince" not in str(body)
    assert created["name"] not in str(body)


def test_a_client_that_leaves_is_in_the_audit(cloning: Server) -> None:
    """A client that leaves after the first sound has used the voice, and is in the audit."""
    cloned = clone(cloning, female())
    with cloning.sdk().audio.speech.with_streaming_response.create(
        model="tts-1", voice={"id": cloned["id"]}, input="whole " * 4000, response_format="pcm"
    ) as answer:
        next(answer.iter_bytes(1024))
        id = answer.headers["x-request-id"]
    lines = json_of(call(cloning, "GET", f"{PATH}/{cloned['id']}/audit"))["data"]
    assert [line["request"] for line in lines if line["event"] == "spoken"] == [id]


def test_presets_leave_no_audit(cloning: Server) -> None:
    """A preset, even under a name of one's own, is nobody's voice and has no audit."""
    created = create_profile(cloning, preset_engine="mimic", preset_voice_id="low")
    pcm(cloning, created["id"])
    assert [
        line["event"] for line in json_of(call(cloning, "GET", f"{PATH}/{created['id']}/audit"))["data"]
    ] == ["created"]
