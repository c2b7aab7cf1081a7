"""Tests that whatever speaks for a caller is charged to the caller's audio a minute, when it begins."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2 as httpx
import pytest
from cloning_server import CLONER, call, create_profile, json_of, new_name
from servers import Server, running

from streaming.text.duration import estimate_duration

LIMIT = 600.0
"""seconds of audio a minute"""
TOKENS_PER_SECOND = 20
TEXT = "The north wind and the sun were disputing which was the stronger. " * 5
PATH = "/voicebox/profiles"


@pytest.fixture(scope="module")
def charging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a gateway that limits the audio of each caller."""
    config = {"engines": CLONER, "admission": {"audio_seconds_per_minute": LIMIT}}
    with running(tmp_path_factory.mktemp("charging"), config) as server:
        yield server


def charged(answer: httpx.Response, before: int) -> float:
    """Return the seconds that an answer says were charged since so many tokens were left."""
    assert answer.status_code == 200, answer.text
    return (before - left(answer)) / TOKENS_PER_SECOND


def left(answer: httpx.Response) -> int:
    return int(answer.headers["x-ratelimit-remaining-tokens"])


def test_previews_are_charged(charging: Server) -> None:
    """A preview is charged what it is expected to come to, as any other speech of the same text."""
    voice = create_profile(charging, preset_engine="espeak", preset_voice_id="en-us")["id"]
    expected = estimate_duration(TEXT).expected
    for path, body in (
        ("/audio/speech", {"model": "tts-1", "voice": "alloy", "input": TEXT}),
        (f"{PATH}/{voice}/preview", {"input": TEXT}),
    ):
        before = left(call(charging, "POST", "/audio/speech", json={"model": "tts-1", "input": "Hi."}))
        answer = call(charging, "POST", path, json=body)
        # it fills up meanwhile, and "Hi." was settled after its answer
        assert charged(answer, before) > expected / 2, path


def test_designs_are_charged(charging: Server) -> None:
    """A voice that is designed is charged the script that its engine speaks, whichever route makes it."""
    script = TEXT[:200]
    expected = estimate_duration(script).expected
    for path, body in (
        ("/audio/voices", {"type": "prompt", "prompt": "warm", "script_hint": script}),
        (PATH, {"design_prompt": "warm", "design_script": script}),
    ):
        before = left(call(charging, "POST", "/audio/speech", json={"model": "tts-1", "input": "Hi."}))
        answer = call(charging, "POST", path, json={"name": new_name(), **body})
        json_of(answer)
        assert charged(answer, before) > expected / 2, path
