"""Tests of Qwen3-TTS on MLX in the environment that has mlx-audio, on a processor and checkpoints of random weights:
the library's own audio, voices of every kind, and how it stops and fails. Offline.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from engine_environments import environment
from model_worker import ModelWorker, linked, load_errors, model_worker, run_in_environment
from qwen3_checkpoints import CHECKPOINTS, FRAME, RATE, as_pcm, mlx_checkpoints, recording
from safetensors.numpy import load_file, save_file

from engines.adapters.qwen3_tts.request_options import OPTIONS
from engines.api import Audio, SpeechEvent
from engines.errors import BadInput, UnknownVoice

pytestmark = pytest.mark.engines

GROUP = "mlx"
TEXT = "Hello."
WORDS = "Some words."
MODELS = {
    "base": "qwen3-tts-1.7b-mlx",
    "custom_voice": "qwen3-tts-custom-1.7b-mlx",
    "voice_design": "qwen3-tts-design-1.7b-mlx",
}
"""by the kinds of checkpoints"""


@pytest.fixture(scope="module")
def folder() -> Path:
    """Return a folder with a checkpoint of each kind."""
    environment(GROUP)
    return mlx_checkpoints()


@pytest.fixture(scope="module")
def workers(folder: Path) -> Iterator[dict[str, ModelWorker]]:
    """Run a worker of each kind."""
    with ExitStack() as stack:
        yield {
            kind: stack.enter_context(model_worker(name, [folder / kind])) for kind, name in MODELS.items()
        }


@pytest.mark.shows("equals", "qwen3-tts-custom-mlx")
def test_the_same_as_the_library(workers: dict[str, ModelWorker], folder: Path, tmp_path: Path) -> None:
    """With a seed a preset voice's audio is what mlx-audio streams for the same seed, in frames of 80 ms."""
    chunks: list[int] = []

    def note(event: SpeechEvent) -> bool:
        chunks.append(len(event.pcm) // 2 if isinstance(event, Audio) else 0)
        return False

    ours = workers["custom_voice"].speak(TEXT, None, note, voice="vivian", language="en", seed=3)
    out = tmp_path / "library.npy"
    call = {"text": TEXT, "voice": "vivian", "lang_code": "english"}
    script = CHECKPOINTS / "library_mlx.py"
    run_in_environment(GROUP, script, str(folder / "custom_voice"), str(out), "3", json.dumps(call))
    theirs = as_pcm(np.load(out))
    assert sum(chunks) == len(ours) >= FRAME
    assert len(ours) % FRAME == 0
    assert np.abs(ours.astype(int)).max() > 100
    assert ours.shape == theirs.shape
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_info(workers: dict[str, ModelWorker]) -> None:
    """Names, voices, languages and settings are those of the engine on torch."""
    names = {"base": "qwen3-tts", "custom_voice": "qwen3-tts-custom", "voice_design": "qwen3-tts-design"}
    for kind, worker in workers.items():
        info = worker.info
        assert info.speech
        assert info.models == (MODELS[kind], names[kind])
        assert (info.speech.sample_rate, info.speech.seed, info.device) == (RATE, True, "cpu")
        assert {one.name for one in info.speech.settings} == {one.name for one in OPTIONS.settings}
        assert bool(info.speech.cloning) == (kind == "base")
        assert info.speech.design == (kind == "voice_design")
    assert {voice.id for voice in workers["custom_voice"].info.voices} >= {"ryan", "vivian", "eric"}


def test_cloned_voices(workers: dict[str, ModelWorker]) -> None:
    """A voice is cloned with words and without; its prompt, which came back from its bytes, is the voice: the same
    seed gives the same audio with it, and another with another recording.
    """
    worker = workers["base"]
    told, untold = worker.prompt(recording(150, WORDS, 1.2)), worker.prompt(recording(150, "", 1.2))
    other = worker.prompt(recording(400, "", 1.2))
    assert len({told.id, untold.id, other.id}) == 3
    first = worker.speak(TEXT, untold, seed=1)
    assert len(first) > 0
    assert np.array_equal(first, worker.speak(TEXT, untold, seed=1))
    assert not np.array_equal(first, worker.speak(TEXT, other, seed=1))
    begun = worker.speak(TEXT, told, lambda event: isinstance(event, Audio), seed=1)
    shared = min(len(first), len(begun))
    assert shared > 0
    assert not np.array_equal(first[:shared], begun[:shared])
    with pytest.raises(BadInput, match="cloned voices only"):
        worker.speak(TEXT, None)


def test_designed_voices(workers: dict[str, ModelWorker]) -> None:
    """A voice is spoken as it is described; another description is another voice."""
    worker = workers["voice_design"]
    deep, high = (
        worker.speak(TEXT, None, lambda event: isinstance(event, Audio), seed=1, design=one)
        for one in ("Old and deep.", "A child.")
    )
    assert len(deep) > 0
    shared = min(len(deep), len(high))
    assert not np.array_equal(deep[:shared], high[:shared])


def test_left_refused_and_empty(workers: dict[str, ModelWorker]) -> None:
    """A job that is left after its first frame leaves the model as it was; unknown voices are refused, and a text
    without words has no audio.
    """
    worker = workers["custom_voice"]
    before = worker.speak(TEXT, None, voice="ryan", seed=5)
    worker.speak(TEXT * 9, None, lambda event: isinstance(event, Audio), voice="vivian")
    assert np.array_equal(before, worker.speak(TEXT, None, voice="ryan", seed=5))
    with pytest.raises(UnknownVoice):
        worker.speak(TEXT, None, voice="https://example.org/voice.wav")
    assert len(worker.speak(" … ", None, voice="ryan")) == 0


def test_a_codec_that_is_not_whole(folder: Path, tmp_path: Path) -> None:
    """A codec that lacks a weight, or its file, is an error that names its folder: the library draws what is missing
    at random, or speaks of it when it is used.
    """
    file = "speech_tokenizer/model.safetensors"
    without_file, without_weight = (
        linked(tmp_path / name, folder / "custom_voice", file) for name in ("file", "weight")
    )
    weights = load_file(folder / "custom_voice" / file)
    del weights["decoder.pre_conv.conv.weight"]
    save_file(weights, without_weight / file)
    for error in load_errors(MODELS["custom_voice"], [without_file, without_weight]):
        assert "speech_tokenizer" in error
