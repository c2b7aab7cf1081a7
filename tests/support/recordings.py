"""Recordings for tests: real and synthetic speech, sounds without speech, in files of any coding."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from typing import cast

import av
import numpy as np
from decoded import decoded
from numpy.typing import NDArray

Samples = NDArray[np.float64]
Coding = tuple[str, str, int]
"""container, codec, sample rate in Hertz"""
JFK = Path(__file__).parents[1] / "data" / "jfk.flac"
RATE = 44_100
WAV: Coding = ("wav", "pcm_s16le", RATE)
MP3: Coding = ("mp3", "libmp3lame", 44_100)
OPUS: Coding = ("ogg", "libopus", 48_000)
FLAC: Coding = ("flac", "flac", 44_100)
M4A: Coding = ("ipod", "aac", 44_100)
WEBM: Coding = ("webm", "libopus", 48_000)
TELEPHONE: Coding = ("wav", "pcm_mulaw", 8000)
CODINGS = (WAV, MP3, OPUS, FLAC, M4A, WEBM, TELEPHONE, ("mp3", "libmp3lame", 16_000))


def at_full_scale(sound: Samples) -> Samples:
    loudest: Samples = sound / np.abs(sound).max()
    return loudest


@lru_cache(1)
def jfk() -> Samples:
    """Return eleven seconds of a speech, its highest sample at full scale."""
    return at_full_scale(decoded(JFK.read_bytes()))


def piece(start: float, seconds: float) -> Samples:
    return jfk()[round(start * RATE) : round((start + seconds) * RATE)]


def coded(sound: Samples, coding: Coding = WAV, rate: int = RATE, channels: int = 1) -> bytes:
    """Return a file of a sound; what is beyond full scale is clipped."""
    container, codec, coded_rate = coding
    layout = {1: "mono", 2: "stereo"}[channels]
    samples = np.rint(sound * 32767).clip(-32768, 32767).astype("<i2")
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = cast(av.AudioStream, out.add_stream(codec, rate=coded_rate, layout=layout))
        out.start_encoding()
        frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(
            stream.format, layout, coded_rate, frame_size=stream.codec_context.frame_size or None
        )
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            part.pts = None
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return file.getvalue()


def noise(count: int, seed: int = 1, slope: float = 0.0) -> Samples:
    """Return noise whose amplitude falls with that power of the frequency: white 0, pink 0.5, rumble 1."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** slope
    spectrum[0] = 0
    return at_full_scale(np.fft.irfft(spectrum, count))


def tone(*frequencies: float, seconds: float = 3.0) -> Samples:
    times = np.arange(round(seconds * RATE)) / RATE
    return at_full_scale(np.sum([np.sin(2 * np.pi * one * times) / one for one in frequencies], axis=0))


def with_noise(sound: Samples, ratio: float, slope: float, seed: int = 1) -> Samples:
    """Return speech with noise; the speech is `ratio` decibels above it."""
    added = noise(len(sound), seed, slope)
    return at_full_scale(sound + added * np.sqrt((sound**2).mean() / (added**2).mean()) * 10 ** (-ratio / 20))
