"""Tests of names that programs made for other speech servers send, on a server that has none of their engines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from servers import Server, running, wait_until


def answer(server: Server, **fields: str) -> httpx2.Response:
    """Return the answer to a request to speak as PCM."""
    body = {"model": "tts-1", "response_format": "pcm", "input": "Hello there, my friend.", **fields}
    return httpx2.post(f"{server.url}/v1/audio/speech", json=body, timeout=120)


def line_of(server: Server, response: httpx2.Response) -> dict[str, Any] | None:
    """Return the log line of a request."""
    return next((one for one in server.requests() if one["id"] == response.headers["x-request-id"]), None)


@pytest.mark.parametrize(
    ("voice", "like", "pull"),
    [
        ("af_nova", "nova", "voicebox models pull kokoro"),
        ("am_onyx", "onyx", "voicebox models pull kokoro"),
        ("af_bella+alba", "coral", "voicebox models pull kokoro"),
        ("af_bella(2)+af_sky(1)", "coral", "voicebox models pull kokoro"),
        ("en_US-lessac-medium", "nova", "voicebox models pull piper-en_US-lessac-medium"),
        ("alba", "coral", "voicebox models pull pocket-tts-english"),
    ],
)
def test_a_voice_of_theirs_is_one_like_it(server: Server, voice: str, like: str, pull: str) -> None:
    """It is spoken by the voice of like character, and header, warning and log say so and what brings it."""
    spoken = answer(server, voice=voice)
    assert spoken.status_code == 200, spoken.text
    assert spoken.headers["x-voicebox-voice"] == answer(server, voice=like).headers["x-voicebox-voice"]
    assert f"voice={voice}->" in spoken.headers["x-voicebox-mapped"]
    assert pull in spoken.headers["x-voicebox-warning"]
    wait_until(lambda: line_of(server, spoken) is not None, "the request is logged")
    line = line_of(server, spoken) or {}
    assert line["level"] == "warning"
    assert pull in line["advice"]


def test_a_voice_of_theirs_speaks_its_language(server: Server) -> None:
    """A voice speaks its own language where the text is not plainly in another, and that one where it is."""
    languages = {
        ("ff_siwis", "1 2 3"): "fr",
        ("jf_alpha", "こんにちは"): "ja",
        ("de_DE-thorsten-medium", "Guten Tag, wie geht es Ihnen heute?"): "de",
        ("af_bella", "Guten Tag, wie geht es Ihnen heute?"): "de",
    }
    alone = {
        code: len(answer(server, voice=f"espeak/{code}", input="1").content) for code in ("fr-fr", "ja", "de")
    }
    assert len(set(alone.values())) == 3
    for (voice, text), language in languages.items():
        spoken = answer(server, voice=voice, input=text)
        assert spoken.status_code == 200, spoken.text
        plain = answer(server, voice=voice, input=text, language=language)
        assert len(spoken.content) == pytest.approx(len(plain.content), rel=0.03), (voice, text)


def test_other_names_are_refused(server: Server) -> None:
    """A voice or a model that nobody knows is an error."""
    for fields in ({"voice": "af_"}, {"voice": "nobody+alba2"}, {"model": "no-such-model"}):
        assert answer(server, **fields).status_code in (400, 404), fields


def test_the_command_line_says_so(server: Server, tmp_path: Path) -> None:
    """`voicebox say` prints what a name was taken as, and what brings what was meant."""
    command = [
        sys.executable,
        "-m",
        "gateway",
        "say",
        "Hello.",
        "--voice",
        "af_nova",
        "-o",
        str(tmp_path / "x.wav"),
    ]
    ran = subprocess.run([*command, "--url", server.url], capture_output=True, timeout=120, check=True)

    assert b"voice=af_nova->" in ran.stderr
    assert b"voicebox models pull kokoro" in ran.stderr


def test_names_of_theirs_may_be_refused(tmp_path: Path) -> None:
    """With `compat.peer_names: refuse` they are errors that say what to pull."""
    with running(tmp_path, {"compat": {"peer_names": "refuse"}}) as server:
        voice = answer(server, voice="af_bella")
        assert voice.status_code == 400
        assert "voicebox models pull kokoro" in voice.json()["error"]["message"]
        model = answer(server, model="kokoro")
        assert model.status_code in (400, 404, 503)
        assert "voicebox models pull kokoro" in model.json()["error"]["message"]
        assert answer(server, voice="nova").status_code == 200
