"""Tests of the detector of runaway audio: plausible speech of any text passes, runaway audio does not."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from outputs import QUIET, run_speech

from engines.adapters.espeak.engine import Espeak
from engines.api import Audio, Place, SpeechEvent, SpeechJob
from engines.errors import RunawayAudio
from streaming.audio.runaway import RunawayDetector, has_loop, limits_for
from streaming.text.duration import estimate_duration

RATE = 22_050
SCRIPTS = [
    "abc def. ",
    "ABC, DEF ",
    "12 345,6 ",
    "你好世界。",
    "สวัสดี ",
    "😀🎉👩🏽‍🚀 ",
    "=+*#@€$ ",
    "привет ",
    "こんにちは",
    "안녕 ",
    "नमस्ते ",
    "مرحبا ",
]
TEXT = "The quick brown fox jumps over the lazy dog, and then it runs into the forest."


@pytest.fixture(scope="module")
def espeak() -> Espeak:
    """Return the engine itself, in this process."""
    engine = Espeak()
    engine.load(Place(), QUIET)
    return engine


def spoken(espeak: Espeak, text: str, voice: str, speed: float = 1.0) -> bytes:
    pcm = bytearray()

    def emit(event: SpeechEvent) -> bool:
        if isinstance(event, Audio):
            pcm.extend(event.pcm)
        return True

    run_speech(espeak, SpeechJob(text, voice, speed=speed), emit)
    return bytes(pcm)


def checked(pcm: bytes, text: str, speed: float = 1.0) -> RunawayDetector:
    detector = RunawayDetector(limits_for(text, speed=speed), RATE)
    for start in range(0, len(pcm), 8820):
        detector.push(pcm[start : start + 8820])
    return detector


@pytest.mark.parametrize("voice", ["en-us", "de", "cmn"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_real_speech_passes(espeak: Espeak, voice: str, script: str) -> None:
    """What eSpeak NG makes of any script, its own or one it can only spell, is neither too much nor too
    little.
    """
    chosen = random.Random(script)
    for count in (1, 200):
        text = "".join(chosen.choice(script) for _ in range(count))
        for speed in (0.5, 1.0, 2.5):
            assert not checked(spoken(espeak, text, voice, speed), text, speed).is_truncated(), text


@given(st.text(max_size=300), st.floats(0.25, 4))
@example("", 1.0)
@settings(max_examples=60)
def test_estimates_make_sense(text: str, speed: float) -> None:
    """For any text the minimum is below the expected duration, which is below the maximum; twice the text
    lasts twice as long.
    """
    one, two = estimate_duration(text, speed=speed), estimate_duration(text + "\n" + text, speed=speed)

    assert 0 <= one.shortest <= one.expected <= one.longest
    assert 2 * one.expected <= two.expected + 1e-6
    assert estimate_duration(text, speed=2 * speed).expected == pytest.approx(one.expected / 2)


def test_too_much_is_stopped() -> None:
    """Endless noise is stopped within three times the text's duration, and some seconds."""
    noise = (np.random.default_rng(1).normal(0, 4000, RATE * 60)).astype("<i2").tobytes()
    detector = RunawayDetector(limits_for(TEXT), RATE)

    with pytest.raises(RunawayAudio, match="did not stop"):
        for start in range(0, len(noise), 4410):
            detector.push(noise[start : start + 4410])
    assert detector.seconds < 3 * estimate_duration(TEXT).expected + 6


def test_silence_that_goes_on_is_stopped(espeak: Espeak) -> None:
    """Six seconds of silence are no pause, at the start or in the middle."""
    speech = spoken(espeak, TEXT, "en-us")
    for before in (b"", speech[: len(speech) // 4 * 2]):
        with pytest.raises(RunawayAudio, match="silence"):
            checked(before + bytes(2 * RATE * 7), TEXT * 4)
    checked(speech + bytes(2 * RATE * 4), TEXT * 4)


def test_a_loop_is_stopped_before_the_longest_estimate(espeak: Espeak) -> None:
    """A phrase that repeats is detected long before the maximum duration."""
    phrase = spoken(espeak, "lazy dog", "en-us")
    detector = RunawayDetector(limits_for(TEXT), RATE)

    with pytest.raises(RunawayAudio, match="over and over"):
        for _ in range(60):
            detector.push(phrase)
    assert detector.seconds < estimate_duration(TEXT).longest


def test_texts_that_repeat_themselves_are_no_loop(espeak: Espeak) -> None:
    """A refrain is spoken as often as it is written, also by a slow engine."""
    text = "Row, row, row your boat. " * 9
    checked(spoken(espeak, text, "en-us", 0.55), text)


def test_different_speech_is_no_loop(espeak: Espeak) -> None:
    """Seconds of ordinary speech are no repetition, nor is a steady tone or noise."""
    rng = np.random.default_rng(3)
    tone = 9000 * np.sin(np.arange(RATE * 12) / 10)
    for pcm in (
        spoken(espeak, TEXT * 4, "en-us"),
        tone.astype("<i2").tobytes(),
        rng.normal(0, 4000, RATE * 12).astype("<i2").tobytes(),
    ):
        blocks = (
            np.abs(np.frombuffer(pcm, "<i2").astype(int))[: len(pcm) // 2 // 441 * 441]
            .reshape(-1, 441)
            .mean(1)
        )
        loudness = [int(value) for value in blocks]
        assert not any(has_loop(loudness[:end]) for end in range(0, len(loudness), 50))


def test_too_little_is_noticed(espeak: Espeak) -> None:
    """A tenth of a sentence is far too short, a whole one is not."""
    pcm = spoken(espeak, TEXT, "en-us")

    assert checked(pcm[: len(pcm) // 20 * 2], TEXT).is_truncated()
    assert not checked(pcm, TEXT).is_truncated()


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        (TEXT, True),
        ("Straße, naïve Œuvre: überall größer.", True),
        ("ha " * 60, False),
        ("ха " * 60, False),
        ("Съешь же ещё этих мягких французских булок, да выпей чаю.", False),
        ("天地玄黄宇宙洪荒日月盈昃辰宿列张", False),
    ],
)
def test_where_loops_are_searched_for(text: str, loops: bool) -> None:
    """Loops are searched for where a text does not repeat itself and all of its letters are Latin."""
    assert limits_for(text).loops is loops


@pytest.mark.parametrize("samples", [100, 441, 700])
def test_a_loop_in_any_pieces_is_stopped(espeak: Espeak, samples: int) -> None:
    """A loop is found however its audio is cut, also into pieces shorter than what is measured at once."""
    loop = spoken(espeak, "lazy dog", "en-us") * 60
    detector = RunawayDetector(limits_for(TEXT), RATE)

    with pytest.raises(RunawayAudio, match="over and over"):
        for start in range(0, len(loop), 2 * samples):
            detector.push(loop[start : start + 2 * samples])


@pytest.mark.parametrize("sign", [1, -1])
def test_sound_on_one_side_of_zero_is_no_silence(sign: int) -> None:
    """Audio whose samples are all above or all below zero is sound."""
    wave = sign * np.abs(9000 * np.sin(np.arange(RATE * 8) / 40))
    checked(wave.astype("<i2").tobytes(), TEXT * 4)
