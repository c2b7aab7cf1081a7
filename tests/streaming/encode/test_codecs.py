"""Tests of the codecs against real decoders: one file, gapless, its tail whole, first bytes early."""

from __future__ import annotations

import io
import threading
import wave
from itertools import pairwise

import espeak_in_process
import numpy as np
import pytest
from decoded import Samples, decoded, facts
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import JFK

from engines.wire.wav import encode_wav
from streaming.audio.wav import header
from streaming.encode.file_encoders import open_file_encoder
from streaming.encode.ogg import FIRST_PAGE, LAST_PAGE
from streaming.formats import OutputFormat

FORMATS: tuple[OutputFormat, ...] = ("mp3", "opus", "aac", "flac", "wav", "pcm")
RATE = 24_000
PADDING = {"mp3": 2400, "aac": 2800}
"""samples that a codec's own delay and last frame may add; the others are exact"""
FIRST = {"mp3": 72, "opus": 20, "aac": 108, "flac": 60, "wav": 20, "pcm": 20}
"""milliseconds of PCM after which the first bytes of sound must have come"""
EXACT_SNR = {"flac": 90.0, "wav": 90.0, "pcm": 90.0, "mp3": 15.0, "opus": 8.0, "aac": 10.0}


def sweep(seconds: float = 2.0) -> bytes:
    t = np.arange(round(seconds * RATE)) / RATE
    return (8000 * np.sin(2 * np.pi * (200 + 300 * t) * t)).astype("<i2").tobytes()


def encoded(format: OutputFormat, pcm: bytes, step: int = 960) -> bytes:
    encoder = open_file_encoder(format)
    data = (
        b"".join(encoder.push(pcm[start : start + step]) for start in range(0, len(pcm), step))
        + encoder.finish()
    )
    encoder.close()
    return data


def shift(original: Samples, samples: Samples) -> int:
    """Return the codec's delay in samples, by cross-correlation."""
    size = 1 << (len(samples) + len(original)).bit_length()
    product = np.fft.irfft(np.fft.rfft(samples, size) * np.conj(np.fft.rfft(original, size)))
    return int(np.argmax(product[:4000]))


@pytest.mark.parametrize("format", FORMATS)
def test_gapless(format: OutputFormat) -> None:
    """The decoded samples are those that were encoded, to the codec's own padding and to the last sample."""
    original = np.frombuffer(sweep(), "<i2").astype(float) / 32768
    samples = decoded(encoded(format, sweep()), format, RATE)
    delay = shift(original, samples)

    assert 0 <= len(samples) - len(original) <= PADDING.get(format, 0)
    assert delay <= PADDING.get(format, 0)
    length = min(len(samples) - delay, len(original))
    assert length >= len(original) - (0 if format in PADDING else 1)
    noise = samples[delay : delay + length] - original[:length]
    assert 10 * np.log10((original**2).mean() / ((noise**2).mean() + 1e-12)) > EXACT_SNR[format]
    tail = slice(length - 2400, length)
    assert np.sqrt((samples[delay:][tail] ** 2).mean()) > 0.7 * np.sqrt((original[tail] ** 2).mean())


@pytest.mark.parametrize("format", [one for one in FORMATS if one != "pcm"])
def test_one_file(format: OutputFormat) -> None:
    """A response is one whole file with one header, at the start."""
    data = encoded(format, sweep())
    marks = {"wav": b"RIFF", "flac": b"fLaC", "opus": b"OpusHead"}

    if format in marks:
        assert data.count(marks[format]) == 1
    assert not data.startswith(b"ID3")
    assert b"Xing" not in data[:400]
    assert facts(data)[3] == 1


@pytest.mark.parametrize("format", FORMATS)
def test_first_bytes_come_early(format: OutputFormat) -> None:
    """The first bytes of sound are emitted as early as the codec allows."""
    encoder, pcm, data, pushed = open_file_encoder(format), sweep(), b"", 0
    while True:
        data += encoder.push(pcm[pushed : pushed + 192])
        pushed += 192
        if len(data) > 300 or (data and format in ("wav", "pcm")):
            break
    encoder.close()

    assert pushed / 48 <= FIRST[format] + 40


