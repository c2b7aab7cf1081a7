"""Tests of who owns a voice: what another key sees of it, may do with it, and learns of it.

On this server no voice is cloned without consent.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest
from cloning_server import (
    BRIGHTNESS_TOLERANCE,
    CLONER,
    WORD_SECONDS,
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
    sample_brightness,
    seconds,
    speak,
    spoken_brightness,
)
from servers import Server, running

from gateway.security.keys import KEYS_FILE, KeyStore

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
MINE = "Mechthild"
SHARED = "Siegfried"


class TwoCallers:
    """A server with two keys, `anna` and `bert`; a voice older than the keys; and two voices of Anna's, one
    of them shared.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.common = clone(server, male(), "Commons", consent=self.consent(""))["id"]
        store = KeyStore(server.folder / "data" / KEYS_FILE)
        self.anna, self.bert = (store.create(name, None)[1] for name in ("anna", "bert"))
        self.private = self.voice(self.anna, female(), MINE)
        self.shared = self.voice(self.anna, male(), SHARED)
        json_of(call(server, "PATCH", f"/voicebox/profiles/{self.shared}", self.anna, json={"shared": True}))
        json_of(call(server, "PUT", f"/voicebox/profiles/{self.shared}/avatar", self.anna, content=PNG))

    def consent(self, key: str) -> str:
        """Create a consent, and return its id."""
        form = {"name": new_name(), "language": "en"}
        answer = call(
            self.server, "POST", "/audio/voice_consents", key, data=form, files={"recording": ("a", male())}
        )
        return str(json_of(answer)["id"])

    def voice(self, key: str, data: bytes, name: str = "", **fields: str) -> str:
        """Clone a voice, with consent."""
        return str(clone(self.server, data, name, key, consent=self.consent(key), **fields)["id"])


@pytest.fixture(scope="module")
def callers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoCallers]:
    """Run a server with two callers' keys, and their voices."""
    with running(
        tmp_path_factory.mktemp("callers"), {"engines": CLONER, "voices": {"require_consent": True}}
    ) as server:
        yield TwoCallers(server)


def names(callers: TwoCallers, path: str, key: str) -> set[str]:
    """Return the names in a list."""
    return {one["name"] for one in json_of(call(callers.server, "GET", path, key))["data"]}


def changes(callers: TwoCallers, id: str) -> list[tuple[str, str, Json]]:
    """Return every call that changes a voice, or shows what only its owner may see."""
    sample = profile(callers.server, id, callers.anna)["samples"][0]["id"]
    one = f"/voicebox/profiles/{id}"
    file = {"file": ("a.flac", male(), "audio/flac")}
    return [
        ("DELETE", f"/audio/voices/{id}", {}),
        ("PATCH", one, {"json": {"description": "Bert's"}}),
        ("PATCH", one, {"json": {"shared": True, "consent": callers.consent(callers.bert)}}),
        ("PUT", one, {"json": {"name": "Bert's"}}),
        ("DELETE", one, {}),
        ("GET", f"{one}/audit", {}),
        ("POST", f"{one}/avatar", {"files": {"file": ("a.png", PNG, "image/png")}}),
        ("PUT", f"{one}/avatar", {"content": PNG}),
        ("DELETE", f"{one}/avatar", {}),
        ("GET", f"{one}/export", {}),
        ("DELETE", f"{one}/cache", {}),
        ("GET", f"{one}/samples", {}),
        ("POST", f"{one}/samples", {"files": file}),
        ("GET", f"{one}/samples/{sample}", {}),
        ("GET", f"{one}/samples/{sample}/audio", {}),
        ("GET", f"{one}/samples/{sample}/audio?original=true", {}),
        ("PATCH", f"{one}/samples/{sample}", {"json": {"transcript": "Bert's"}}),
        ("POST", f"{one}/samples/{sample}/transcribe", {}),
        ("POST", f"{one}/samples/{sample}/trim", {"json": {"start": 1}}),
        ("DELETE", f"{one}/samples/{sample}", {}),
    ]


def owners_view(callers: TwoCallers, id: str) -> Any:
    """Return all that the owner can get of a voice, to compare."""
    path = f"/voicebox/profiles/{id}"
    audio = [
        call(callers.server, "GET", f"{path}/samples/{sample['id']}/audio", callers.anna).content
        for sample in profile(callers.server, id, callers.anna)["samples"]
    ]
    picture = call(callers.server, "GET", f"{path}/avatar", callers.anna)
    return profile(callers.server, id, callers.anna), audio, (picture.status_code, picture.content)


