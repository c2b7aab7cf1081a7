"""Decode what the server sends, with FFmpeg's decoders, as a player would."""

from __future__ import annotations

import io
import itertools

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
RATE = 24_000


def decoded(data: bytes, format: str | None = None, rate: int | None = None) -> Samples:
    """Decode a whole file to mono samples in -1..1; headerless PCM is read as 24 kHz s16le."""
    if format == "pcm":
        return np.frombuffer(data, "<i2").astype(float) / 32768
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler("s16", "mono", rate or stream.rate)
        parts = [frame.to_ndarray() for packet in container.demux(stream) for one in packet.decode() for frame in resampler.resample(one)]  # fmt: skip
        parts += [frame.to_ndarray() for frame in resampler.resample(None)]
    return np.concatenate(parts, axis=1)[0].astype(float) / 32768 if parts else np.zeros(0)


def facts(data: bytes) -> tuple[str, str, int, int]:
    """Return container, codec, sample rate and channels."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.audio[0]
        return container.format.name, stream.codec_context.name, stream.rate, stream.channels


def pitch(samples: Samples, rate: int = RATE) -> float:
    """Return the median pitch of the voiced parts, in Hertz, by autocorrelation."""
    size, found = rate // 20, []
    for start in range(0, len(samples) - size, size):
        frame = samples[start : start + size] - samples[start : start + size].mean()
        if np.sqrt((frame**2).mean()) < 0.02:
            continue
        correlation = np.correlate(frame, frame, "full")[size - 1 :]
        low, high = rate // 450, rate // 60
        lag = low + int(np.argmax(correlation[low:high]))
        if correlation[lag] > 0.4 * correlation[0]:
            found.append(rate / lag)
    return float(np.median(found)) if found else 0.0


def loudness(samples: Samples) -> float:
    """Return the root mean square."""
    return float(np.sqrt((samples**2).mean())) if len(samples) else 0.0


def longest_silence(samples: Samples, rate: int = RATE, threshold: float = 0.005) -> float:
    """Return the longest stretch below a threshold, in seconds."""
    quiet = np.concatenate([[0], (np.abs(samples) < threshold).astype(int), [0]])
    edges = np.flatnonzero(np.diff(quiet))
    return float((edges[1::2] - edges[::2]).max(initial=0)) / rate


def envelope(samples: Samples, rate: int = RATE) -> Samples:
    """Return the loudness of every 20 ms."""
    size = rate // 50
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    return np.sqrt((frames**2).mean(axis=1))  # type: ignore[no-any-return]


def timbre(samples: Samples, rate: int = RATE) -> Samples:
    """Return the mean spectrum in 32 bands up to 6 kHz, in decibels, without the overall loudness."""
    size = 1024
    frames = samples[: len(samples) // size * size].reshape(-1, size) * np.hanning(size)
    power = (np.abs(np.fft.rfft(frames)) ** 2).mean(axis=0)
    edges = np.linspace(2, 6000 * size // rate, 33).astype(int)
    bands = np.array([power[low:high].mean() for low, high in itertools.pairwise(edges)])
    level = 10 * np.log10(bands + 1e-9)
    return level - level.mean()  # type: ignore[no-any-return]


def voice_distance(one: Samples, other: Samples) -> float:
    """Return how far apart two voices are that speak the same text: decibels between their timbres, and 1 for
    every 3 % of pitch.
    """
    return timbre_distance(one, other) + abs(float(np.log(pitch(one) / pitch(other)))) / float(np.log(1.03))


def timbre_distance(one: Samples, other: Samples) -> float:
    """Return how far apart two timbres are, in decibels; unlike pitch, it is measured well on short
    recordings.
    """
    return float(np.sqrt(((timbre(one) - timbre(other)) ** 2).mean()))


def same_words(one: Samples, other: Samples) -> bool:
    """Return whether two recordings of one voice have the same words: as long to 3 %, and as loud in the same
    places.
    """
    if abs(len(one) - len(other)) > 0.03 * max(len(one), len(other)):
        return False
    first, second = envelope(one), envelope(other)
    length = min(len(first), len(second))
    stretched = np.interp(np.linspace(0, 1, length), np.linspace(0, 1, len(second)), second)
    return bool(np.corrcoef(first[:length], stretched)[0, 1] > 0.85)
