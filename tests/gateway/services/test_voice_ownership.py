"""Whose a voice is: what another key sees of it, may do with it, and hears of it. On this server no voice is
cloned without consent.
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
    MIMIC,
    NEAR,
    WORD_SECONDS,
    Json,
    call,
    clone,
    design,
    done,
    female,
    make,
    male,
    new_name,
    pcm,
    profile,
    refused,
    sampled,
    seconds,
    speak,
    voiced,
)
from servers import Server, running

from gateway.security.keys import KeyStore, default_path

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
MINE, SHARED = "Mechthild", "Siegfried"


class House:
    """A server with two keys, `anna` and `bert`; a voice that was there before them; and two voices of
    Anna's, one shared.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.common = clone(server, male(), "Commons", consent=self.consent(""))["id"]
        store = KeyStore(default_path(str(server.folder / "data")))
        self.anna, self.bert = (store.create(name, None)[1] for name in ("anna", "bert"))
        self.private = self.voice(self.anna, female(), MINE)
        self.shared = self.voice(self.anna, male(), SHARED)
        done(call(server, "PATCH", f"/voicebox/profiles/{self.shared}", self.anna, json={"shared": True}))
        done(call(server, "PUT", f"/voicebox/profiles/{self.shared}/avatar", self.anna, content=PNG))

    def consent(self, key: str) -> str:
        """Give a consent."""
        form = {"name": new_name(), "language": "en"}
        answer = call(
            self.server, "POST", "/audio/voice_consents", key, data=form, files={"recording": ("a", male())}
        )
        return str(done(answer)["id"])

    def voice(self, key: str, data: bytes, name: str = "", **fields: str) -> str:
        """Clone a voice, with consent."""
        return str(clone(self.server, data, name, key, consent=self.consent(key), **fields)["id"])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """See House."""
    with running(
        tmp_path_factory.mktemp("house"), {"engines": MIMIC, "voices": {"require_consent": True}}
    ) as server:
        yield House(server)


def names(house: House, path: str, key: str) -> set[str]:
    """Give the names in a list."""
    return {one["name"] for one in done(call(house.server, "GET", path, key))["data"]}


