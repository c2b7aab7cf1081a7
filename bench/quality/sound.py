"""What a player makes of an answer: FFmpeg decodes, resamples and measures it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""mono, -1..1"""
PCM_RATE = 24_000
"""of answers without a header, in Hertz"""
EAR_RATE = 16_000
"""what the ear and the embedder take, in Hertz"""


def decoded(data: bytes, format: str, rate: int = PCM_RATE) -> Samples:
    """Decode a whole answer."""
    if format == "pcm":
        return resampled(np.frombuffer(data, "<i2") / 32768, PCM_RATE, rate)
    with av.open(io.BytesIO(data), "r") as container:
        resampler = av.AudioResampler("flt", "mono", rate)
        frames = [made for frame in container.decode(audio=0) for made in resampler.resample(frame)]
        return _joined([*frames, *resampler.resample(None)])


def resampled(sound: NDArray[Any], rate: int, to: int) -> Samples:
    """Return a sound at another rate."""
    if rate == to or not len(sound):
        return np.asarray(sound, np.float32)
    resampler = av.AudioResampler("flt", "mono", to)
    return _joined([*resampler.resample(_frame(sound, rate)), *resampler.resample(None)])


def integrated_loudness(sound: NDArray[Any], rate: int) -> float:
    """Measure the loudness of mono samples in -1..1, in LUFS, by EBU R 128: FFmpeg's filter `ebur128`."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(format="flt", sample_rate=rate, layout="mono", time_base=Fraction(1, rate))
    meter = graph.add("ebur128", "metadata=1:framelog=quiet")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    graph.push(_frame(sound, rate))
    graph.push(None)
    loudness = float("-inf")
    for frame in _pulled(graph):
        loudness = float(frame.metadata.get("lavfi.r128.I", loudness))
    return loudness


def _frame(sound: NDArray[Any], rate: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound, np.float32)[None], "flt", "mono")
    frame.sample_rate = rate
    frame.pts = 0
    return frame


def _pulled(graph: av.filter.Graph) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except (av.error.EOFError, av.error.BlockingIOError):
            return


def _joined(frames: list[av.AudioFrame]) -> Samples:
    parts = [frame.to_ndarray()[0] for frame in frames]
    return np.concatenate(parts).astype(np.float32) if parts else np.zeros(0, np.float32)
