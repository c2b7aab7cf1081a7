"""Helpers of the voices' tests: a server whose engine clones, recordings to clone, and how bright voices are."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from uuid import uuid4

import espeak_in_process
import httpx2 as httpx
import numpy as np
import pytest
from audio_measures import Samples
from decoded import RATE, decoded
from recordings import FLAC, WAV, coded, piece
from servers import TIMEOUT, Server, running

from engines.wire.wav import encode_wav

CLONER = {"mimic": {"enabled": True}}
WORDS = "somebody hears every small browser since"
"""words that the cloner speaks at exactly its voice's frequency; others differ from it by 2 % at most"""
WORD_SECONDS = 0.12
"""seconds of each of the cloner's words"""
BRIGHTNESS_TOLERANCE = 0.03
"""how far the brightness of speech may be from that of its voice, relative"""
UPLOAD_LIMIT = 10 * 1024 * 1024
"""bytes of a sample and of a consent, OpenAI's own limit"""
FRAME = 1024
HTTP = httpx.Client(timeout=TIMEOUT, limits=httpx.Limits(max_keepalive_connections=0))
"""a client that keeps no connection open"""
Json = dict[str, Any]


@pytest.fixture(scope="session")
def cloning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run one gateway with the cloner beside its embedded engines, for all tests that can share it."""
    config = {"engines": CLONER, "voices": {"samples": 3}}
    with running(tmp_path_factory.mktemp("cloning"), config) as started:
        yield started


@lru_cache(1)
def male() -> bytes:
    """Return the first three seconds of a speech, as FLAC: quick to transcribe."""
    return coded(piece(0, 3), FLAC)


@lru_cache(1)
def female() -> bytes:
    """Return five seconds of eSpeak NG's brightest voice, as WAV."""
    text = "The quick brown fox jumps over the lazy dog, and then it sleeps for a while in the sun."
    return encode_wav(espeak_in_process.say(text, "en-us+f5").pcm, espeak_in_process.RATE)


@lru_cache(1)
def short() -> bytes:
    """Return the first three seconds of the speech, as WAV: quick to work on."""
    return coded(piece(0, 3), WAV)


def padded(recording: bytes, size: int) -> bytes:
    """Return a WAV of so many bytes, by a chunk that every reader skips."""
    rest = size - len(recording) - 8
    return recording + b"JUNK" + rest.to_bytes(4, "little") + bytes(rest)


def new_name(base: str = "Voice") -> str:
    """Return a name that no other test has."""
    return f"{base} {uuid4().hex[:12]}"


def call(server: Server, method: str, path: str, key: str = "", **more: Any) -> httpx.Response:
    """Return the response to a request with a key, or without one."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return HTTP.request(
        method, f"{server.base_url}{path}", headers={**headers, **more.pop("headers", {})}, **more
    )


def json_of(answer: httpx.Response) -> Json:
    """Return the JSON of a response that must be 200."""
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def refused(answer: httpx.Response, status: int, param: str | None, code: str | None) -> str:
    """Check an error's status and the four keys of OpenAI's envelope, and return its message."""
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (answer.status_code, error["param"], error["code"]) == (status, param, code), error
    assert isinstance(error["type"], str)
    return str(error["message"])


def clone(server: Server, data: bytes, name: str = "", key: str = "", **fields: str) -> Json:
    """Create a voice of a recording, with any words for it, so that no engine has to hear them, and return it."""
    form = {"name": name or new_name(), "transcript": "Somebody speaks.", **fields}
    return json_of(
        call(server, "POST", "/audio/voices", key, data=form, files={"audio_sample": ("sample", data)})
    )


def design(server: Server, prompt: str, name: str = "", key: str = "", **fields: str) -> Json:
    """Create a voice of a description, and return it."""
    form = {"type": "prompt", "name": name or new_name(), "prompt": prompt, **fields}
    return json_of(call(server, "POST", "/audio/voices", key, json=form))


def profile(server: Server, id: str, key: str = "") -> Json:
    """Return the profile of a voice."""
    return json_of(call(server, "GET", f"/voicebox/profiles/{id}", key))


def create_profile(server: Server, key: str = "", **fields: Any) -> Json:
    """Create a profile, and return it."""
    return json_of(call(server, "POST", "/voicebox/profiles", key, json={"name": new_name(), **fields}))


def speak(server: Server, voice: Any, text: str = WORDS, key: str = "", **fields: Any) -> httpx.Response:
    """Return the response that speaks a text, as PCM."""
    body = {"model": "tts-1", "voice": voice, "input": text, "response_format": "pcm", **fields}
    return call(server, "POST", "/audio/speech", key, json=body)


def pcm(server: Server, voice: Any, text: str = WORDS, key: str = "", **fields: Any) -> bytes:
    """Return the PCM of a text whose response must be 200."""
    answer = speak(server, voice, text, key, **fields)
    assert answer.status_code == 200, answer.text
    return answer.content


def seconds(pcm: bytes) -> float:
    """Return how long PCM is."""
    return len(pcm) / 2 / RATE


def brightness(sound: Samples) -> float:
    """Return the centre of the power spectrum of a sound at 24 kHz, in Hertz."""
    count = len(sound) // FRAME
    frames = sound[: count * FRAME].reshape(count, FRAME) * np.hanning(FRAME)
    power = (np.abs(np.fft.rfft(frames, axis=1)) ** 2).sum(axis=0)
    return float((np.fft.rfftfreq(FRAME, 1 / RATE) * power).sum() / power.sum())


def brightness_of(file: bytes, format: str | None = None) -> float:
    """Return the brightness of a file."""
    return brightness(decoded(file, format, RATE))


def spoken_brightness(server: Server, voice: Any, text: str = WORDS, key: str = "", **fields: Any) -> float:
    """Return the brightness of a voice that speaks."""
    return brightness_of(pcm(server, voice, text, key, **fields), "pcm")


def sample_brightness(server: Server, id: str, key: str = "") -> float:
    """Return the brightness of a voice's first sample, as it was prepared."""
    sample = profile(server, id, key)["samples"][0]["id"]
    answer = call(server, "GET", f"/voicebox/profiles/{id}/samples/{sample}/audio", key)
    return brightness_of(answer.content)
