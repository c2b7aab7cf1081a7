"""Tests of preparing recordings of voices: every usual file becomes an even sample; parts of recordings, and
consents.
"""

from __future__ import annotations

import io
import math
from typing import Any

import audio_measures
import numpy as np
import pytest
from decoded import decoded, envelope, facts
from espeak_in_process import RATE as ESPEAK_RATE
from espeak_in_process import say
from hypothesis import example, given, settings
from hypothesis import strategies as st
from recordings import (
    CODINGS,
    FLAC,
    M4A,
    MP3,
    OPUS,
    RATE,
    TELEPHONE,
    WAV,
    WEBM,
    Coding,
    Samples,
    coded,
    jfk,
    noise,
    piece,
    tone,
    with_noise,
)

from engines.errors import BadAudio
from voices.samples.prepare import Bounds, SampleFacts, check_recording, prepare, trim

BOUNDS = Bounds()
TEXTS = {
    "en-us": "The quick brown fox jumps over the lazy dog.",
    "de": "Heute ist ein schöner Tag, und die Sonne scheint.",
    "fr-fr": "Il fait beau aujourd'hui, et les oiseaux chantent.",
    "cmn": "今天天气很好，我们去公园散步吧。",
    "ja": "きょうはとてもいいてんきですね。",
    "ru": "Сегодня прекрасный день, и солнце светит.",
    "pl": "Dzisiaj jest piękny dzień, szczęście świeci.",
    "hi": "आज मौसम बहुत अच्छा है और सूरज चमक रहा है।",
}


def prepared(data: bytes, **options: Any) -> tuple[bytes, SampleFacts]:
    return prepare(io.BytesIO(data), BOUNDS, **options)


def level(sound: Samples, rate: int) -> float:
    """Return the active level, in dBFS, measured by the tests themselves."""
    frames = envelope(sound, rate)
    return float(10 * np.log10((frames[frames > np.percentile(frames, 95) / 10**1.5] ** 2).mean()))


def peak(sound: Samples) -> float:
    return float(20 * np.log10(np.abs(sound).max()))


# The prepared sample...


@pytest.mark.parametrize(
    ("coding", "container", "codec", "rate"),
    [(WAV, "wav", "pcm_s16le", 44_100), (MP3, "mp3", "mp3float", 44_100), (OPUS, "ogg", "opus", 48_000),
     (FLAC, "flac", "flac", 44_100), (M4A, "mov", "aac", 44_100), (WEBM, "matroska", "opus", 48_000),
     (TELEPHONE, "wav", "pcm_mulaw", 16_000), (("wav", "pcm_f32le", 96_000), "wav", "pcm_f32le", 48_000),
     (("matroska", "pcm_s16le", 22_050), "matroska", "pcm_s16le", 22_050)],
)  # fmt: skip
@pytest.mark.parametrize("channels", [1, 2])
def test_containers(coding: Coding, container: str, codec: str, rate: int, channels: int) -> None:
    """Every usual file becomes a mono WAV of even loudness, at its own sample rate within 16 and 48 kHz; the
    original's facts are reported.
    """
    data, known = prepared(coded(jfk() * 0.3, coding, channels=channels))
    sound = decoded(data)

    assert facts(data) == ("wav", "pcm_s16le", rate, 1)
    assert len(data) == 44 + 2 * len(sound)
    assert known.seconds == len(sound) / rate
    assert level(sound, rate) == pytest.approx(-20, abs=0.5)
    assert (known.container, known.codec, known.channels, known.rate) == (container, codec, channels, rate)
    assert known.original_seconds == pytest.approx(11, abs=0.2)
    assert known.clipped == 0
    assert 0.5 < known.active <= 1


@given(gain=st.floats(-30, 0), start=st.floats(0, 6), seconds=st.floats(2.5, 5))
@settings(max_examples=25, deadline=None)
def test_gain(gain: float, start: float, seconds: float) -> None:
    """Whatever a recording's loudness, its sample is as loud as others, and never clips; the gain is
    reported.
    """
    loud, at_full = prepared(coded(piece(start, seconds)))
    quiet, known = prepared(coded(piece(start, seconds) * 10 ** (gain / 20)))

    assert level(decoded(quiet), RATE) == pytest.approx(level(decoded(loud), RATE), abs=0.2)
    assert peak(decoded(quiet)) <= -0.99
    assert known.level == pytest.approx(at_full.level + gain, abs=0.2)
    assert known.gain == pytest.approx(at_full.gain - gain, abs=0.2)
    assert level(decoded(quiet), RATE) == pytest.approx(known.level + known.gain, abs=0.5)
    assert known.seconds == pytest.approx(at_full.seconds, abs=0.05)


