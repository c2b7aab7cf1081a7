"""Tests of names that nobody knows, in whatever route: the error tells the nearest ones."""

from __future__ import annotations

import httpx2 as httpx
import pytest
from servers import TIMEOUT, Server


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("/audio/voices/aloy", "'alloy'"),
        ("/voicebox/models/kokorro", "'kokoro'"),
        ("/voicebox/engines/espeek/presets", "'espeak'"),
        ("/voicebox/presets?engine=espeek", "'espeak'"),
    ],
)
def test_what_is_looked_up(server: Server, path: str, near: str) -> None:
    """A voice, a model or an engine that is looked up under a misspelt name is 404, with the nearest names."""
    answer = httpx.get(f"{server.base_url}{path}", timeout=TIMEOUT)
    assert answer.status_code == 404
    assert f"Did you mean {near}" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("field", "name", "near"), [("model", "tts-1x", "'tts-1'"), ("voice", "aloy", "'alloy'")]
)
def test_what_speech_asks_for(server: Server, field: str, name: str, near: str) -> None:
    """So is a model or a voice that speech asks for."""
    body = {"model": "tts-1", "voice": "alloy", "input": "Hello.", field: name}
    answer = httpx.post(f"{server.base_url}/audio/speech", json=body, timeout=TIMEOUT)
    assert answer.status_code in (400, 404)
    assert near in answer.json()["error"]["message"]
