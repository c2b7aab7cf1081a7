"""Tests of Kokoro on MLX in the environment that has mlx-audio, on a processor and random weights: the library's own
audio, voices, languages, words, and how it stops and fails. Offline.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from engine_environments import environment
from model_worker import ModelWorker, linked, load_errors, model_worker, run_in_environment
from qwen3_checkpoints import CHECKPOINTS

pytest.importorskip("kokoro")

import mlx_files
import tiny_kokoro

from engines.api import Audio, SpeechEvent, Word
from engines.errors import UnknownVoice

pytestmark = pytest.mark.engines

GROUP = "mlx"
MODEL = "kokoro-mlx"
TEXT = "Hello there."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a checkpoint in the files of mlx-community's conversions, of the one for torch."""
    environment(GROUP)
    return mlx_files.kokoro(tmp_path_factory.mktemp("kokoro-mlx"))


@pytest.fixture(scope="module")
def worker(folder: Path) -> Iterator[ModelWorker]:
    """Run a worker."""
    with model_worker(MODEL, [folder]) as one:
        yield one


def test_info(worker: ModelWorker) -> None:
    """Names, voices, languages and abilities are those of the engine on torch, but for what reads texts."""
    info = worker.info
    assert (info.models, info.device) == ((MODEL, "kokoro"), "cpu")
    assert {voice.id for voice in info.voices} == set(tiny_kokoro.VOICES)
    assert info.speech is not None
    assert (info.speech.sample_rate, info.speech.speed) == (tiny_kokoro.RATE, (0.5, 2.0))
    assert info.speech.seed and info.speech.words and info.speech.mixing and info.speech.ipa
    assert {"en-US", "en-GB", "es", "fr", "zh"} <= set(info.speech.languages)
    assert len(info.characters) == 13


@pytest.mark.shows("equals", "kokoro-mlx")
def test_the_same_as_the_library(worker: ModelWorker, folder: Path, tmp_path: Path) -> None:
    """With a seed the audio is what mlx-audio makes of the same phonemes with the same seed."""
    out = tmp_path / "library.npy"
    script = CHECKPOINTS / "library_mlx_kokoro.py"
    run_in_environment(GROUP, script, str(folder), "af_heart", TEXT, "3", str(out))
    theirs = np.rint(np.clip(np.load(out), -1, 1) * 32767).astype(int)
    ours = worker.speak(TEXT, None, voice="af_heart", seed=3).astype(int)
    assert np.abs(ours).max() > 100
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1


def test_voices_words_and_speed(worker: ModelWorker) -> None:
    """Voices differ, a mixture is another voice, words come with their times, and a higher speed is shorter."""
    events: list[SpeechEvent] = []

    def note(event: SpeechEvent) -> bool:
        events.append(event)
        return False

    plain = worker.speak(TEXT, None, note, voice="af_heart", seed=1)
    words = [event for event in events if isinstance(event, Word)]
    assert [TEXT[word.start : word.end] for word in words][:2] == ["Hello", "there"]
    assert 0 <= words[0].time < words[1].time < len(plain) / tiny_kokoro.RATE
    other = worker.speak(TEXT, None, voice="bm_fable", seed=1)
    mixed = worker.speak(TEXT, None, mix=(("af_heart", 0.5), ("bm_fable", 0.5)), seed=1)
    quick = worker.speak(TEXT, None, voice="af_heart", seed=1, speed=2.0)
    assert len({one.tobytes() for one in (plain, other, mixed)}) == 3
    assert len(quick) < len(plain)
    assert len(worker.speak("Hola.", None, voice="ef_dora")) > 0


def test_left_refused_and_empty(worker: ModelWorker) -> None:
    """A job that is left leaves the model as it was; unknown voices are refused, and no words are a silence."""
    before = worker.speak(TEXT, None, voice="af_heart", seed=5)
    worker.speak(TEXT * 9, None, lambda event: isinstance(event, Audio), voice="af_bella")
    assert np.array_equal(before, worker.speak(TEXT, None, voice="af_heart", seed=5))
    with pytest.raises(UnknownVoice):
        worker.speak(TEXT, None, voice="af_nobody")
    assert not worker.speak(" … ", None, voice="af_heart").any()


def test_files_that_are_missing(folder: Path, tmp_path: Path) -> None:
    """A folder that lacks its weights or its configuration is an error that names it."""
    lost = (mlx_files.KOKORO_WEIGHTS, "config.json")
    folders = [linked(tmp_path / name, folder, name) for name in lost]
    assert all("files are not there" in error for error in load_errors(MODEL, folders))