@given(before=st.floats(0.1, 3), after=st.floats(0.1, 3), floor=st.sampled_from([0.0, 1e-4, 5e-4]))
@example(before=3.0, after=3.0, floor=0.0)
@settings(max_examples=25, deadline=None)
def test_silence_around_is_cut(before: float, after: float, floor: float) -> None:
    """Silence at both ends, digital or of a quiet room, is cut to a tenth of a second, and no speech is."""
    speech = piece(0.4, 4)
    start, end = round(before * RATE), round(after * RATE)
    sound = np.concatenate([np.zeros(start), speech, np.zeros(end)])
    data, known = prepared(coded(sound + floor * noise(len(sound))))
    _, bare = prepared(coded(np.concatenate([np.zeros(RATE), speech, np.zeros(RATE)])))
    result = decoded(data)

    assert known.original_seconds == pytest.approx(4 + before + after, abs=0.01)
    assert known.seconds == len(result) / RATE == pytest.approx(bare.seconds, abs=0.06)
    assert known.seconds < 4.3
    assert np.abs(result[: round(0.08 * RATE)]).max() < 0.02
    assert np.abs(result[-round(0.08 * RATE) :]).max() < 0.02
    assert level(result, RATE) == pytest.approx(known.level + known.gain, abs=0.5)


def test_silence_within_is_kept() -> None:
    """A pause between two sentences stays as long as it is."""
    sound = np.concatenate([piece(0.4, 2), np.zeros(RATE), piece(3.2, 2)])

    assert prepared(coded(sound))[1].seconds == pytest.approx(5, abs=0.3)


def test_peaks() -> None:
    """Where the highest sample would exceed -1 dBFS, the sample stays quieter."""
    sound = jfk() * 0.05
    sound[3 * RATE : 3 * RATE + 200] += 0.7 * np.hanning(200)
    data, known = prepared(coded(sound))

    assert peak(decoded(data)) == pytest.approx(-1, abs=0.01)
    assert level(decoded(data), RATE) < -22
    assert known.level + known.gain < -22


def test_offset() -> None:
    """A constant offset does not count as loudness, and is removed."""
    data, known = prepared(coded(jfk() * 0.2 + 0.3))
    plain, without = prepared(coded(jfk() * 0.2))

    assert abs(decoded(data).mean()) < 0.001
    assert known.level == pytest.approx(without.level, abs=0.1)
    assert len(data) == len(plain)


# Speech is accepted...


