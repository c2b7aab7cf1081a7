"""End-to-end tests of Chatterbox and its Turbo, pulled from a hub, on tiny checkpoints."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import numpy as np
import openai
import pytest

pytest.importorskip("torch")
if lacking := [name for name in ("chatterbox", "perth", "s3tokenizer") if not importlib.util.find_spec(name)]:
    pytest.skip(f"{lacking[0]} is not installed", allow_module_level=True)

import published_checkpoints
import shrunk_chatterbox
from model_worker import murmur
from neural_server import pcm_to_wav, serve_models, speak
from servers import TIMEOUT, Server
from tiny_chatterbox import RATE

NAMES = ("chatterbox", "chatterbox-turbo")
SEEDS = range(12)
"""that are tried until one shows a difference: random weights are sure of many tokens, whatever they read"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with both models, whose workers make Chatterbox's networks small."""
    path = os.pathsep.join(filter(None, (str(shrunk_chatterbox.WORKER_PATH), os.environ.get("PYTHONPATH"))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        folder = tmp_path_factory.mktemp("chatterbox")
        with serve_models(folder, NAMES, published_checkpoints.publish_chatterbox) as started:
            yield started


def add_voice(server: Server, name: str, hertz: float, seconds: float) -> None:
    """Make a cloned profile of a recording."""
    created = httpx.post(
        f"{server.base_url}/audio/voices",
        data={"name": name},
        files={"audio_sample": ("a.wav", pcm_to_wav(murmur(hertz, RATE, seconds), RATE), "audio/wav")},
        timeout=TIMEOUT,
    )
    assert created.status_code == 200, created.text


def differ(server: Server, model: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two requests get other audio with some seed."""
    return any(
        not np.array_equal(speak(server, model, seed=seed, **one), speak(server, model, seed=seed, **other))
        for seed in SEEDS
    )


@pytest.mark.parametrize("model", NAMES)
def test_models_speak(server: Server, model: str) -> None:
    """Each model speaks with the voice that came along; the same seed gives the same audio, another text or
    seed other audio.
    """
    first = speak(server, model, voice="default", seed=11)

    assert len(first) > 5000
    assert np.abs(first.astype(int)).max() > 100
    assert np.array_equal(first, speak(server, model, voice="alloy", seed=11))
    assert differ(server, model, {}, {"text": "Good night to you all."})
    assert not np.array_equal(first, speak(server, model, seed=12))


def test_languages_and_settings(server: Server) -> None:
    """A text's language is found or named; settings and their limits are the engine's own."""
    hebrew = speak(server, "chatterbox", "שלום לכולם. מה שלומכם היום?", seed=1)
    assert np.array_equal(
        hebrew, speak(server, "chatterbox", "שלום לכולם. מה שלומכם היום?", seed=1, language="he")
    )
    assert differ(server, "chatterbox", {"language": "de"}, {"language": "fr"})
    usual = speak(server, "chatterbox", seed=1)
    assert differ(server, "chatterbox", {}, {"settings": {"exaggeration": 0.0}})
    assert np.array_equal(usual, speak(server, "chatterbox", seed=1))
    with pytest.raises(openai.BadRequestError, match="exaggeration"):
        speak(server, "chatterbox", settings={"exaggeration": 5})


def test_cloned_voices(server: Server) -> None:
    """A profile speaks on both models, each time the same, and another one otherwise; one that is too short for
    Turbo is refused there, with the figure, and speaks on the other.
    """
    add_voice(server, "Ann", 120, 7.0)
    add_voice(server, "Bob", 260, 7.0)
    add_voice(server, "Eve", 180, 4.0)
    for model in NAMES:
        ann, bob = (speak(server, model, voice=name, seed=3) for name in ("Ann", "Bob"))
        assert not np.array_equal(ann, bob)
        assert np.array_equal(ann, speak(server, model, voice="Ann", seed=3))

    assert len(speak(server, "chatterbox", voice="Eve", seed=3)) > 0
    with pytest.raises(openai.BadRequestError, match=r"needs at least 5\.01"):
        speak(server, "chatterbox-turbo", voice="Eve")


def test_sounds_reach_turbo(server: Server) -> None:
    """A sound in brackets changes what Turbo says; the multilingual model is not given it."""
    with_sound, without = "Hello [laugh] there, my friend.", "Hello there, my friend."
    assert differ(server, "chatterbox-turbo", {"text": with_sound}, {"text": without})
    assert np.array_equal(
        speak(server, "chatterbox", with_sound, seed=2), speak(server, "chatterbox", without, seed=2)
    )
