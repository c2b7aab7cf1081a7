"""Tests of voices under pressure: changed from two sides, named like others', without consent, and with texts
that expand.
"""

from __future__ import annotations

import io
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from servers import TIMEOUT, Server, running, wait_until

from conformance.context import CLIP, RECORDING
from gateway.security.keys import KEYS_FILE, KeyStore

KEYS = ("alice", "bob")


def client(server: Server, key: str = "") -> httpx.Client:
    """Return a client of a server."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=server.base_url, timeout=TIMEOUT, headers=headers)


@pytest.fixture(scope="module")
def mimic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a gateway whose test engine clones, without keys."""
    with running(tmp_path_factory.mktemp("pressed"), {"engines": {"mimic": {"enabled": True}}}) as server:
        yield server.wait_ready()


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    """Run such a gateway with keys, and with consent demanded."""
    folder = tmp_path_factory.mktemp("owned")
    secrets = {name: KeyStore(folder / "data" / KEYS_FILE).create(name, None)[1] for name in KEYS}
    config = {"engines": {"mimic": {"enabled": True}}, "voices": {"require_consent": True}}
    with running(folder, config) as server:
        yield server.wait_ready(), secrets


def json_of_success(answer: httpx.Response) -> dict[str, Any]:
    """Return the object in a response that must be 200."""
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def cloned(http: httpx.Client, name: str, **fields: str) -> str:
    """Clone a voice, with any words for it, so that no engine has to hear them, and return its id."""
    fields = {"transcript": "Somebody speaks.", **fields}
    sample = {"audio_sample": ("a.flac", CLIP.read_bytes(), "audio/flac")}
    return str(json_of_success(http.post("/audio/voices", data={"name": name, **fields}, files=sample))["id"])


def consented(http: httpx.Client) -> str:
    """Create a consent, and return its id."""
    fields = {"name": "me", "language": "en-US"}
    recording = {"recording": ("a.flac", CLIP.read_bytes(), "audio/flac")}
    return str(json_of_success(http.post("/audio/voice_consents", data=fields, files=recording))["id"])


def say(http: httpx.Client, voice: object, text: str = "Hello.", model: str = "tts-1") -> httpx.Response:
    """Speak."""
    return http.post(
        "/audio/speech", json={"model": model, "voice": voice, "input": text, "response_format": "pcm"}
    )


def test_cutting_during_a_transcription(mimic: Server) -> None:
    """A sample that is cut while an engine transcribes it keeps its recording, and does not get the
    transcript of the former part.
    """
    with client(mimic) as http:
        path = f"/voicebox/profiles/{json_of_success(http.post('/voicebox/profiles', json={'name': 'Cut'}))['id']}"
        files = {"file": ("a.ogg", RECORDING.read_bytes(), "audio/ogg")}
        sample = json_of_success(http.post(f"{path}/samples", files=files, data={"transcribe": "false"}))[
            "id"
        ]
        transcribing = threading.Thread(target=http.post, args=(f"{path}/samples/{sample}/transcribe",))
        transcribing.start()
        time.sleep(0.2)
        cut = json_of_success(http.post(f"{path}/samples/{sample}/trim", json={"start": 0, "end": 4}))
        transcribing.join()
        after = json_of_success(http.get(f"{path}/samples/{sample}"))
        audio = http.get(f"{path}/samples/{sample}/audio")
        spoken = say(http, "cut")
    assert (after["trimmed"], after["seconds"]) == (cut["trimmed"], cut["seconds"])
    assert audio.status_code == spoken.status_code == 200


def test_shared_names_do_not_displace_others(owned: tuple[Server, dict[str, str]]) -> None:
    """A shared voice with the name `alloy`, or of an engine's voice, is so named for its owner only; by
    another name all may use it.
    """
    server, secrets = owned
    with client(server, secrets["bob"]) as bob, client(server, secrets["alice"]) as alice:
        for name in ("alloy", "espeak/de", "Town crier"):
            body = {"name": name, "shared": True, "preset_engine": "mimic", "preset_voice_id": "high"}
            json_of_success(bob.post("/voicebox/profiles", json=body))
        by_engine = {
            name: say(alice, name).headers["x-voicebox-engine"]
            for name in ("alloy", "espeak/de", "town crier")
        }
        own = say(bob, "alloy").headers["x-voicebox-engine"]
    assert by_engine == {"alloy": "espeak", "espeak/de": "espeak", "town crier": "mimic"}
    assert own == "mimic"


def test_consent_is_demanded_for_every_use(owned: tuple[Server, dict[str, str]]) -> None:
    """Where consent is demanded it must exist and be the owner's; withdrawing it silences the voice, and
    clearing it is refused.
    """
    server, secrets = owned
    with client(server, secrets["bob"]) as bob, client(server, secrets["alice"]) as alice:
        consent = consented(alice)
        sample = {"audio_sample": ("a.flac", CLIP.read_bytes(), "audio/flac")}
        without = bob.post("/audio/voices", data={"name": "No"}, files=sample)
        anothers = bob.post("/audio/voices", data={"name": "No", "consent": consent}, files=sample)
        voice = cloned(alice, "Alice", consent=consent)
        cleared = alice.patch(f"/voicebox/profiles/{voice}", json={"consent": ""})
        before = say(alice, voice)
        json_of_success(alice.delete(f"/audio/voice_consents/{consent}"))
        after = say(alice, voice)
    assert [without.status_code, anothers.status_code, cleared.status_code] == [400, 404, 400]
    assert (before.status_code, after.status_code) == (200, 400)
    assert after.json()["error"]["code"] == "consent_missing"


