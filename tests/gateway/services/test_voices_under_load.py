"""Voices under pressure: changed from two sides, claimed by others, without consent, and with texts made to
explode.
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
    """Talk to a server."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=server.base_url, timeout=TIMEOUT, headers=headers)


@pytest.fixture(scope="module")
def mimic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway whose test engine clones, without keys."""
    with running(tmp_path_factory.mktemp("pressed"), {"engines": {"mimic": {"enabled": True}}}) as server:
        yield server.wait_ready()


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    """The same with keys, and with consent demanded."""
    folder = tmp_path_factory.mktemp("owned")
    secrets = {name: KeyStore(folder / "data" / KEYS_FILE).create(name, None)[1] for name in KEYS}
    config = {"engines": {"mimic": {"enabled": True}}, "voices": {"require_consent": True}}
    with running(folder, config) as server:
        yield server.wait_ready(), secrets


def made(answer: httpx.Response) -> dict[str, Any]:
    """Return the object in a response that must be 200."""
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def cloned(http: httpx.Client, name: str, **fields: str) -> str:
    """Clone a voice; give its id."""
    sample = {"audio_sample": ("a.flac", CLIP.read_bytes(), "audio/flac")}
    return str(made(http.post("/audio/voices", data={"name": name, **fields}, files=sample))["id"])


def consented(http: httpx.Client) -> str:
    """Create a consent, and return its id."""
    fields = {"name": "me", "language": "en-US"}
    recording = {"recording": ("a.flac", CLIP.read_bytes(), "audio/flac")}
    return str(made(http.post("/audio/voice_consents", data=fields, files=recording))["id"])


def say(http: httpx.Client, voice: object, text: str = "Hello.", model: str = "tts-1") -> httpx.Response:
    """Speak."""
    return http.post(
        "/audio/speech", json={"model": model, "voice": voice, "input": text, "response_format": "pcm"}
    )


def test_cutting_while_the_words_are_found_out(mimic: Server) -> None:
    """A sample that is cut while an engine listens to it keeps its recording, and gets no words of what it is
    no more.
    """
    with client(mimic) as http:
        path = f"/voicebox/profiles/{made(http.post('/voicebox/profiles', json={'name': 'Cut'}))['id']}"
        files = {"file": ("a.ogg", RECORDING.read_bytes(), "audio/ogg")}
        sample = made(http.post(f"{path}/samples", files=files, data={"transcribe": "false"}))["id"]
        transcribing = threading.Thread(target=http.post, args=(f"{path}/samples/{sample}/transcribe",))
        transcribing.start()
        time.sleep(0.2)
        cut = made(http.post(f"{path}/samples/{sample}/trim", json={"start": 0, "end": 4}))
        transcribing.join()
        after = made(http.get(f"{path}/samples/{sample}"))
        audio = http.get(f"{path}/samples/{sample}/audio")
        spoken = say(http, "cut")
    assert (after["trimmed"], after["seconds"]) == (cut["trimmed"], cut["seconds"])
    assert audio.status_code == spoken.status_code == 200


def test_names_are_not_taken_from_others(owned: tuple[Server, dict[str, str]]) -> None:
    """A voice that somebody shares as `alloy`, or as an engine's voice, is theirs alone; by another name all
    may use it.
    """
    server, secrets = owned
    with client(server, secrets["bob"]) as bob, client(server, secrets["alice"]) as alice:
        for name in ("alloy", "espeak/de", "Town crier"):
            body = {"name": name, "shared": True, "preset_engine": "mimic", "preset_voice_id": "high"}
            made(bob.post("/voicebox/profiles", json=body))
        by_engine = {
            name: say(alice, name).headers["x-voicebox-engine"]
            for name in ("alloy", "espeak/de", "town crier")
        }
        own = say(bob, "alloy").headers["x-voicebox-engine"]
    assert by_engine == {"alloy": "espeak", "espeak/de": "espeak", "town crier": "mimic"}
    assert own == "mimic"


def test_consent_cannot_be_done_without(owned: tuple[Server, dict[str, str]]) -> None:
    """Where consent is demanded it must be one's own and there; withdrawing it silences the voice, clearing
    it is refused.
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
        made(alice.delete(f"/audio/voice_consents/{consent}"))
        after = say(alice, voice)
    assert [without.status_code, anothers.status_code, cleared.status_code] == [400, 404, 400]
    assert (before.status_code, after.status_code) == (200, 400)
    assert after.json()["error"]["code"] == "consent_missing"


def test_texts_that_explode(mimic: Server) -> None:
    """Pronunciations that would make a short text into hours are refused, with the figure; ordinary ones are
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
            made(http.put("/voicebox/pronunciations", json=body))
            bad, good = say(http, "mimic/low", "a " * 2000), say(http, "mimic/low", "SQL is good. " * 100)
        finally:
            made(http.put("/voicebox/pronunciations", json={"pronunciations": []}))
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
def test_signs_that_no_text_has(mimic: Server, method: str, path: str, body: bytes) -> None:
    """Lone surrogates and NUL are the caller's mistake, never the server's, and the answer is an envelope."""
    with client(mimic) as http:
        answer = http.request(method, path, content=body, headers={"content-type": "application/json"})
        if answer.status_code == 200 and "voice_" in answer.text:
            made(http.delete(f"/audio/voices/{answer.json()['id']}"))
    assert answer.status_code in (200, 400, 404), answer.text


def test_an_import_that_fails_leaves_nothing(mimic: Server) -> None:
    """An archive with a picture that is none makes neither voice nor consent; whole, it makes both, the
    consent but once.
    """
    with client(mimic) as http:
        voice = cloned(http, "Carried", consent=consented(http))
        made(http.put(f"/voicebox/profiles/{voice}/avatar", content=b"\x89PNG\r\n\x1a\n picture"))
        whole = http.get(f"/voicebox/profiles/{voice}/export").content
        consents = len(made(http.get("/audio/voice_consents"))["data"])
        broken = http.post(
            "/voicebox/profiles/import", params={"name": "Broken"}, content=_without_picture(whole)
        )
        again = [
            made(http.post("/voicebox/profiles/import", params={"name": name}, content=whole))
            for name in ("Two", "Three")
        ]
        names = {profile["name"] for profile in made(http.get("/voicebox/profiles"))["data"]}
        left = len(made(http.get("/audio/voice_consents"))["data"])
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


def test_many_at_once_leave_the_folder_as_the_list_has_it(mimic: Server) -> None:
    """Voices made, changed, spoken with and deleted from eight sides: what is listed speaks, what is not lies
    nowhere.
    """

    def work(number: int) -> None:
        with client(mimic) as http:
            for turn in range(4):
                voice = cloned(http, f"Crowd {number} {turn}")
                assert say(http, voice).status_code == 200
                made(http.patch(f"/voicebox/profiles/{voice}", json={"description": "changed"}))
                if turn % 2:
                    made(http.delete(f"/audio/voices/{voice}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with client(mimic) as http:
        crowd = [
            one for one in made(http.get("/voicebox/profiles"))["data"] if one["name"].startswith("Crowd")
        ]
        ids = {one["id"] for one in made(http.get("/voicebox/profiles"))["data"]}
        assert {say(http, one["id"]).status_code for one in crowd} == {200}
    folder = Path(mimic.folder, "data", "voices")
    assert len(crowd) == 16
    wait_until(
        lambda: {path.name for path in (folder / "profiles").iterdir()} <= ids, "the folder is as the list"
    )
