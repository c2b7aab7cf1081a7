"""Tests of voices in PostgreSQL and S3, used by several gateway processes at once."""

from __future__ import annotations

from pathlib import Path

import httpx2 as httpx
import obstore
import pytest
from obstore.store import from_url
from servers import TIMEOUT, Server, running
from stores import Bucket

from conformance.context import CLIP


def say(server: Server, voice: str) -> bytes:
    """Synthesise over a new connection, which any process may accept."""
    with httpx.Client(base_url=server.base_url, timeout=TIMEOUT) as client:
        body = {"model": "tts-1", "voice": voice, "input": "Hello there.", "response_format": "pcm"}
        answer = client.post("/audio/speech", json=body)
        assert answer.status_code == 200, answer.text
        return answer.content


def test_a_voice_in_postgresql_and_s3(
    tmp_path: Path, postgres_database: str, s3_bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A voice that one process creates can be spoken by all others at once; its deletion leaves only the
    library's mark, and nothing is in the data folder.
    """
    s3_bucket.export(monkeypatch)
    config = {
        "engines": {"mimic": {"enabled": True}},
        "server": {"processes": 2},
        "voices": {"database": postgres_database, "audio": f"{s3_bucket.url}/voices"},
    }
    with running(tmp_path, config) as server:
        server.wait_ready()
        with httpx.Client(base_url=server.base_url, timeout=TIMEOUT) as client:
            sample = {"audio_sample": ("clip.flac", CLIP.read_bytes(), "audio/flac")}
            created = client.post(
                "/audio/voices", data={"name": "Anna", "transcript": "Ask not."}, files=sample
            )
            assert created.status_code == 200, created.text
            spoken = {
                say(server, voice) for voice in ["anna", created.json()["id"], "ANNA", "profile:anna"] * 3
            }
            kept = [one["path"] for batch in obstore.list(from_url(s3_bucket.url)) for one in batch]
            assert client.delete(f"/audio/voices/{created.json()['id']}").status_code == 200
            assert client.get("/voicebox/profiles").json()["data"] == []
    assert len(spoken) == 1
    assert sorted(Path(key).suffix for key in kept) == ["", "", ".safetensors", ".wav"]
    assert [one["path"] for batch in obstore.list(from_url(s3_bucket.url)) for one in batch] == [
        "voices/library"
    ]
    assert list((tmp_path / "data").rglob("*voices*")) == []


def test_a_database_out_of_reach(tmp_path: Path) -> None:
    """An unreachable database is a 503 without its address; engines' voices speak as long as the library is
    not needed.
    """
    config = {"voices": {"database": "postgresql://someone:secret@127.0.0.1:9/none"}}
    with running(tmp_path, config) as server:
        server.wait_ready()
        answer = httpx.get(f"{server.base_url}/voicebox/profiles", timeout=TIMEOUT)
        log = server.log_path.read_text()
    assert answer.status_code == 503
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert "secret" not in answer.text + log
