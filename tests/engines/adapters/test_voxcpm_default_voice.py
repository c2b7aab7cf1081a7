"""Tests of the default voice that VoxCPM2 records for jobs without a voice."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from outputs import QUIET, create_prompt, opened

pytest.importorskip("torch")
# not importorskip: its own imports may be missing
if importlib.util.find_spec("voxcpm") is None:
    pytest.skip("voxcpm is not installed", allow_module_level=True)

from numpy.typing import NDArray
from tiny_voxcpm import RATE, RECORDING_RATE, STEPS, folder, loaded, speak

from engines.adapters.voxcpm.engine import VoxCPM
from engines.api import Place, Sample, SpeechJob
from engines.toolkit.default_voice import SAMPLE_TEXT, record_default_voice
from engines.toolkit.resampling import resample

TEXT = "Hello you."


@pytest.fixture(scope="module")
def engine() -> VoxCPM:
    """Return the engine, as it is by default."""
    loaded_engine = VoxCPM(path=str(folder()), steps=STEPS)
    loaded_engine.load(Place(), QUIET)
    return loaded_engine


def test_one_voice_for_every_text(engine: VoxCPM) -> None:
    """Without a voice the audio is that of a clone of the sentence spoken at load time, whichever the text;
    so after a restart.
    """
    line: NDArray[np.float32] = speak(SpeechJob(SAMPLE_TEXT, "default", seed=0)).astype(
        np.float32
    ) / np.float32(32767)
    pcm = (resample(line, RATE, RECORDING_RATE) * 32767).round().astype("<i2").tobytes()
    clone = opened(engine, create_prompt(engine, [Sample(pcm)], "voxcpm2"))
    again = VoxCPM(path=str(folder()), steps=STEPS)
    again.load(Place(), QUIET)
    for text in (TEXT, "Good morning, dear friends."):
        job = SpeechJob(text, "default", seed=5)
        spoken = speak(job, engine)
        difference = spoken.astype(int) - speak(SpeechJob(text, "", prompt=clone, seed=5))
        assert np.abs(difference).max() < 40, "the line was written as 16 bits once more than by the engine"
        assert np.array_equal(spoken, speak(job, again))
        assert not np.array_equal(spoken, speak(job)), "without a voice of its own it is another"


def test_descriptions_are_not_bound_to_it(engine: VoxCPM) -> None:
    """A described voice does not depend on the default voice."""
    job = SpeechJob(TEXT, "", design="an old man", seed=5)
    assert np.array_equal(speak(job, engine), speak(job, loaded()[0]))


def test_unusable_recordings_are_repeated() -> None:
    """A recording that is silent, too short or endless is made again with other random numbers, three times
    at most.
    """
    good = np.sin(np.arange(2 * RATE) / 20).astype(np.float32)
    bad = [(0 * good, True), (good[: RATE // 10], True), (good, False)]
    seeds: list[int] = []

    def record(tries: list[tuple[NDArray[np.float32], bool]]) -> bytes | None:
        def synthesise(_text: str, seed: int) -> tuple[NDArray[np.float32], bool]:
            seeds.append(seed)
            return tries[seed]

        return record_default_voice(synthesise, RATE, RECORDING_RATE)

    assert record(bad) is None
    found = record([bad[0], bad[1], (good, True)])
    assert found is not None
    assert len(found) == 2 * 2 * RECORDING_RATE
    assert seeds == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("wanted", [16_000, 44_100, 48_000])
def test_other_rates(wanted: int) -> None:
    """A tone keeps its pitch, length and loudness at another rate; where it begins and ends without warning
    the filter rings a little.
    """
    tone: NDArray[np.float32] = np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000).astype(np.float32)
    expected = np.sin(2 * np.pi * 440 * np.arange(wanted) / wanted)
    found = resample(tone, 48_000, wanted)

    assert len(found) == wanted
    assert np.abs(found - expected).max() < 1e-2
    assert np.abs(found - expected)[200:-200].max() < 1e-3
