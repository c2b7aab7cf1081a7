"""End-to-end tests of VoxCPM2 and of models that transformers itself runs, on tiny checkpoints; one from a
repository of one's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import httpx2 as httpx
import numpy as np
import pytest

pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")
if lacking := [name for name in ("voxcpm", "einops", "diffusers") if find_spec(name) is None]:
    pytest.skip(f"{lacking[0]} is not installed", allow_module_level=True)

import published_checkpoints
import tiny_whisper
from hub_server import FakeHub
from neural_server import pcm_to_wav, serve_models, speak
from servers import TIMEOUT, Server

NAMES = ("voxcpm2", "mms-tts-eng", "wav2vec2-base-960h", "moonshine-tiny", "vibevoice-1.5b", "mine")
OWN = {"mine": {"repo": "somebody/voices", "kind": "speech"}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with all of these models."""
    folder = tmp_path_factory.mktemp("others")

    def publish(hub: FakeHub) -> None:
        published_checkpoints.publish_voxcpm(hub)
        published_checkpoints.publish_transformers(hub, folder)
        published_checkpoints.publish_vibevoice(hub, folder)

    models = {"own": OWN, "each": {"voxcpm2": {"options": {"steps": 3}}}}
    with serve_models(
        folder, NAMES, publish, models, voices={"shortest_sample": 0.5}
    ) as started:  # the tiny model's speech is short
        yield started


@pytest.mark.parametrize(
    ("model", "voice"),
    [
        ("voxcpm2", "default"),
        ("mms-tts-eng", "default"),
        ("vibevoice-1.5b", "speaker-2"),
        ("mine", "speaker-1"),
    ],
)
def test_models_speak(server: Server, model: str, voice: str) -> None:
    """Each model speaks; the same seed gives the same audio, another text or seed other audio."""
    first = speak(server, model, voice=voice, seed=11)

    assert len(first) > 1000
    assert np.abs(first.astype(int)).max() > 100
    assert np.array_equal(first, speak(server, model, voice=voice, seed=11))
    assert not np.array_equal(first, speak(server, model, "Good night.", voice, seed=11))
    assert not np.array_equal(first, speak(server, model, voice=voice, seed=12))


def test_voices_of_an_own_repository(server: Server) -> None:
    """The voices of a repository of one's own are listed, and differ."""
    listed = httpx.get(
        f"{server.base_url}/voicebox/presets", params={"engine": "mine"}, timeout=TIMEOUT
    ).json()
    assert {"speaker-0", "speaker-1", "speaker-2"} <= {one["voice"] for one in listed["data"]}
    assert not np.array_equal(
        speak(server, "mine", voice="speaker-0", seed=1), speak(server, "mine", voice="speaker-2", seed=1)
    )


@pytest.mark.parametrize("model", ["wav2vec2-base-960h", "moonshine-tiny"])
def test_models_transcribe(server: Server, model: str) -> None:
    """Each model returns a text for speech, the same each time, and none for silence."""
    sound = ("a.wav", pcm_to_wav(tiny_whisper.sound("hello", 2), tiny_whisper.RATE))
    silent = ("a.wav", pcm_to_wav(tiny_whisper.silence(2), tiny_whisper.RATE))
    texts = {server.sdk().audio.transcriptions.create(model=model, file=sound).text for _ in range(2)}

    assert len(texts) == 1
    assert texts != {""}
    assert server.sdk().audio.transcriptions.create(model=model, file=silent).text == ""


def test_a_designed_and_a_cloned_voice(server: Server) -> None:
    """A designed and a cloned voice speak through VoxCPM2 and VibeVoice, sound different, and stay the same."""
    sample = pcm_to_wav(tiny_whisper.sound("count", 6), tiny_whisper.RATE)
    cloned = httpx.post(
        f"{server.base_url}/audio/voices",
        data={"name": "Ann"},
        files={"audio_sample": ("a.wav", sample, "audio/wav")},
        timeout=TIMEOUT,
    )
    designed = httpx.post(
        f"{server.base_url}/audio/voices",
        json={
            "name": "Bob",
            "type": "prompt",
            "prompt": "An old man with a deep voice.",
            "script_hint": "Good evening to all of you. What a night it is. Let us begin with the first of them.",
        },
        timeout=2 * TIMEOUT,
    )
    assert (cloned.status_code, designed.status_code) == (200, 200), cloned.text + designed.text
    ann, bob = (speak(server, "voxcpm2", voice=name, seed=3) for name in ("Ann", "Bob"))

    assert not np.array_equal(ann, bob)
    assert np.array_equal(ann, speak(server, "voxcpm2", voice="Ann", seed=3))
    assert np.array_equal(bob, speak(server, "voxcpm2", voice={"id": designed.json()["id"]}, seed=3))
    others = [
        speak(server, "vibevoice-1.5b", voice=name, seed=3) for name in ("Ann", "Bob", "Ann", "speaker-0")
    ]
    assert np.array_equal(others[0], others[2])
    assert len({audio.tobytes() for audio in others}) == 3