def test_lists(callers: TwoCallers) -> None:
    """A key sees its own voices, the shared ones and those older than the keys; without a key only the last
    are seen.
    """
    for path in ("/audio/voices", "/voicebox/profiles"):
        assert names(callers, path, callers.anna) >= {MINE, SHARED, "Commons"}
        assert names(callers, path, callers.bert) >= {SHARED, "Commons"}
        assert MINE not in names(callers, path, callers.bert)
    assert names(callers, "/audio/voices", "") >= {"Commons", "alloy"}
    assert not names(callers, "/audio/voices", "") & {MINE, SHARED}
    mine = {
        one["id"]: one["mine"]
        for one in json_of(call(callers.server, "GET", "/voicebox/profiles", callers.bert))["data"]
    }
    assert (mine[callers.shared], mine[callers.common]) == (False, True)


def test_without_a_key_only_the_list_is_open(callers: TwoCallers) -> None:
    """Every route but the list of voices needs a key, the list of a single voice included."""
    for path in (
        f"/audio/voices/{callers.shared}",
        "/voicebox/profiles",
        "/audio/voice_consents",
        "/voicebox/aliases",
    ):
        assert call(callers.server, "GET", path).status_code == 401
    assert speak(callers.server, callers.shared).status_code == 401


def test_private_voices_do_not_exist_for_others(callers: TwoCallers) -> None:
    """For another key a private voice does not exist, by any call, and no call changes it."""
    before = owners_view(callers, callers.private)
    one = f"/voicebox/profiles/{callers.private}"
    looks: list[tuple[str, str, Json]] = [
        ("GET", one, {}),
        ("GET", f"{one}/engines", {}),
        ("GET", f"{one}/avatar", {}),
        ("POST", f"{one}/preview", {"json": {}}),
        ("GET", f"/audio/voices/{callers.private}", {}),
        ("GET", f"/audio/voices/{MINE}", {}),
    ]
    for method, path, body in looks + changes(callers, callers.private):
        answer = call(callers.server, method, path, callers.bert, **body)
        assert answer.status_code == 404, (method, path)
        error = answer.json()["error"]
        assert error["code"] == "voice_not_found", (method, path)
        assert MINE not in error["message"].replace(path.rsplit("/", 1)[-1], "")
    assert owners_view(callers, callers.private) == before


@pytest.mark.parametrize(
    "asked",
    ["{id}", "profile:{id}", "Mechthild", "profile:Mechthild", "Mechthilt", "mechthil", "mimic/Mechthild"],
)
def test_private_voices_are_not_spoken_by_others(callers: TwoCallers, asked: str) -> None:
    """Another key cannot speak with a private voice, by any name, nor is it suggested as a near miss, as it
    is to its owner.
    """
    voice = asked.format(id=callers.private)
    for field in ({"voice": voice}, {"voice": {"id": voice}}, {"voice": None, "model": voice}):
        body = {"model": "tts-1", "input": "one", **field}
        answer = call(callers.server, "POST", "/audio/speech", callers.bert, json=body)
        assert answer.status_code in (400, 404)
        assert MINE not in answer.json()["error"]["message"].replace(voice, "")
    if voice in ("Mechthilt", "mechthil"):
        assert f"'{MINE}'" in refused(speak(callers.server, voice, key=callers.anna), 400, None, None)


def test_shared_voices_can_be_used(callers: TwoCallers) -> None:
    """Another key may look at a shared voice and speak with it, but is shown no recordings."""
    mine = pcm(callers.server, SHARED, key=callers.anna)
    shown = profile(callers.server, callers.shared, callers.bert)

    for voice in (SHARED, callers.shared, {"id": callers.shared}, SHARED.lower()):
        assert pcm(callers.server, voice, key=callers.bert) == mine
    assert (shown["name"], shown["shared"], shown["mine"], shown["samples"]) == (SHARED, True, False, [])
    path = f"/voicebox/profiles/{callers.shared}"
    assert call(callers.server, "GET", f"{path}/avatar", callers.bert).content == PNG
    assert (
        call(callers.server, "POST", f"{path}/preview", callers.bert, json={"input": "one"}).status_code
        == 200
    )
    assert json_of(call(callers.server, "GET", f"{path}/engines", callers.bert))["data"]
    assert (
        json_of(call(callers.server, "GET", f"/audio/voices/{callers.shared}", callers.bert))["name"]
        == SHARED
    )


def test_shared_voices_are_not_changed(callers: TwoCallers) -> None:
    """Every change of a shared voice by another key is refused with 403, and neither the voice nor its
    picture changes.
    """
    before = owners_view(callers, callers.shared)
    for method, path, body in changes(callers, callers.shared):
        answer = call(callers.server, method, path, callers.bert, **body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_yours"), (
            method,
            path,
            answer.text,
        )
    assert owners_view(callers, callers.shared) == before
    assert spoken_brightness(callers.server, SHARED, key=callers.bert) == pytest.approx(
        sample_brightness(callers.server, callers.shared, callers.anna), rel=BRIGHTNESS_TOLERANCE
    )


