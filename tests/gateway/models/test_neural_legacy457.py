"""End-to-end tests of TADA and LuxTTS: tiny checkpoints are pulled from a hub, each with all its repositories, and
speak with one cloned voice in the environment of their group. The hub is closed when the server starts.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx2 as httpx
import numpy as np
import published_checkpoints
import pytest
from engine_environments import environment, lend_environments
from hub_server import FakeHub
from model_worker import murmur
from neural_server import TEXT, pcm_to_wav, serve_models, speak
from servers import TIMEOUT, Server

from engines.catalogue.models import find_model
from engines.environments.find import missing_packages

pytestmark = pytest.mark.engines

GROUP = "legacy457"
RATE = 24_000
WORDS = "Hello, this is the reference."
PATIENT = 5 * TIMEOUT


def there(model: str) -> bool:
    """Return whether a model's packages are in the environment; skip all where there is no environment."""
    return not missing_packages(find_model(model).engine.packages, environment(GROUP).site)


def publish(hub: FakeHub) -> None:
    """Publish tada-1b, and luxtts where it can be made."""
    published_checkpoints.publish_tada(hub)
    if there("luxtts"):
        published_checkpoints.publish_luxtts(hub)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with these models."""
    folder = tmp_path_factory.mktemp("legacy457")
    names = [name for name in ("tada-1b", "luxtts") if there(name)]
    for data in (folder / "data", folder / "server" / "data"):
        lend_environments(data)
    with serve_models(
        folder,
        names,
        publish,
        {"each": {"tada-1b": {"options": {"steps": 4}}}},
        voices={"shortest_sample": 0.5},
    ) as started:
        yield started


@pytest.fixture(scope="module")
def voices(server: Server) -> list[str]:
    """Clone two voices, with the words of their samples, and return their names."""
    for name, hertz in (("Ann", 150.0), ("Bob", 300.0)):
        created = httpx.post(
            f"{server.base_url}/audio/voices",
            data={"name": name, "transcript": WORDS, "language": "en"},
            files={"audio_sample": ("a.wav", pcm_to_wav(murmur(hertz, RATE, 5.0), RATE), "audio/wav")},
            timeout=TIMEOUT,
        )
        assert created.status_code == 200, created.text
    return ["Ann", "Bob"]


@pytest.mark.parametrize("model", ["tada-1b", "luxtts"])
def test_cloned_voices_speak(server: Server, voices: list[str], model: str) -> None:
    """A cloned voice speaks; the same seed gives the same audio, and another voice, text or seed other audio."""
    if not there(model):
        pytest.skip(f"{model} is not installed: voicebox engines add {model}")
    ann, bob = voices
    first = speak(server, model, voice=ann, seed=11)
    assert len(first) > 1000
    assert np.abs(first.astype(int)).max() > 100
    assert np.array_equal(first, speak(server, model, voice=ann, seed=11))
    assert not np.array_equal(first, speak(server, model, voice=bob, seed=11))
    assert not np.array_equal(first, speak(server, model, "Good night.", ann, seed=11))
    assert not np.array_equal(first, speak(server, model, voice=ann, seed=12))
    assert len(speak(server, model, voice=ann, seed=11, speed=2.0)) < 0.8 * len(first)


def test_without_a_cloned_voice(server: Server) -> None:
    """One of OpenAI's voices, of which these engines have none, is an error that says so, and nobody else speaks."""
    answer = httpx.post(
        f"{server.base_url}/audio/speech",
        json={"model": "tada-1b", "voice": "alloy", "input": TEXT},
        timeout=PATIENT,
    )
    assert answer.status_code == 400, answer.text
    assert "cannot speak the voice 'alloy'" in answer.json()["error"]["message"]


def test_the_licence_is_told(server: Server) -> None:
    """Whoever asks about the model is told the licence of its weights."""
    answer = httpx.get(f"{server.base_url}/voicebox/models/tada-1b", timeout=TIMEOUT)
    assert "Llama 3.2" in answer.text