@given(
    start=st.floats(0, 9), seconds=st.floats(2, 11), gain=st.floats(-30, 0), coding=st.sampled_from(CODINGS),
    slope=st.sampled_from([None, 0.0, 0.5, 1.0]), seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_speech(
    start: float, seconds: float, gain: float, coding: Coding, slope: float | None, seed: int
) -> None:
    """Speech is accepted: any part of it, loud or quiet, 15 dB above noise, over a telephone, in any coding."""
    sound = piece(min(start, 11 - seconds), seconds)
    if slope is not None:
        sound = with_noise(sound, 15, slope, seed)

    assert prepared(coded(sound * 10 ** (gain / 20), coding))[1].seconds > 1


@pytest.mark.parametrize("variant", ["", "+m7", "+f2", "+f4", "+croak"])
@pytest.mark.parametrize("voice", TEXTS)
def test_languages(voice: str, variant: str) -> None:
    """Speech of women and men, in any language, clean and 15 dB above noise, is accepted."""
    sound = audio_measures.samples(say(TEXTS[voice], voice + variant).pcm)
    for recorded in (sound, with_noise(sound, 15, 0)):
        assert (
            prepared(coded(recorded, ("wav", "pcm_s16le", ESPEAK_RATE), ESPEAK_RATE))[1].rate == ESPEAK_RATE
        )


def test_speech_with_long_pauses_in_noise() -> None:
    """Of a noisy recording that is mostly pauses, the loud parts count."""
    sound = with_noise(np.concatenate([np.zeros(4 * RATE), jfk()[: 5 * RATE], np.zeros(4 * RATE)]), 12, 0)

    assert prepared(coded(sound))[1].active > 0.9


def test_without_speech() -> None:
    """Where speech is not demanded, a tone is accepted."""
    sound = np.pad(tone(1000) * 0.1, RATE)
    data, known = prepared(coded(sound), speech=False)

    assert known.seconds == pytest.approx(3.2, abs=0.05)
    assert level(decoded(data), RATE) == pytest.approx(-20, abs=0.1)


# Parts...


def test_trim() -> None:
    """A part of a recording is prepared as if it were the whole."""
    recording = coded(jfk() * 0.5, FLAC)
    data, known = trim(io.BytesIO(recording), 3.25, 8.0, BOUNDS)
    whole, of_part = prepared(coded(piece(3.25, 4.75) * 0.5))

    assert known.original_seconds == pytest.approx(11, abs=0.01)
    assert known.seconds == of_part.seconds
    assert known.level == pytest.approx(of_part.level, abs=0.01)
    assert np.abs(decoded(data) - decoded(whole)).max() < 0.001


def test_trim_to_the_end() -> None:
    """Without an end the part lasts to the recording's end; an end just behind it counts as it."""
    recording = coded(jfk()[: 9 * RATE])
    rest = trim(io.BytesIO(recording), 4, None, BOUNDS)

    assert rest[1].seconds == pytest.approx(5, abs=0.3)
    assert trim(io.BytesIO(recording), 4, 9.05, BOUNDS) == rest


def test_trim_again() -> None:
    """A prepared sample can be trimmed as the recording can."""
    sample, _ = prepared(coded(jfk()))

    assert trim(io.BytesIO(sample), 2, 6, BOUNDS)[1].seconds == pytest.approx(4, abs=0.3)


@pytest.mark.parametrize(
    ("start", "end", "code", "message"),
    [(3, 3, "invalid_value", "The part from 3 s to 3 s is none"), (5, 2, "invalid_value", "from 5 s to 2 s is none"),
     (-1, 5, "invalid_value", "from -1 s to 5 s is none"), (math.nan, 5, "invalid_value", "from nan s to 5 s is none"),
     (1, math.nan, "invalid_value", "from 1 s to nan s is none"), (6, None, "invalid_value", "from 6 s to 5 s is none"),
     (6, 7, "invalid_value", "from 6 s to 7 s is not in the recording, which has 5.00 s"),
     (1, 5.2, "invalid_value", "from 1 s to 5.2 s is not in"), (1, math.inf, "invalid_value", "from 1 s to inf s is not in"),
     (1, 1.999, "audio_too_short", "only 0.99 s of sound; at least 1 s"), (4.9999999, None, "audio_too_short", "only 0 s")],
)  # fmt: skip
def test_trim_refused(start: float, end: float | None, code: str, message: str) -> None:
    """A part that is empty, not in the recording, or too short is refused, with the figures."""
    with pytest.raises(BadAudio, match=message) as caught:
        trim(io.BytesIO(coded(piece(0, 5))), start, end, BOUNDS, param="trim")

    assert (caught.value.code, caught.value.param) == (code, "trim")


def test_trim_without_speech() -> None:
    """The checks apply to the part alone."""
    recording = coded(np.concatenate([piece(0, 5), tone(440) * 0.3, piece(0, 2) * 31]))

    assert trim(io.BytesIO(recording), 0, 5, BOUNDS)[1].clipped == 0
    with pytest.raises(BadAudio, match="no speech"):
        trim(io.BytesIO(recording), 5.1, 7.9, BOUNDS)
    assert trim(io.BytesIO(recording), 5.1, 7.9, BOUNDS, speech=False)[1].seconds == pytest.approx(
        2.8, abs=0.01
    )


# Consents...


@pytest.mark.parametrize("coding", CODINGS)
def test_check_recording(coding: Coding) -> None:
    """A recording of a consent is stored unchanged, and its length is measured."""
    known = check_recording(io.BytesIO(coded(jfk(), coding)), longest=60)

    assert known.duration == pytest.approx(11, abs=0.2)
    assert (known.rate, known.channels) == (coding[2], 1)


@pytest.mark.parametrize(
    ("sound", "code", "message"),
    [(piece(0.5, 0.4), "audio_too_short", "only 0.4 s of sound; at least 0.5 s"),
     (piece(0.5, 0.05), "audio_too_short", "less than 0.1 s of sound; at least 0.5 s"),
     (np.zeros(RATE), "audio_silent", "-120.0 dBFS; at least -50 dBFS"), (np.full(RATE, 0.3), "audio_silent", "silent"),
     (jfk(), "audio_too_long", "The recording has 11 s; at most 5 s is taken."),
     (np.tile(jfk(), 2), "audio_too_long", "The recording has more than 20 s; at most 5 s is taken.")],
    ids=["short", "shorter", "silent", "offset", "long", "longer"],
)  # fmt: skip
def test_check_recording_refuses(sound: Samples, code: str, message: str) -> None:
    """A recording of a consent that is too short, too long or silent is refused, with the figure."""
    with pytest.raises(BadAudio, match=message) as caught:
        check_recording(io.BytesIO(coded(sound)), longest=5)

    assert (caught.value.code, caught.value.param) == (code, "recording")