@given(cuts=st.lists(st.integers(0, 20_000), max_size=12), format=st.sampled_from(FORMATS))
@settings(max_examples=40, deadline=None)
def test_any_chunking_gives_the_same_file(cuts: list[int], format: OutputFormat) -> None:
    """However PCM is cut into chunks, also within a sample, the file is the same."""
    pcm = sweep(0.2)
    edges = [0, *sorted(min(cut, len(pcm)) for cut in cuts), len(pcm)]
    encoder = open_file_encoder(format)
    data = b"".join(encoder.push(pcm[start:end]) for start, end in pairwise(edges)) + encoder.finish()

    expected = encoded(format, pcm, len(pcm))
    if format == "opus":  # its stream has a serial number of its own
        assert np.array_equal(decoded(data, format, RATE), decoded(expected, format, RATE))
    else:
        assert data == expected


@pytest.mark.parametrize("format", FORMATS)
def test_no_audio_is_an_empty_file(format: OutputFormat) -> None:
    """No audio at all becomes an empty file of its format, and the end may be asked for twice: headers alone where
    the format has them, and no byte where it is frames or samples only.
    """
    encoder = open_file_encoder(format)
    data = encoder.push(b"") + encoder.finish()

    assert encoder.finish() == b""
    if format in ("wav", "flac"):
        assert facts(data) == (format, {"wav": "pcm_s16le"}.get(format, format), RATE, 1)
        assert len(decoded(data, format)) == 0
    elif format == "opus":
        assert [page[1] for page in data.split(b"OggS")[1:]] == [FIRST_PAGE, 0, LAST_PAGE]
        assert (data.count(b"OpusHead"), data.count(b"OpusTags")) == (1, 1)
    else:
        assert data == b""
    encoder.close()


@pytest.mark.parametrize("format", FORMATS)
def test_closing_while_encoding(format: OutputFormat) -> None:
    """An encoder may be closed at any moment, also from another thread, and encodes nothing afterwards."""
    encoder, pcm = open_file_encoder(format), sweep()
    failures: list[BaseException] = []

    def push() -> None:
        try:
            for start in range(0, len(pcm), 480):
                encoder.push(pcm[start : start + 480])
        except BaseException as exc:
            failures.append(exc)

    pushing = threading.Thread(target=push)
    pushing.start()
    encoder.close()
    pushing.join()

    assert not failures
    if format not in ("wav", "pcm"):  # these have no codec that could be closed
        assert encoder.push(pcm) + encoder.finish() == b""
    encoder.close()


def test_wav_header_with_sizes() -> None:
    """A header for a known length has the right sizes, and strict readers accept it."""
    pcm = sweep(0.1)
    with wave.open(io.BytesIO(header(RATE, len(pcm)) + pcm)) as file:
        assert (file.getnframes(), file.getframerate(), file.getnchannels(), file.getsampwidth()) == (
            len(pcm) // 2,
            RATE,
            1,
            2,
        )


@pytest.mark.parametrize(("format", "kilobits"), [("mp3", 128), ("opus", 48), ("aac", 110)])
@pytest.mark.parametrize("bitrate", [None, 0.5])
def test_bitrates_are_those_of_the_readme(format: OutputFormat, kilobits: int, bitrate: float | None) -> None:
    """Speech, of a person and of an engine, comes to the bit rate that is promised, a tenth more or less."""
    person = decoded(JFK.read_bytes(), rate=RATE)
    made = espeak_in_process.say("The quick brown fox jumps over the lazy dog. " * 8, "en-us").pcm
    engine = decoded(encode_wav(made, espeak_in_process.RATE), rate=RATE)
    asked = (
        None if bitrate is None else round(bitrate * {"mp3": 128_000, "opus": 48_000, "aac": 96_000}[format])
    )
    for speech in (person, engine):
        encoder = open_file_encoder(format, bitrate=asked)
        size = len(encoder.push((speech * 32767).astype("<i2").tobytes()) + encoder.finish())
        expected = 1000 * kilobits * (bitrate or 1)

        assert 8 * size / (len(speech) / RATE) == pytest.approx(expected, rel=0.12)


def test_bitrate() -> None:
    """The file's size follows the bit rate."""
    sizes = []
    for bitrate in (32_000, 128_000):
        encoder = open_file_encoder("mp3", bitrate=bitrate)
        sizes.append(len(encoder.push(sweep(4)) + encoder.finish()))

    assert 3.5 < sizes[1] / sizes[0] < 4.5