def changes(house: House, id: str) -> list[tuple[str, str, Json]]:
    """Give every call that changes a voice, or shows what only its owner may see."""
    sample = profile(house.server, id, house.anna)["samples"][0]["id"]
    one = f"/voicebox/profiles/{id}"
    file = {"file": ("a.flac", male(), "audio/flac")}
    return [
        ("DELETE", f"/audio/voices/{id}", {}),
        ("PATCH", one, {"json": {"description": "Bert's"}}),
        ("PATCH", one, {"json": {"shared": True, "consent": house.consent(house.bert)}}),
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


def untouched(house: House, id: str) -> Any:
    """Give all that there is of a voice, for its owner."""
    path = f"/voicebox/profiles/{id}"
    audio = [
        call(house.server, "GET", f"{path}/samples/{sample['id']}/audio", house.anna).content
        for sample in profile(house.server, id, house.anna)["samples"]
    ]
    picture = call(house.server, "GET", f"{path}/avatar", house.anna)
    return profile(house.server, id, house.anna), audio, (picture.status_code, picture.content)


def test_lists(house: House) -> None:
    """A key sees its own voices, the shared ones and those from before there were keys; without a key only
    the last are seen.
    """
    for path in ("/audio/voices", "/voicebox/profiles"):
        assert names(house, path, house.anna) >= {MINE, SHARED, "Commons"}
        assert names(house, path, house.bert) >= {SHARED, "Commons"}
        assert MINE not in names(house, path, house.bert)
    assert names(house, "/audio/voices", "") >= {"Commons", "alloy"}
    assert not names(house, "/audio/voices", "") & {MINE, SHARED}
    mine = {
        one["id"]: one["mine"]
        for one in done(call(house.server, "GET", "/voicebox/profiles", house.bert))["data"]
    }
    assert (mine[house.shared], mine[house.common]) == (False, True)


def test_without_a_key_there_is_only_the_list(house: House) -> None:
    """Whatever is more than the list of voices needs a key, and the list of one voice too."""
    for path in (
        f"/audio/voices/{house.shared}",
        "/voicebox/profiles",
        "/audio/voice_consents",
        "/voicebox/aliases",
    ):
        assert call(house.server, "GET", path).status_code == 401
    assert speak(house.server, house.shared).status_code == 401


def test_private_voices_are_not_there(house: House) -> None:
    """For another key a private voice does not exist, whatever is tried, and nothing that is tried changes
    it.
    """
    before = untouched(house, house.private)
    one = f"/voicebox/profiles/{house.private}"
    looks: list[tuple[str, str, Json]] = [
        ("GET", one, {}),
        ("GET", f"{one}/engines", {}),
        ("GET", f"{one}/avatar", {}),
        ("POST", f"{one}/preview", {"json": {}}),
        ("GET", f"/audio/voices/{house.private}", {}),
        ("GET", f"/audio/voices/{MINE}", {}),
    ]
    for method, path, body in looks + changes(house, house.private):
        answer = call(house.server, method, path, house.bert, **body)
        assert answer.status_code == 404, (method, path)
        error = answer.json()["error"]
        assert error["code"] == "voice_not_found", (method, path)
        assert MINE not in error["message"].replace(path.rsplit("/", 1)[-1], "")
    assert untouched(house, house.private) == before


@pytest.mark.parametrize(
    "asked",
    ["{id}", "profile:{id}", "Mechthild", "profile:Mechthild", "Mechthilt", "mechthil", "mimic/Mechthild"],
)
def test_private_voices_are_not_spoken(house: House, asked: str) -> None:
    """Another key cannot speak a private voice, by any name, nor is it told of it as a near miss; its owner
    can, and is.
    """
    voice = asked.format(id=house.private)
    for field in ({"voice": voice}, {"voice": {"id": voice}}, {"voice": None, "model": voice}):
        body = {"model": "tts-1", "input": "one", **field}
        answer = call(house.server, "POST", "/audio/speech", house.bert, json=body)
        assert answer.status_code in (400, 404)
        assert MINE not in answer.json()["error"]["message"].replace(voice, "")
    if voice in ("Mechthilt", "mechthil"):
        assert f"'{MINE}'" in refused(speak(house.server, voice, key=house.anna), 400, None, None)


def test_shared_voices_are_used(house: House) -> None:
    """Another key may speak a shared voice, look at it and hear it, and is shown no recordings."""
    mine = pcm(house.server, SHARED, key=house.anna)
    shown = profile(house.server, house.shared, house.bert)

    for voice in (SHARED, house.shared, {"id": house.shared}, SHARED.lower()):
        assert pcm(house.server, voice, key=house.bert) == mine
    assert (shown["name"], shown["shared"], shown["mine"], shown["samples"]) == (SHARED, True, False, [])
    path = f"/voicebox/profiles/{house.shared}"
    assert call(house.server, "GET", f"{path}/avatar", house.bert).content == PNG
    assert call(house.server, "POST", f"{path}/preview", house.bert, json={"input": "one"}).status_code == 200
    assert done(call(house.server, "GET", f"{path}/engines", house.bert))["data"]
    assert done(call(house.server, "GET", f"/audio/voices/{house.shared}", house.bert))["name"] == SHARED


def test_shared_voices_are_not_changed(house: House) -> None:
    """Whatever another key tries with a shared voice is refused with 403, and nothing of it is changed, nor
    its picture lost.
    """
    before = untouched(house, house.shared)
    for method, path, body in changes(house, house.shared):
        answer = call(house.server, method, path, house.bert, **body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_yours"), (
            method,
            path,
            answer.text,
        )
    assert untouched(house, house.shared) == before
    assert voiced(house.server, SHARED, key=house.bert) == pytest.approx(
        sampled(house.server, house.shared, house.anna), rel=NEAR
    )


def test_sharing_ends(house: House) -> None:
    """What is shared no more is gone for others at once."""
    id = house.voice(house.anna, female(), "Fleeting")
    path = f"/voicebox/profiles/{id}"
    for shared, status in ((False, 400), (True, 200), (False, 400)):
        done(call(house.server, "PATCH", path, house.anna, json={"shared": shared}))
        assert speak(house.server, "Fleeting", key=house.bert).status_code == status
        assert ("Fleeting" in names(house, "/audio/voices", house.bert)) == shared


def test_voices_from_before_there_were_keys(house: House) -> None:
    """They belong to everybody: every key speaks and changes them."""
    for key in (house.anna, house.bert):
        done(
            call(
                house.server,
                "PATCH",
                f"/voicebox/profiles/{house.common}",
                key,
                json={"description": key[-4:]},
            )
        )
        assert profile(house.server, house.common, key)["description"] == key[-4:]
        assert voiced(house.server, "Commons", key=key) == pytest.approx(
            sampled(house.server, house.common, key), rel=NEAR
        )


def test_names_of_two_keys(house: House) -> None:
    """Two keys may use one name, each for its own voice; among the shared a name is given once, and one's own
    goes before.
    """
    anna, bert = house.voice(house.anna, female(), "Twin"), house.voice(house.bert, male(), "TWIN")
    own = {key: voiced(house.server, "twin", key=key) for key in (house.anna, house.bert)}

    assert own[house.anna] == pytest.approx(sampled(house.server, anna, house.anna), rel=NEAR)
    assert own[house.bert] == pytest.approx(sampled(house.server, bert, house.bert), rel=NEAR)
    done(call(house.server, "PATCH", f"/voicebox/profiles/{anna}", house.anna, json={"shared": True}))
    assert voiced(house.server, "twin", key=house.bert) == pytest.approx(own[house.bert])
    again = call(house.server, "PATCH", f"/voicebox/profiles/{bert}", house.bert, json={"shared": True})
    refused(again, 400, "name", "name_taken")
    assert profile(house.server, bert, house.bert)["shared"] is False


def test_aliases_of_two_keys(house: House) -> None:
    """An alias that one key makes, even of OpenAI's own name, is no other's; the same name may lead elsewhere
    for another.
    """
    path = "/voicebox/aliases/alloy"
    done(call(house.server, "PUT", path, house.anna, json={"target": MINE}))

    assert voiced(house.server, "alloy", key=house.anna) == pytest.approx(
        sampled(house.server, house.private, house.anna), rel=NEAR
    )
    assert speak(house.server, "alloy", key=house.bert).headers["x-voicebox-engine"] == "espeak"
    theirs = {
        one["name"]: one for one in done(call(house.server, "GET", "/voicebox/aliases", house.bert))["data"]
    }
    assert theirs["alloy"]["source"] == "engine"
    refused(call(house.server, "DELETE", path, house.bert), 404, None, "not_found")
    assert (
        MINE
        not in call(house.server, "PUT", path, house.bert, json={"target": "Mechthilt"}).json()["error"][
            "message"
        ]
    )
    done(call(house.server, "PUT", path, house.bert, json={"target": "mimic/high"}))
    assert voiced(house.server, "alloy", key=house.bert) == pytest.approx(2500, rel=NEAR)
    done(call(house.server, "DELETE", path, house.bert))
    assert voiced(house.server, "alloy", key=house.anna) == pytest.approx(
        sampled(house.server, house.private, house.anna), rel=NEAR
    )
    done(call(house.server, "DELETE", path, house.anna))
    assert speak(house.server, "alloy", key=house.anna).headers["x-voicebox-engine"] == "espeak"


def test_pronunciations_of_two_keys(house: House) -> None:
    """How one key wants words said is neither heard nor seen by another."""
    words = {"pronunciations": [{"word": "SQL", "respelling": "structured query language"}]}
    done(call(house.server, "PUT", "/voicebox/pronunciations", house.anna, json=words))
    lengths = [seconds(pcm(house.server, "mimic/low", "SQL", key)) for key in (house.anna, house.bert)]

    assert lengths == pytest.approx([3 * WORD_SECONDS, WORD_SECONDS])
    assert done(call(house.server, "GET", "/voicebox/pronunciations", house.bert)) == {"pronunciations": []}
    assert len(done(call(house.server, "GET", "/voicebox/pronunciations", house.anna))["pronunciations"]) == 1
    done(call(house.server, "PUT", "/voicebox/pronunciations", house.anna, json={"pronunciations": []}))


def test_consents_of_two_keys(house: House) -> None:
    """A consent is its giver's alone: another key neither sees, changes, deletes nor uses it."""
    given = house.consent(house.anna)
    path = f"/audio/voice_consents/{given}"
    tries: list[tuple[str, Json]] = [("GET", {}), ("POST", {"json": {"name": "Bert's"}}), ("DELETE", {})]

    assert given not in {
        one["id"] for one in done(call(house.server, "GET", "/audio/voice_consents", house.bert))["data"]
    }
    for method, body in tries:
        refused(call(house.server, method, path, house.bert, **body), 404, None, "voice_consent_not_found")
    refused(
        call(house.server, "GET", f"/audio/voice_consents?after={given}", house.bert),
        404,
        None,
        "voice_consent_not_found",
    )
    refused(cloned(house, house.bert, consent=given), 404, "consent", "voice_consent_not_found")
    made = make(house.server, house.bert)["id"]
    answer = call(house.server, "PATCH", f"/voicebox/profiles/{made}", house.bert, json={"consent": given})
    refused(answer, 404, "consent", "voice_consent_not_found")
    assert done(call(house.server, "GET", path, house.anna))["name"] != "Bert's"


def cloned(house: House, key: str, **fields: str) -> httpx.Response:
    """Try to clone a voice."""
    files = {"audio_sample": ("a", female())}
    return call(house.server, "POST", "/audio/voices", key, data={"name": new_name(), **fields}, files=files)


def without_consent(archive: bytes, **fields: Any) -> bytes:
    """Take the consent out of an archive, and set fields of its manifest."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(file, "w") as target:
        manifest = json.loads(source.read("profile.json")) | {"consent": None, **fields}
        target.writestr("profile.json", json.dumps(manifest))
        target.writestr("samples/1", source.read("samples/1"))
    return file.getvalue()


def test_no_voice_without_consent(house: House) -> None:
    """Where the settings demand consent nothing is cloned without it: not by upload, not sample by sample,
    not by an archive.
    """
    server, bert, profiles = house.server, house.bert, "/voicebox/profiles"
    bare = f"{profiles}/{make(server, bert)['id']}"
    sample = {"file": ("a.flac", male(), "audio/flac")}
    archive = call(server, "GET", f"{profiles}/{house.voice(bert, female())}/export", bert).content
    before = names(house, profiles, bert)

    refused(cloned(house, bert), 400, "consent", None)
    refused(call(server, "POST", f"{bare}/samples", bert, files=sample), 400, "consent", None)
    for fields in ({}, {"voice_type": "designed", "design_prompt": "Nobody"}):
        stripped = without_consent(archive, name=new_name(), **fields)
        refused(call(server, "POST", f"{profiles}/import", bert, content=stripped), 400, "consent", None)
    assert names(house, profiles, bert) == before
    done(call(server, "PATCH", bare, bert, json={"consent": house.consent(bert)}))
    done(call(server, "POST", f"{bare}/samples", bert, files=sample, data={"transcript": "x"}))
    assert voiced(server, bare.rsplit("/", 1)[1], key=bert) > 0
    assert design(server, "A voice that nobody has", key=bert)["type"] == "prompt"


def test_the_audit_names_the_key(house: House) -> None:
    """Who spoke with a shared voice, its owner can look up: the key's name and the request's id."""
    said = speak(house.server, house.shared, "one two", house.bert)
    lines = done(call(house.server, "GET", f"/voicebox/profiles/{house.shared}/audit", house.anna))["data"]
    line = next(line for line in lines if line.get("request") == said.headers["x-request-id"])

    assert (line["event"], line["key"], line["engine"], line["characters"]) == ("spoken", "bert", "mimic", 7)
    assert line["consent"] == profile(house.server, house.shared, house.anna)["consent"]
    assert "Bert" not in str(line)
