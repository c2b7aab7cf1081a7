"""Decode what the server sends, with FFmpeg's decoders, as a player would."""

from __future__ import annotations

import io

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
RATE = 24_000


def decoded(data: bytes, format: str | None = None, rate: int | None = None) -> Samples:
    """Decode a whole file to mono samples in -1..1; headerless PCM is read as 24 kHz s16le."""
    if format == "pcm":
        return np.frombuffer(data, "<i2").astype(float) / 32768
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler("s16", "mono", rate or stream.rate)
        parts = [frame.to_ndarray() for packet in container.demux(stream) for one in packet.decode() for frame in resampler.resample(one)]  # fmt: skip
        parts += [frame.to_ndarray() for frame in resampler.resample(None)]
    return np.concatenate(parts, axis=1)[0].astype(float) / 32768 if parts else np.zeros(0)


def facts(data: bytes) -> tuple[str, str, int, int]:
    """Give container, codec, sample rate and channels."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.audio[0]
        return container.format.name, stream.codec_context.name, stream.rate, stream.channels


def pitch(samples: Samples, rate: int = RATE) -> float:
    """Estimate the median pitch of the voiced parts, in Hertz, by autocorrelation."""
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
    """Give the root mean square."""
    return float(np.sqrt((samples**2).mean())) if len(samples) else 0.0


def longest_silence(samples: Samples, rate: int = RATE, threshold: float = 0.005) -> float:
    """Give the longest stretch below a threshold, in seconds."""
    quiet = np.concatenate([[0], (np.abs(samples) < threshold).astype(int), [0]])
    edges = np.flatnonzero(np.diff(quiet))
    return float((edges[1::2] - edges[::2]).max(initial=0)) / rate


def same(one: Samples, other: Samples) -> float:
    """Tell how alike two recordings are: the correlation of their shapes, 1 for the same sound."""
    length = min(len(one), len(other))
    if not length or abs(len(one) - len(other)) > 0.1 * max(len(one), len(other)):
        return 0.0
    return float(np.corrcoef(one[:length], other[:length])[0, 1])
