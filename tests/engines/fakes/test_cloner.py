"""Tests of the engine `mimic`, whose frequencies the tests of voices rely on."""

from __future__ import annotations

import re
from array import array

import numpy as np
import pytest
from outputs import QUIET, create_prompt, opened, run_speech
from safetensors.numpy import load, save
from tones import WORD_SAMPLES, tone, word_frequencies

from engines.api import Audio, Place, Prompt, Sample, SpeechEvent, SpeechJob, Word
from engines.errors import BadAudio, BadInput
from engines.fakes.cloner import HIGHEST, LOWEST, PRESETS, Cloner, centroid
from engines.fakes.sine import RATE

WORDS = "somebody hears every small browser since"
"""words that are spoken without deviation"""


def spoken(job: SpeechJob) -> tuple[bytes, list[Word]]:
    """Return the PCM and the words of a job."""
    events: list[SpeechEvent] = []

    def emit(event: SpeechEvent) -> bool:
        events.append(event)
        return True

    run_speech(Cloner(), job, emit)
    pcm = b"".join(event.pcm for event in events if isinstance(event, Audio))
    return pcm, [event for event in events if isinstance(event, Word)]


def prompt(*samples: bytes) -> Prompt:
    """Return the voice prompt of recordings."""
    return opened(Cloner(), create_prompt(Cloner(), [Sample(pcm) for pcm in samples], "mimic"))


def test_its_capabilities() -> None:
    """The engine clones, designs, mixes and supports IPA, at 24 kHz, and has three presets."""
    info = Cloner().load(Place(), QUIET)

    assert info.speech is not None
    assert info.speech.cloning is not None
    assert info.speech.cloning.sample_rate == info.speech.sample_rate == RATE == 24_000
    assert info.speech.design and info.speech.mixing and info.speech.ipa
    assert [voice.id for voice in info.voices] == ["low", "mid", "high"]
    assert info.models == ("mimic",)


@pytest.mark.parametrize("hertz", [250, 1000, 1234.5, 5000])
def test_the_centroid(hertz: float) -> None:
    """A tone's centroid is its frequency; that of two tones of equal loudness is in the middle between them."""
    assert centroid(array("h", tone(hertz))) == pytest.approx(hertz, rel=0.01)
    assert centroid(array("h", tone(hertz, 3000))) == pytest.approx((hertz + 3000) / 2, rel=0.02)


def test_a_voice_has_its_samples_frequency() -> None:
    """A prompt holds the centroid of all samples together, in safetensors, and nothing else; words sound at
    it.
    """
    one = prompt(tone(700))
    both = prompt(tone(700), tone(1300))

    assert [list(load(voice.data)) for voice in (one, both)] == [["centroid"]] * 2
    assert word_frequencies(spoken(SpeechJob(WORDS, "", prompt=one))[0]) == pytest.approx([700] * 6, rel=0.01)
    assert word_frequencies(spoken(SpeechJob(WORDS, "", prompt=both))[0]) == pytest.approx(
        [1000] * 6, rel=0.02
    )
    assert prompt(tone(700)).data == one.data


def test_a_voice_stays_audible() -> None:
    """However low or high the samples are, the voice is neither below 200 Hz nor above 6 kHz."""
    assert word_frequencies(spoken(SpeechJob("every", "", prompt=prompt(tone(60))))[0]) == pytest.approx(
        [LOWEST], rel=0.01
    )
    assert word_frequencies(spoken(SpeechJob("every", "", prompt=prompt(tone(11_000))))[0]) == pytest.approx(
        [HIGHEST], rel=0.01
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_and_words(preset: str) -> None:
    """Each word lasts 120 ms, has its offsets and its time, and differs from the voice by 2 % at most, always
    the same.
    """
    text = "One two  three, answers: Four!"
    pcm, words = spoken(SpeechJob(text, preset))
    found = word_frequencies(pcm)

    assert [text[word.start : word.end] for word in words] == re.findall(r"\S+", text)
    assert [word.time for word in words] == pytest.approx([0.12 * number for number in range(5)])
    assert len(pcm) == 2 * 5 * WORD_SAMPLES
    assert found == pytest.approx([PRESETS[preset]] * 5, rel=0.03)
    assert max(found) > 1.005 * min(found)
    assert spoken(SpeechJob(text, preset))[0] == pcm
    assert word_frequencies(spoken(SpeechJob(WORDS, preset))[0]) == pytest.approx(
        [PRESETS[preset]] * 6, rel=0.01
    )


def test_design() -> None:
    """A description determines a frequency: the same for the same words, another for others, within the
    audible range.
    """
    found = [
        word_frequencies(spoken(SpeechJob("every", "", design=text))[0])[0]
        for text in ("deep", "deep", "bright", "warm", "thin")
    ]

    assert found[0] == found[1]
    assert len({round(one) for one in found}) == 4
    assert all(LOWEST * 0.98 <= one <= LOWEST + 3060 for one in found)


def test_mixtures() -> None:
    """A mixture's frequency is the weighted mean."""
    mixed = SpeechJob(WORDS, "", mix=(("low", 0.25), ("high", 0.75)))
    assert word_frequencies(spoken(mixed)[0]) == pytest.approx([0.25 * 400 + 0.75 * 2500] * 6, rel=0.01)


def test_ipa() -> None:
    """A word with IPA, be it for a part of the word, sounds 20 % higher, and no other does."""
    start = WORDS.index("every")
    for span in ((start, start + 5), (start + 1, start + 2)):
        found = word_frequencies(spoken(SpeechJob(WORDS, "mid", ipa=((*span, "ˈɛvɹi"),)))[0])
        assert found == pytest.approx([1000, 1000, 1200, 1000, 1000, 1000], rel=0.01)


def test_invalid_voices() -> None:
    """Unknown presets, recordings without sound, and prompts of other engines are refused with the reason."""
    for job in (
        SpeechJob("x", "nobody"),
        SpeechJob("x", ""),
        SpeechJob("x", "", mix=(("low", 0.5), ("nobody", 0.5))),
    ):
        with pytest.raises(BadInput, match="no voice"):
            spoken(job)
    for pcm, reason in (
        (bytes(48_000), "silent"),
        (tone(500, seconds=0.04), "too short"),
        (b"", "too short"),
    ):
        with pytest.raises(BadAudio, match=reason):
            prompt(pcm)
    for data in (b"", b"x" * 100, save({"other": np.zeros(1)})):
        with pytest.raises(BadInput, match="not one of mine"):
            opened(Cloner(), data)


def test_it_stops_when_cancelled() -> None:
    """Once `emit` returns False nothing more is emitted."""
    events: list[SpeechEvent] = []

    def three(event: SpeechEvent) -> bool:
        events.append(event)
        return len(events) < 3

    run_speech(Cloner(), SpeechJob("one " * 1000, "low"), three)
    assert len(events) == 3
