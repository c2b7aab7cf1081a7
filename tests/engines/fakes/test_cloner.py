"""mimic by itself: its numbers are those that tests of voices rely on."""

from __future__ import annotations

import re
from array import array
from itertools import pairwise

import numpy as np
import pytest
from safetensors.numpy import load, save

from engines.api import Audio, Prompt, Sample, SpeechEvent, SpeechJob, Word
from engines.errors import BadAudio, BadInput
from engines.fakes.cloner import HIGHEST, LOWEST, PRESETS, RATE, Cloner, centroid

WORDS = "somebody hears every small browser since"
"""which are spoken without deviation"""
WORD = round(0.12 * RATE)
"""samples of a word, with the gap behind it"""


def spoken(job: SpeechJob) -> tuple[bytes, list[Word]]:
    """Speak a job to its end."""
    events: list[SpeechEvent] = []

    def emit(event: SpeechEvent) -> bool:
        events.append(event)
        return True

    Cloner().speak(job, emit)
    pcm = b"".join(event.pcm for event in events if isinstance(event, Audio))
    return pcm, [event for event in events if isinstance(event, Word)]


def frequencies(pcm: bytes) -> list[float]:
    """Measure the frequency of each word, by its zero crossings."""
    found = []
    for start in range(0, len(pcm) // 2, WORD):
        tone = array("h", pcm)[start + 240 : start + 2160]
        places = [at for at, (one, other) in enumerate(pairwise(tone)) if one < 0 <= other]
        found.append((len(places) - 1) * RATE / (places[-1] - places[0]))
    return found


def tone(*hertz: float, seconds: float = 1.0) -> bytes:
    """Make a sound of tones that are equally loud."""
    times = np.arange(round(seconds * RATE)) / RATE
    sound = sum(np.sin(2 * np.pi * one * times) for one in hertz) / len(hertz)
    return np.asarray(16000 * sound).astype("<i2").tobytes()


def prompt(*samples: bytes) -> Prompt:
    """Make a prompt of recordings."""
    return Prompt("id", Cloner().create_prompt([Sample(pcm) for pcm in samples], "mimic"))


def test_what_it_says_of_itself() -> None:
    """It clones, designs, mixes and takes IPA, at 24 kHz, and brings three presets along."""
    info = Cloner().load()

    assert info.speech is not None
    assert info.speech.cloning is not None
    assert info.speech.cloning.sample_rate == info.speech.sample_rate == RATE == 24_000
    assert info.speech.design and info.speech.mixing and info.speech.ipa
    assert [voice.id for voice in info.voices] == ["low", "mid", "high"]
    assert info.models == ("mimic",)


@pytest.mark.parametrize("hertz", [250, 1000, 1234.5, 5000])
def test_the_centroid(hertz: float) -> None:
    """A tone's centroid is its frequency; that of two tones as loud lies in the middle between them."""
    assert centroid(array("h", tone(hertz))) == pytest.approx(hertz, rel=0.01)
    assert centroid(array("h", tone(hertz, 3000))) == pytest.approx((hertz + 3000) / 2, rel=0.02)


def test_a_voice_has_its_samples_frequency() -> None:
    """A prompt holds the centroid of all samples together, in safetensors, and nothing else; words sound at
    it.
    """
    one, both = prompt(tone(700)), prompt(tone(700), tone(1300))

    assert [list(load(made.data)) for made in (one, both)] == [["centroid"]] * 2
    assert frequencies(spoken(SpeechJob(WORDS, "", prompt=one))[0]) == pytest.approx([700] * 6, rel=0.01)
    assert frequencies(spoken(SpeechJob(WORDS, "", prompt=both))[0]) == pytest.approx([1000] * 6, rel=0.02)
    assert prompt(tone(700)).data == one.data


def test_a_voice_stays_within_what_can_be_heard() -> None:
    """However low or high the samples are, the voice is neither below 200 Hz nor above 6 kHz."""
    assert frequencies(spoken(SpeechJob("every", "", prompt=prompt(tone(60))))[0]) == pytest.approx(
        [LOWEST], rel=0.01
    )
    assert frequencies(spoken(SpeechJob("every", "", prompt=prompt(tone(11_000))))[0]) == pytest.approx(
        [HIGHEST], rel=0.01
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_and_words(preset: str) -> None:
    """Each word takes 120 ms, is told with its place and time, and differs from the voice by 2 % at most,
    always the same.
    """
    text = "One two  three, answers: Four!"
    pcm, words = spoken(SpeechJob(text, preset))
    found = frequencies(pcm)

    assert [text[word.start : word.end] for word in words] == re.findall(r"\S+", text)
    assert [word.time for word in words] == pytest.approx([0.12 * number for number in range(5)])
    assert len(pcm) == 2 * 5 * WORD
    assert found == pytest.approx([PRESETS[preset]] * 5, rel=0.03)
    assert max(found) > 1.005 * min(found)
    assert spoken(SpeechJob(text, preset))[0] == pcm
    assert frequencies(spoken(SpeechJob(WORDS, preset))[0]) == pytest.approx([PRESETS[preset]] * 6, rel=0.01)


def test_design() -> None:
    """A description is a frequency: the same for the same words, another for others, within what can be
    heard.
    """
    found = [
        frequencies(spoken(SpeechJob("every", "", design=text))[0])[0]
        for text in ("deep", "deep", "bright", "warm", "thin")
    ]

    assert found[0] == found[1]
    assert len({round(one) for one in found}) == 4
    assert all(LOWEST * 0.98 <= one <= LOWEST + 3060 for one in found)


def test_mixtures() -> None:
    """A mixture lies at the weighted mean."""
    mixed = SpeechJob(WORDS, "", mix=(("low", 0.25), ("high", 0.75)))
    assert frequencies(spoken(mixed)[0]) == pytest.approx([0.25 * 400 + 0.75 * 2500] * 6, rel=0.01)


def test_ipa() -> None:
    """A word with IPA of its own, be it on a part of the word, sounds 20 % higher, and no other does."""
    start = WORDS.index("every")
    for span in ((start, start + 5), (start + 1, start + 2)):
        found = frequencies(spoken(SpeechJob(WORDS, "mid", ipa=((*span, "ˈɛvɹi"),)))[0])
        assert found == pytest.approx([1000, 1000, 1200, 1000, 1000, 1000], rel=0.01)


def test_what_is_no_voice() -> None:
    """Presets that are not there, recordings of nothing, and prompts of others are refused in words."""
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
            spoken(SpeechJob("x", "", prompt=Prompt("id", data)))


def test_it_stops_when_nobody_listens() -> None:
    """Once an event is not wanted nothing more is made."""
    events: list[SpeechEvent] = []

    def three(event: SpeechEvent) -> bool:
        events.append(event)
        return len(events) < 3

    Cloner().speak(SpeechJob("one " * 1000, "low"), three)
    assert len(events) == 3
