"""The voice that VoxCPM2 finds for whoever asks for none."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

pytest.importorskip("torch")
if (
    importlib.util.find_spec("voxcpm") is None
):  # it cannot be imported here: what it imports need not be there
    pytest.skip("voxcpm is not installed", allow_module_level=True)

from numpy.typing import NDArray
from tiny_voxcpm import HEARD, RATE, STEPS, folder, loaded, speak

from engines.adapters.voxcpm.engine import VoxCPM
from engines.api import Prompt, Sample, SpeechJob
from engines.toolkit.default_voice import LINE, own_voice, resampled

TEXT = "Hello you."


@pytest.fixture(scope="module")
def settled() -> VoxCPM:
    """The engine, as it is by default."""
    engine = VoxCPM(path=str(folder()), steps=STEPS)
    engine.load()
    return engine


def test_one_voice_for_every_text(settled: VoxCPM) -> None:
    """Without a voice it speaks as with a clone of the line that it said when it was loaded, whichever the
    text; so after a restart.
    """
    line: NDArray[np.float32] = speak(SpeechJob(LINE, "default", seed=0)).astype(np.float32) / np.float32(
        32767
    )
    pcm = (resampled(line, RATE, HEARD) * 32767).round().astype("<i2").tobytes()
    clone = Prompt("own", settled.create_prompt([Sample(pcm)], "voxcpm2"))
    again = VoxCPM(path=str(folder()), steps=STEPS)
    again.load()
    for text in (TEXT, "Good morning, dear friends."):
        job = SpeechJob(text, "default", seed=5)
        said = speak(job, settled)
        difference = said.astype(int) - speak(SpeechJob(text, "", prompt=clone, seed=5))
        assert np.abs(difference).max() < 40, "the line was written as 16 bits once more than by the engine"
        assert np.array_equal(said, speak(job, again))
        assert not np.array_equal(said, speak(job)), "without a voice of its own it is another"


def test_descriptions_are_not_bound_to_it(settled: VoxCPM) -> None:
    """A voice that is described is what the description makes of it."""
    job = SpeechJob(TEXT, "", design="an old man", seed=5)
    assert np.array_equal(speak(job, settled), speak(job, loaded()[0]))


def test_what_is_no_voice() -> None:
    """Lines that are silent, too short or never end are said again with other random numbers; after three
    there is no voice.
    """
    good = np.sin(np.arange(2 * RATE) / 20).astype(np.float32)
    bad = [(0 * good, True), (good[: RATE // 10], True), (good, False)]
    seeds: list[int] = []

    def take(tries: list[tuple[NDArray[np.float32], bool]]) -> bytes | None:
        def say(_text: str, seed: int) -> tuple[NDArray[np.float32], bool]:
            seeds.append(seed)
            return tries[seed]

        return own_voice(say, RATE, HEARD)

    assert take(bad) is None
    found = take([bad[0], bad[1], (good, True)])
    assert found is not None
    assert len(found) == 2 * 2 * HEARD
    assert seeds == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("wanted", [16_000, 44_100, 48_000])
def test_other_rates(wanted: int) -> None:
    """A tone keeps its pitch, length and loudness at another rate."""
    tone: NDArray[np.float32] = np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000).astype(np.float32)
    expected = np.sin(2 * np.pi * 440 * np.arange(wanted) / wanted)

    assert np.abs(resampled(tone, 48_000, wanted) - expected).max() < 1e-3