def test_sharing_ends(callers: TwoCallers) -> None:
    """A voice that is no longer shared is not found by others at once."""
    id = callers.voice(callers.anna, female(), "Fleeting")
    path = f"/voicebox/profiles/{id}"
    for shared, status in ((False, 400), (True, 200), (False, 400)):
        json_of(call(callers.server, "PATCH", path, callers.anna, json={"shared": shared}))
        assert speak(callers.server, "Fleeting", key=callers.bert).status_code == status
        assert ("Fleeting" in names(callers, "/audio/voices", callers.bert)) == shared


def test_voices_older_than_the_keys(callers: TwoCallers) -> None:
    """Voices older than the keys belong to everybody: every key speaks with them and changes them."""
    for key in (callers.anna, callers.bert):
        json_of(
            call(
                callers.server,
                "PATCH",
                f"/voicebox/profiles/{callers.common}",
                key,
                json={"description": key[-4:]},
            )
        )
        assert profile(callers.server, callers.common, key)["description"] == key[-4:]
        assert spoken_brightness(callers.server, "Commons", key=key) == pytest.approx(
            sample_brightness(callers.server, callers.common, key), rel=BRIGHTNESS_TOLERANCE
        )


def test_names_of_two_keys(callers: TwoCallers) -> None:
    """Two keys may use the same name, each for its own voice; among shared voices a name is unique, and one's
    own voice comes first.
    """
    anna, bert = callers.voice(callers.anna, female(), "Twin"), callers.voice(callers.bert, male(), "TWIN")
    own = {key: spoken_brightness(callers.server, "twin", key=key) for key in (callers.anna, callers.bert)}

    assert own[callers.anna] == pytest.approx(
        sample_brightness(callers.server, anna, callers.anna), rel=BRIGHTNESS_TOLERANCE
    )
    assert own[callers.bert] == pytest.approx(
        sample_brightness(callers.server, bert, callers.bert), rel=BRIGHTNESS_TOLERANCE
    )
    json_of(call(callers.server, "PATCH", f"/voicebox/profiles/{anna}", callers.anna, json={"shared": True}))
    assert spoken_brightness(callers.server, "twin", key=callers.bert) == pytest.approx(own[callers.bert])
    again = call(callers.server, "PATCH", f"/voicebox/profiles/{bert}", callers.bert, json={"shared": True})
    refused(again, 400, "name", "name_taken")
    assert profile(callers.server, bert, callers.bert)["shared"] is False


def test_aliases_of_two_keys(callers: TwoCallers) -> None:
    """An alias of one key, even of OpenAI's own name, is no other's; the same name may have another target
    for another key.
    """
    path = "/voicebox/aliases/alloy"
    json_of(call(callers.server, "PUT", path, callers.anna, json={"target": MINE}))

    assert spoken_brightness(callers.server, "alloy", key=callers.anna) == pytest.approx(
        sample_brightness(callers.server, callers.private, callers.anna), rel=BRIGHTNESS_TOLERANCE
    )
    assert speak(callers.server, "alloy", key=callers.bert).headers["x-voicebox-engine"] == "espeak"
    theirs = {
        one["name"]: one
        for one in json_of(call(callers.server, "GET", "/voicebox/aliases", callers.bert))["data"]
    }
    assert theirs["alloy"]["source"] == "engine"
    refused(call(callers.server, "DELETE", path, callers.bert), 404, None, "not_found")
    assert (
        MINE
        not in call(callers.server, "PUT", path, callers.bert, json={"target": "Mechthilt"}).json()["error"][
            "message"
        ]
    )
    json_of(call(callers.server, "PUT", path, callers.bert, json={"target": "mimic/high"}))
    assert spoken_brightness(callers.server, "alloy", key=callers.bert) == pytest.approx(
        2500, rel=BRIGHTNESS_TOLERANCE
    )
    json_of(call(callers.server, "DELETE", path, callers.bert))
    assert spoken_brightness(callers.server, "alloy", key=callers.anna) == pytest.approx(
        sample_brightness(callers.server, callers.private, callers.anna), rel=BRIGHTNESS_TOLERANCE
    )
    json_of(call(callers.server, "DELETE", path, callers.anna))
    assert speak(callers.server, "alloy", key=callers.anna).headers["x-voicebox-engine"] == "espeak"


