"""End-to-end tests of engines beside each other, on tiny checkpoints: many requests at once, and voices that all engines
that clone speak with.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
from engine_environments import environment, lend_environments
from hub_server import FakeHub
from model_worker import murmur
from neural_server import pcm_to_wav, serve_models, speak
from numpy.typing import NDArray
from servers import TIMEOUT, Server

pytest.importorskip("kokoro")
pytest.importorskip("pocket_tts")
if lacking := [name for name in ("chatterbox", "perth", "voxcpm", "diffusers") if find_spec(name) is None]:
    pytest.skip(f"{lacking[0]} is not installed", allow_module_level=True)

import published_checkpoints
import shrunk_chatterbox

from engines.catalogue.models import find_model
from engines.environments.find import missing_packages

pytestmark = pytest.mark.engines

GROUP = "legacy457"
RATE = 24_000
WORDS = "Hello, this is the reference."
SCRIPT = (
    "Good evening to all of you. What a night it is. Let us begin with the first of them. It is a long one, as you"
    " will hear. Then there is another one. After that we shall see. Who knows what comes behind it? Nobody does."
)
CLONING = ("pocket-tts-english", "voxcpm2", "chatterbox", "qwen3-tts-0.6b", "tada-1b", "luxtts")
TOGETHER = ("kokoro", "pocket-tts-english", "qwen3-tts-0.6b", "chatterbox")
VOICES = {"kokoro": ("af_heart", "bm_fable")}
"""by models; the others speak with cloned ones"""
CLONED = ("Ann", "Bob")
TEXTS = ("Hello there.", "Good night to you.", "How are you, my friend?", "It is a fine day.")
NEAR = 330
"""of 32767, by which samples differ where they were computed together with others'"""


def there(model: str) -> bool:
    """Return whether a model's packages are installed; skip all where its environment is not."""
    engine = find_model(model).engine
    return engine.group != GROUP or not missing_packages(engine.packages, environment(GROUP).site)


def publish(hub: FakeHub) -> None:
    """Publish all models."""
    published_checkpoints.publish_kokoro(hub)
    published_checkpoints.publish_pocket(hub)
    published_checkpoints.publish_voxcpm(hub)
    published_checkpoints.publish_chatterbox(hub)
    published_checkpoints.publish_qwen3_tts(hub, "qwen3-tts-0.6b")
    published_checkpoints.publish_tada(hub)
    if there("luxtts"):
        published_checkpoints.publish_luxtts(hub)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with all models, each on one thread."""
    folder = tmp_path_factory.mktemp("at-once")
    for data in (folder / "data", folder / "server" / "data"):
        lend_environments(data)
    path = os.pathsep.join(filter(None, (str(shrunk_chatterbox.WORKER_PATH), os.environ.get("PYTHONPATH"))))
    names = [name for name in ("kokoro", *CLONING) if there(name)]
    each: dict[str, Any] = {name: {"options": {"threads": 1}} for name in names}
    each["voxcpm2"]["options"]["steps"] = 3
    each["tada-1b"]["options"]["steps"] = 4
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        with serve_models(folder, names, publish, {"each": each}, voices={"shortest_sample": 0.5}) as started:
            yield started


@pytest.fixture(scope="module")
def voices(server: Server) -> tuple[str, ...]:
    """Clone two voices."""
    for name, hertz in zip(CLONED, (130.0, 280.0), strict=True):
        created = httpx.post(
            f"{server.base_url}/audio/voices",
            data={"name": name, "transcript": WORDS, "language": "en"},
            files={"audio_sample": ("a.wav", pcm_to_wav(murmur(hertz, RATE, 6.0), RATE), "audio/wav")},
            timeout=TIMEOUT,
        )
        assert created.status_code == 200, created.text
    return CLONED


def are_near(one: NDArray[np.int16], other: NDArray[np.int16]) -> bool:
    """Return whether two recordings are the same but for rounding."""
    return one.shape == other.shape and int(np.abs(one.astype(int) - other).max()) <= NEAR


def test_thirty_two_requests_at_once(server: Server, voices: tuple[str, ...]) -> None:
    """32 requests to four engines at once, in two voices each and several texts: each gets the audio that it gets alone,
    and no two of an engine get the same.
    """
    asked = [
        (model, voice, text) for text in TEXTS for model in TOGETHER for voice in VOICES.get(model, voices)
    ]
    assert len(asked) == 32
    orders = [(*one, seed) for seed, one in enumerate(asked)]

    def spoken(order: tuple[str, str, str, int]) -> NDArray[np.int16]:
        model, voice, text, seed = order
        return speak(server, model, text, voice, seed=seed)

    alone = [spoken(order) for order in orders]
    with ThreadPoolExecutor(len(orders)) as clients:
        together = list(clients.map(spoken, orders))
    for order, one, other in zip(orders, together, alone, strict=True):
        assert len(one) > RATE / 10
        assert are_near(one, other), order
    for model in TOGETHER:
        own = [audio for (name, *_), audio in zip(orders, together, strict=True) if name == model]
        assert len({audio.tobytes() for audio in own}) == len(own)


def assert_own_voice(server: Server, model: str, name: str, other: str) -> None:
    """Check that a voice speaks on a model, each time the same, and not like another."""
    first = speak(server, model, voice=name, seed=3)
    assert len(first) > RATE / 10
    assert np.abs(first.astype(int)).max() > 100
    assert are_near(first, speak(server, model, voice=name, seed=3))
    assert not are_near(first, speak(server, model, voice=other, seed=3))


@pytest.mark.parametrize("model", CLONING)
def test_a_voice_speaks_on_every_engine_that_clones(
    server: Server, voices: tuple[str, ...], model: str
) -> None:
    """A voice that was cloned once speaks on each engine that clones, always the same, and not like another."""
    if not there(model):
        pytest.skip(f"{model} is not installed: voicebox engines add {model}")
    assert_own_voice(server, model, *voices)


@pytest.fixture(scope="module")
def designed(server: Server) -> tuple[str, str]:
    """Describe two voices."""
    for name, description in (
        ("Old", "An old man with a deep voice."),
        ("Young", "A child that is excited."),
    ):
        created = httpx.post(
            f"{server.base_url}/audio/voices",
            json={"name": name, "type": "prompt", "prompt": description, "script_hint": SCRIPT},
            timeout=2 * TIMEOUT,
        )
        assert created.status_code == 200, created.text
    return "Old", "Young"


@pytest.mark.parametrize("model", CLONING)
def test_a_designed_voice_stays_the_same(server: Server, designed: tuple[str, str], model: str) -> None:
    """A voice that was described keeps its voice on each engine that clones: all speak with the same reference."""
    if not there(model):
        pytest.skip(f"{model} is not installed: voicebox engines add {model}")
    assert_own_voice(server, model, *designed)
