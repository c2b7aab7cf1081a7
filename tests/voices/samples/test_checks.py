"""Tests of the checks of samples, whose errors have the measured figure, and of bytes that are no recording."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
from decoded import decoded
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import (
    CODINGS,
    FLAC,
    JFK,
    M4A,
    MP3,
    OPUS,
    RATE,
    WAV,
    WEBM,
    Coding,
    at_full_scale,
    coded,
    jfk,
    noise,
    piece,
    tone,
)

from engines.errors import BadAudio
from streaming.audio import wav
from voices.samples.prepare import Bounds, SampleFacts, check_recording, prepare

BOUNDS = Bounds()


def prepared(data: bytes, bounds: Bounds = BOUNDS, **options: Any) -> tuple[bytes, SampleFacts]:
    return prepare(io.BytesIO(data), bounds, **options)


def refused(data: bytes, bounds: Bounds = BOUNDS, **options: Any) -> BadAudio:
    with pytest.raises(BadAudio) as caught:
        prepared(data, bounds, **options)
    return caught.value


REFUSED = {
    "silence": (np.zeros(3 * RATE), "audio_silent", r"silent: .* -120.0 dBFS; at least -50 dBFS"),
    "nearly silent": (piece(0, 5) * 0.003, "audio_silent", r"silent: .* has -5\d\.\d dBFS; at least -50 dBFS"),
    "click": (np.where(np.arange(5 * RATE) == RATE, 0.9, 0), "audio_silent", r"mostly silent: 0\.4 % .* at least 20 %"),
    "little speech": (np.concatenate([np.zeros(9 * RATE), piece(0.4, 1.5)]), "audio_silent", r"mostly silent: 1\d\.\d % of"),
    "sine": (tone(440) * 0.5, "no_speech", r"loudness varies by 0\.\d dB; .* at least 3 dB"),
    "sine that ends within a frame": (tone(440, seconds=1.2021) * 0.5, "no_speech", r"loudness varies by"),
    "hum": (tone(50, 100, 150, 250) * 0.3, "no_speech", r"loudness varies by"),
    "hum of 60 Hz": (tone(60, 120, 240, 300) * 0.3, "no_speech", r"loudness varies by"),
    "white noise": (noise(3 * RATE) * 0.5, "no_speech", r"loudness varies by 0\.\d dB"),
    "pink noise": (noise(3 * RATE, slope=0.5) * 0.5, "no_speech", r"\d % of its loud parts|loudness varies by"),
    "rumble": (noise(3 * RATE, slope=1.0) * 0.5, "no_speech", r"\d % of its loud parts have a voice's pitch; in speech 20 % do"),
    "noise in waves": (noise(3 * RATE) * (1 + tone(4)) * 0.4, "no_speech", r"^There is no speech .*: 0 % of its loud parts"),
    "a moment": (piece(0.5, 0.3), "audio_too_short", r"only 0\.3\d* s of sound; at least 1 s"),
    "a moment in silence": (np.pad(piece(0.5, 0.5), RATE // 2), "audio_too_short", r"only 0\.[67]\d* s of sound; at least 1 s"),
    "too short to decode": (piece(0.5, 0.05), "audio_too_short", r"less than 0\.1 s of sound; at least 1 s"),
    "clipped speech": (piece(0, 5) * 31, "audio_clipped", r"[3-5]\d\.?\d? % of its samples are; at most 1 % is taken"),
    "too long": (np.tile(jfk(), 4)[: 31 * RATE], "audio_too_long", r"has 31 s; at most 30 s"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_unsuitable_recordings(what: str) -> None:
    """A recording that fails a check is refused with the figure, and about the caller's parameter."""
    sound, code, message = REFUSED[what]
    error = refused(coded(sound), param="files[2]")

    assert (error.code, error.param) == (code, "files[2]")
    assert re.search(message, error.message), error.message