def test_pronunciations_of_two_keys(callers: TwoCallers) -> None:
    """One key's pronunciations are neither applied nor shown to another."""
    words = {"pronunciations": [{"word": "SQL", "respelling": "structured query language"}]}
    json_of(call(callers.server, "PUT", "/voicebox/pronunciations", callers.anna, json=words))
    lengths = [seconds(pcm(callers.server, "mimic/low", "SQL", key)) for key in (callers.anna, callers.bert)]

    assert lengths == pytest.approx([3 * WORD_SECONDS, WORD_SECONDS])
    assert json_of(call(callers.server, "GET", "/voicebox/pronunciations", callers.bert)) == {
        "pronunciations": []
    }
    assert (
        len(json_of(call(callers.server, "GET", "/voicebox/pronunciations", callers.anna))["pronunciations"])
        == 1
    )
    json_of(
        call(callers.server, "PUT", "/voicebox/pronunciations", callers.anna, json={"pronunciations": []})
    )


def test_consents_of_two_keys(callers: TwoCallers) -> None:
    """A consent is its owner's alone: another key cannot see, change, delete or use it."""
    given = callers.consent(callers.anna)
    path = f"/audio/voice_consents/{given}"
    tries: list[tuple[str, Json]] = [("GET", {}), ("POST", {"json": {"name": "Bert's"}}), ("DELETE", {})]

    assert given not in {
        one["id"]
        for one in json_of(call(callers.server, "GET", "/audio/voice_consents", callers.bert))["data"]
    }
    for method, body in tries:
        refused(
            call(callers.server, method, path, callers.bert, **body), 404, None, "voice_consent_not_found"
        )
    refused(
        call(callers.server, "GET", f"/audio/voice_consents?after={given}", callers.bert),
        404,
        None,
        "voice_consent_not_found",
    )
    refused(cloned(callers, callers.bert, consent=given), 404, "consent", "voice_consent_not_found")
    profile_id = create_profile(callers.server, callers.bert)["id"]
    answer = call(
        callers.server, "PATCH", f"/voicebox/profiles/{profile_id}", callers.bert, json={"consent": given}
    )
    refused(answer, 404, "consent", "voice_consent_not_found")
    assert json_of(call(callers.server, "GET", path, callers.anna))["name"] != "Bert's"


def cloned(callers: TwoCallers, key: str, **fields: str) -> httpx.Response:
    """Try to clone a voice."""
    files = {"audio_sample": ("a", female())}
    return call(
        callers.server, "POST", "/audio/voices", key, data={"name": new_name(), **fields}, files=files
    )


def without_consent(archive: bytes, **fields: Any) -> bytes:
    """Return an archive without its consent, with fields set of its manifest."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(file, "w") as target:
        manifest = json.loads(source.read("profile.json")) | {"consent": None, **fields}
        target.writestr("profile.json", json.dumps(manifest))
        target.writestr("samples/1", source.read("samples/1"))
    return file.getvalue()


def test_no_voice_without_consent(callers: TwoCallers) -> None:
    """Where the settings demand consent nothing is cloned without it: neither by upload, nor sample by
    sample, nor by an archive.
    """
    server, bert, profiles = callers.server, callers.bert, "/voicebox/profiles"
    bare = f"{profiles}/{create_profile(server, bert)['id']}"
    sample = {"file": ("a.flac", male(), "audio/flac")}
    archive = call(server, "GET", f"{profiles}/{callers.voice(bert, female())}/export", bert).content
    before = names(callers, profiles, bert)

    refused(cloned(callers, bert), 400, "consent", None)
    refused(call(server, "POST", f"{bare}/samples", bert, files=sample), 400, "consent", None)
    for fields in ({}, {"voice_type": "designed", "design_prompt": "Nobody"}):
        stripped = without_consent(archive, name=new_name(), **fields)
        refused(call(server, "POST", f"{profiles}/import", bert, content=stripped), 400, "consent", None)
    assert names(callers, profiles, bert) == before
    json_of(call(server, "PATCH", bare, bert, json={"consent": callers.consent(bert)}))
    json_of(call(server, "POST", f"{bare}/samples", bert, files=sample, data={"transcript": "x"}))
    assert spoken_brightness(server, bare.rsplit("/", 1)[1], key=bert) > 0
    assert design(server, "A voice that nobody has", key=bert)["type"] == "prompt"


def test_the_audit_names_the_key(callers: TwoCallers) -> None:
    """The owner of a shared voice can look up who spoke with it: the key's name and the request's id."""
    answer = speak(callers.server, callers.shared, "one two", callers.bert)
    lines = json_of(call(callers.server, "GET", f"/voicebox/profiles/{callers.shared}/audit", callers.anna))[
        "data"
    ]
    line = next(line for line in lines if line.get("request") == answer.headers["x-request-id"])

    assert (line["event"], line["key"], line["engine"], line["characters"]) == ("spoken", "bert", "mimic", 7)
    assert line["consent"] == profile(callers.server, callers.shared, callers.anna)["consent"]
    assert "Bert" not in str(line)