def test_pronunciations_that_expand_texts(mimic: Server) -> None:
    """Pronunciations that would turn a short text into hours are refused, with the figure; ordinary ones are
    not.
    """
    with client(mimic) as http:
        try:
            body = {
                "pronunciations": [
                    {"word": "a", "respelling": "very " * 39},
                    {"word": "SQL", "respelling": "sequel"},
                ]
            }
            json_of_success(http.put("/voicebox/pronunciations", json=body))
            bad, good = say(http, "mimic/low", "a " * 2000), say(http, "mimic/low", "SQL is good. " * 100)
        finally:
            json_of_success(http.put("/voicebox/pronunciations", json={"pronunciations": []}))
    assert (bad.status_code, good.status_code) == (400, 200)
    assert "times as long" in bad.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/voicebox/profiles", b'{"name": "x\\ud800y", "description": "\\udfff"}'),
        ("POST", "/voicebox/profiles", b'{"name": "x", "engines": ["\\ud800"]}'),
        ("POST", "/voicebox/profiles", b'{"\\ud800": 1}'),
        ("POST", "/audio/voices", b'{"name": "\\ud800", "type": "prompt", "prompt": "\\ud800"}'),
        ("PUT", "/voicebox/aliases/x", b'{"target": "\\ud800"}'),
        ("GET", "/audio/voices/a%00b", b""),
        ("GET", "/audio/voice_consents?after=%00", b""),
        ("DELETE", "/audio/voices/%00", b""),
    ],
)
def test_surrogates_and_nul_are_refused(mimic: Server, method: str, path: str, body: bytes) -> None:
    """Lone surrogates and NUL are the caller's error, never the server's, and the answer is an envelope."""
    with client(mimic) as http:
        answer = http.request(method, path, content=body, headers={"content-type": "application/json"})
        if answer.status_code == 200 and "voice_" in answer.text:
            json_of_success(http.delete(f"/audio/voices/{answer.json()['id']}"))
    assert answer.status_code in (200, 400, 404), answer.text


def test_an_import_that_fails_leaves_nothing(mimic: Server) -> None:
    """An archive with an invalid picture creates neither voice nor consent; a whole one creates both, the
    consent only once.
    """
    with client(mimic) as http:
        voice = cloned(http, "Carried", consent=consented(http))
        json_of_success(http.put(f"/voicebox/profiles/{voice}/avatar", content=b"\x89PNG\r\n\x1a\n picture"))
        whole = http.get(f"/voicebox/profiles/{voice}/export").content
        consents = len(json_of_success(http.get("/audio/voice_consents"))["data"])
        broken = http.post(
            "/voicebox/profiles/import", params={"name": "Broken"}, content=_without_picture(whole)
        )
        again = [
            json_of_success(http.post("/voicebox/profiles/import", params={"name": name}, content=whole))
            for name in ("Two", "Three")
        ]
        names = {profile["name"] for profile in json_of_success(http.get("/voicebox/profiles"))["data"]}
        left = len(json_of_success(http.get("/audio/voice_consents"))["data"])
    assert broken.status_code == 400
    assert names >= {"Two", "Three"}
    assert "Broken" not in names
    assert left == consents
    assert again[0]["consent"] == again[1]["consent"]


def _without_picture(archive: bytes) -> bytes:
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            target.writestr(name, b"<svg/>" if name == "avatar" else source.read(name))
    return changed.getvalue()


def test_files_match_the_list_after_many_changes(mimic: Server) -> None:
    """After voices were created, changed, spoken with and deleted from eight threads, each listed voice
    speaks and no other has files.
    """

    def work(number: int) -> None:
        with client(mimic) as http:
            for round_number in range(4):
                voice = cloned(http, f"Crowd {number} {round_number}")
                assert say(http, voice).status_code == 200
                json_of_success(http.patch(f"/voicebox/profiles/{voice}", json={"description": "changed"}))
                if round_number % 2:
                    json_of_success(http.delete(f"/audio/voices/{voice}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with client(mimic) as http:
        crowd = [
            one
            for one in json_of_success(http.get("/voicebox/profiles"))["data"]
            if one["name"].startswith("Crowd")
        ]
        ids = {one["id"] for one in json_of_success(http.get("/voicebox/profiles"))["data"]}
        assert {say(http, one["id"]).status_code for one in crowd} == {200}
    folder = Path(mimic.folder, "data", "voices")
    assert len(crowd) == 16
    wait_until(
        lambda: {path.name for path in (folder / "profiles").iterdir()} <= ids, "the folder is as the list"
    )
