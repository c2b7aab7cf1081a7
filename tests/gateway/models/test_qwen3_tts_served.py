"""End-to-end tests of Qwen3-TTS: tiny checkpoints, pulled from a hub by the command line, run by the environment
that has the library, and called by the SDK.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import numpy as np
import published_checkpoints
import pytest
from engine_environments import environment, lend_environments
from hub_server import FakeHub
from model_worker import murmur
from neural_server import TEXT, pcm_to_wav, serve_models, speak
from openai import BadRequestError
from qwen3_checkpoints import GROUP, RATE
from servers import TIMEOUT, Server

pytestmark = pytest.mark.engines
MODELS = (
    "qwen3-tts-0.6b",
    "qwen3-tts-custom-1.7b",
    "qwen3-tts-custom-0.6b",
    "qwen3-tts-design-1.7b",
)
LANGUAGES = ["zh", "en", "ja", "ko", "de", "fr", "ru", "pt", "es", "it"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with models of all kinds."""
    environment(GROUP)
    folder = tmp_path_factory.mktemp("qwen3")
    for data in (folder / "data", folder / "server" / "data"):
        lend_environments(data)

    def publish(hub: FakeHub) -> None:
        published_checkpoints.publish_qwen3_tts(hub, *MODELS)

    with serve_models(folder, MODELS, publish, voices={"shortest_sample": 0.5}) as started:
        yield started


def test_listed(server: Server) -> None:
    """Each model is listed with its licence, languages and kind of voices."""
    for name, voice_types in (
        ("qwen3-tts-0.6b", ["cloned"]),
        ("qwen3-tts-custom-1.7b", ["preset"]),
        ("qwen3-tts-design-1.7b", ["designed"]),
    ):
        listed = httpx.get(f"{server.base_url}/voicebox/models/{name}", timeout=TIMEOUT).json()
        assert listed["licence"] == "Apache-2.0"
        assert listed["languages"] == LANGUAGES
        assert listed["voice_types"] == voice_types


def test_preset_voices(server: Server) -> None:
    """The nine voices are listed, and speak; the same seed gives the same audio; another voice, language, seed or
    setting gives another; OpenAI's names mean some of them.
    """
    name = "qwen3-tts-custom-1.7b"
    listed = httpx.get(f"{server.base_url}/voicebox/presets", params={"engine": name}, timeout=TIMEOUT).json()
    assert {"ryan", "vivian", "uncle_fu"} <= {one["voice"] for one in listed["data"]}
    first = speak(server, name, voice="ryan", seed=11)

    assert len(first) > 1000
    assert np.abs(first.astype(int)).max() > 500
    assert np.array_equal(first, speak(server, name, voice="ryan", seed=11))
    assert np.array_equal(first, speak(server, "qwen3-tts-custom", voice="ryan", seed=11))
    others: list[dict[str, Any]] = [
        {"voice": "vivian", "seed": 11},
        {"voice": "nova", "seed": 11, "language": "zh"},
        {"voice": "ryan", "seed": 12},
        {"voice": "ryan", "seed": 11, "language": "de"},
        {"voice": "ryan", "seed": 11, "settings": {"temperature": 0.4}},
    ]
    spoken = [speak(server, name, **other).tobytes() for other in others]
    assert len({first.tobytes(), *spoken}) == 1 + len(others)


def test_instructions(server: Server) -> None:
    """A model of 1.7B follows OpenAI's `instructions`; one of 0.6B does not, and they are named as ignored."""

    def spoken(model: str, instructions: str | None) -> tuple[bytes, str]:
        asked: dict[str, Any] = {} if instructions is None else {"instructions": instructions}
        answer = server.sdk().audio.speech.with_raw_response.create(
            model=model, voice="ryan", input=TEXT, response_format="pcm", extra_body={"seed": 4}, **asked
        )
        return answer.content, answer.headers.get("x-voicebox-ignored", "")

    for model, follows in (("qwen3-tts-custom-1.7b", True), ("qwen3-tts-custom-0.6b", False)):
        plain, asked = spoken(model, None), spoken(model, "Speak like a pirate.")
        assert plain[1] == ""
        assert ("instructions" in asked[1]) != follows
        assert (plain[0] != asked[0]) == follows


def test_settings_out_of_range(server: Server) -> None:
    """A setting beyond its limits is refused with these."""
    with pytest.raises(BadRequestError, match="from 0 to 2"):
        speak(server, "qwen3-tts-custom-1.7b", voice="ryan", settings={"temperature": 3})


def test_it_is_streamed(server: Server) -> None:
    """The answer comes in pieces, which are the whole."""
    order: dict[str, Any] = {
        "model": "qwen3-tts-custom-1.7b",
        "voice": "ryan",
        "input": f"{TEXT} {TEXT}",
        "response_format": "pcm",
        "extra_body": {"seed": 3},
    }
    with server.sdk().audio.speech.with_streaming_response.create(**order) as answer:
        pieces = list(answer.iter_bytes())
    assert len(pieces) > 1
    assert b"".join(pieces) == server.sdk().audio.speech.create(**order).content


def test_cloned_voices(server: Server) -> None:
    """Voices that were cloned from recordings speak, with the words of these or without, and differ."""
    spoken: dict[str, bytes] = {}
    for name, hertz, words in (
        ("Low", 130, "Some words."),
        ("Vector", 130, ""),
        ("High", 260, "Some words."),
    ):
        sample = pcm_to_wav(murmur(hertz, RATE, 6.0), RATE)
        answer = httpx.post(
            f"{server.base_url}/audio/voices",
            data={"name": name, "transcript": words} if words else {"name": name},
            files={"audio_sample": ("a.wav", sample, "audio/wav")},
            timeout=TIMEOUT,
        )
        assert answer.status_code == 200, answer.text
        spoken[name] = speak(server, "qwen3-tts-0.6b", voice={"id": answer.json()["id"]}, seed=3).tobytes()
        assert spoken[name] == speak(server, "qwen3-tts-0.6b", voice=name, seed=3).tobytes()
    assert len(set(spoken.values())) == 3


def test_designed_voices(server: Server) -> None:
    """A voice that is described is made by the model that designs, and spoken by the one that clones, always the
    same; the model that designs speaks with one that `instructions` describe, too.
    """
    spoken: dict[str, bytes] = {}
    for name, description in (("Bob", "An old man with a deep voice."), ("Eve", "A child that is excited.")):
        designed = httpx.post(
            f"{server.base_url}/audio/voices",
            json={
                "name": name,
                "type": "prompt",
                "prompt": description,
                "script_hint": "Good evening to all of you. What a night it is. Let us begin with the first of them.",
            },
            timeout=2 * TIMEOUT,
        )
        assert designed.status_code == 200, designed.text
        spoken[name] = speak(server, "qwen3-tts-0.6b", voice=name, seed=3).tobytes()
        assert spoken[name] == speak(server, "qwen3-tts-0.6b", voice=name, seed=3).tobytes()
        spoken[description] = speak(
            server, "qwen3-tts-design-1.7b", voice="described", seed=3, instructions=description
        ).tobytes()
    assert len(set(spoken.values())) == 4