@pytest.mark.parametrize("coding", CODINGS)
def test_refused_in_any_coding(coding: Coding) -> None:
    """Lossy coding hides neither clipping nor the absence of speech."""
    for seed, slope in enumerate((0.0, 0.5, 1.0)):
        assert refused(coded(noise(2 * RATE, seed, slope) * 0.5, coding)).code == "no_speech"
    assert refused(coded(tone(300) * 0.4, coding)).code == "no_speech"
    assert refused(coded(np.zeros(2 * RATE), coding)).code == "audio_silent"
    assert refused(coded(jfk() * 31, coding)).code == "audio_clipped"


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_mulaw", "pcm_alaw"])
def test_clipped_on_the_telephone(codec: str) -> None:
    """Clipping at 8 kHz is detected, though the sample is prepared at 16 kHz."""
    telephone = at_full_scale(decoded(JFK.read_bytes(), rate=8000))

    assert prepared(coded(telephone * 0.9, ("wav", codec, 8000), 8000))[1].clipped < 0.01
    assert refused(coded(telephone * 8, ("wav", codec, 8000), 8000)).code == "audio_clipped"


def test_without_speech() -> None:
    """Where speech is not demanded, silence is refused all the same."""
    assert refused(coded(tone(1000) * 0.001), speech=False).code == "audio_silent"


def test_longest() -> None:
    """A recording beyond the limit by less than a tenth of a second passes; the sample is not cut."""
    bounds = Bounds(shortest=1, longest=4)

    assert prepared(coded(piece(0.4, 4.09)), bounds)[1].original_seconds == pytest.approx(4.09, abs=0.001)
    assert (
        refused(coded(piece(0.4, 4.11)), bounds).message == "The recording has 4.2 s; at most 4 s is taken."
    )


def test_far_too_long() -> None:
    """A recording far beyond the limit is neither stored nor read to its end."""
    source = io.BytesIO(wav.header(RATE) + bytes(2 * RATE * 600))
    with pytest.raises(
        BadAudio, match=r"^The recording has more than 20 s; at most 5 s is taken\.$"
    ) as caught:
        prepare(source, Bounds(longest=5))

    assert (caught.value.code, caught.value.param) == ("audio_too_long", "audio_sample")
    assert source.tell() < 2 * RATE * 30


# Bytes that are no recording...


@pytest.mark.parametrize(
    "data",
    [b"", b"no sound " * 900, wav.header(RATE, 0), coded(jfk(), M4A)[:3000]],
    ids=["empty", "text", "no samples", "no index"],
)
def test_garbage(data: bytes) -> None:
    """A file that cannot be decoded is refused in the decoder's words, about the caller's parameter."""
    assert (refused(data, param="sample").param, refused(data).param) == ("sample", "audio_sample")
    assert "could not be decoded" in refused(data).message
    with pytest.raises(BadAudio) as caught:
        check_recording(io.BytesIO(data), longest=10, param="consent")
    assert caught.value.param == "consent"


@pytest.mark.parametrize("coding", [WAV, MP3, OPUS, FLAC, WEBM])
def test_a_truncated_file(coding: Coding) -> None:
    """The readable part of a truncated file is a sample; where little is left, it is refused as too short or
    not decodable.
    """
    data = coded(jfk(), coding)

    assert 4 < prepared(data[: len(data) // 2])[1].original_seconds < 7
    assert refused(data[: len(data) // 30]).code in ("audio_too_short", None)


@given(st.binary(max_size=2000))
@settings(max_examples=100, deadline=None)
def test_any_bytes(data: bytes) -> None:
    """Any bytes are refused about the caller's parameter, without another error."""
    assert refused(data, param="voice").param == "voice"


@given(st.sampled_from(CODINGS), st.data())
@settings(max_examples=40, deadline=None)
def test_damaged_files(coding: Coding, data: st.DataObject) -> None:
    """A file with any bytes changed is refused or is a sample."""
    broken = bytearray(FILES.setdefault(coding, coded(piece(0, 4), coding)))
    for _ in range(data.draw(st.integers(1, 20))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    try:
        sample, known = prepared(bytes(broken))
    except BadAudio as exc:
        assert exc.param == "audio_sample"
    else:
        assert len(sample) == 44 + 2 * round(known.seconds * known.rate)


FILES: dict[Coding, bytes] = {}
