"""Decode what a server sends with FFmpeg's decoders, and measure it with numpy."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import cast

import av
import msgspec
import numpy as np
from numpy.typing import NDArray

from conformance.registry import Failed

Samples = NDArray[np.int16]
Floats = NDArray[np.float64]

RATE = 24_000
"""Hertz, of PCM responses"""
SILENT = 160
"""of 32767: quieter than this is silence"""
CLIPPED = 32_700
"""of 32767: from here on a sample counts as clipped"""
ENOUGH_SECONDS = 3.0
"""of speech that show a voice"""
CLICK_STEP = 1000
"""of 32767: the smallest step between samples that sounds like a click"""
CLICK_RATIO = 3
"""a click's step to the largest around it; in recordings of speech, plosives included, 2.3 was the most"""
CLICK_SECONDS = 0.003
"""on either side, in which the steps of speech are like each other"""
VOICED_PEAK = 1000
"""of 32767: quieter stretches have no pitch that could be measured"""


class Sound(msgspec.Struct):
    """A decoded file: mono samples at `rate` Hertz, and what FFmpeg says it is."""

    samples: Samples
    rate: int
    container: str = ""
    codec: str = ""
    channels: int = 1
    format: str = "s16"
    """FFmpeg's name of the samples' type in the file"""

    @property
    def seconds(self) -> float:
        """The duration in seconds."""
        return len(self.samples) / self.rate


def from_pcm(data: bytes, rate: int = RATE) -> Sound:
    """Return s16le samples as a sound; half a sample at the end is dropped."""
    return Sound(np.frombuffer(data[: len(data) // 2 * 2], "<i2"), rate)


def silence(seconds: float, rate: int = 16_000) -> Sound:
    """Return so many seconds of silence."""
    return Sound(np.zeros(round(seconds * rate), np.int16), rate)


def decode(data: bytes, rate: int | None = None) -> Sound:
    """Decode a file, at its own rate or another in Hertz. Raises Failed when it is no sound file."""
    try:
        with av.open(io.BytesIO(data), "r") as container:
            context = container.streams.audio[0].codec_context
            form = context.format.name if context.format else ""
            rate = rate or context.sample_rate
            pcm = b"".join(_resampled(container, rate))
            samples = np.frombuffer(pcm, "<i2")
            return Sound(samples, rate, container.format.name, context.name, context.channels, form)
    except (av.error.FFmpegError, IndexError, ValueError) as exc:
        raise Failed(f"{len(data)} bytes, beginning {data[:12].hex(' ')}, do not decode: {exc}") from exc


def _resampled(container: av.container.InputContainer, rate: int) -> Iterator[bytes]:
    resampler = av.AudioResampler("s16", "mono", rate)
    for frame in container.decode(audio=0):
        yield from map(_bytes, resampler.resample(frame))
    yield from map(_bytes, resampler.resample(None))


def _bytes(frame: av.AudioFrame) -> bytes:
    return bytes(memoryview(frame.planes[0])[: 2 * frame.samples])


def encode(sound: Sound, container: str, codec: str, rate: int) -> bytes:
    """Encode a recording at `rate` Hertz, as a client's recorder would."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = cast(av.AudioStream, out.add_stream(codec, rate=rate, layout="mono"))
        out.start_encoding()
        frame_size = stream.codec_context.frame_size or None
        resampler = av.AudioResampler(stream.format, "mono", rate, frame_size=frame_size)
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(sound.samples))
        frame.sample_rate = sound.rate
        data = sound.samples.tobytes()
        frame.planes[0].update(data + bytes(frame.planes[0].buffer_size - len(data)))
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            part.pts = None
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return file.getvalue()


def edges(sound: Sound) -> tuple[float, float]:
    """Return the silence before and behind the sound, in seconds; its whole duration twice when there is no
    sound.
    """
    loud = np.flatnonzero(_magnitude(sound.samples) > SILENT)
    if not len(loud):
        return sound.seconds, sound.seconds
    return float(loud[0]) / sound.rate, float(len(sound.samples) - 1 - loud[-1]) / sound.rate


def clipped(sound: Sound) -> float:
    """Return the share of samples at full scale."""
    return float(np.count_nonzero(_magnitude(sound.samples) >= CLIPPED)) / max(1, len(sound.samples))


def loudness(sound: Sound) -> float:
    """Return the root mean square of the samples."""
    return math.sqrt(_power(sound.samples))


def clicks(sound: Sound) -> list[float]:
    """Return the moments, in seconds, of steps between samples that stand out from all steps around them."""
    reach = round(CLICK_SECONDS * sound.rate)
    steps = np.abs(np.diff(sound.samples.astype(np.int32)))
    found = []
    for number in np.flatnonzero(steps > CLICK_STEP):
        before = steps[max(0, number - reach) : max(0, number - 2)]
        behind = steps[number + 3 : number + 3 + reach]
        if steps[number] > CLICK_RATIO * max(before.max(initial=0), behind.max(initial=0)):
            found.append(float(number) / sound.rate)
    return found


def timbre(sound: Sound) -> list[float]:
    """Measure a voice, in decibels: its pitch, its highs (its steps), and what ever lower low-pass filters
    leave.
    """
    sound = Sound(sound.samples[: round(ENOUGH_SECONDS * sound.rate)], sound.rate)
    whole = loudness(sound) or 1.0
    summed = np.concatenate([[0.0], np.cumsum(sound.samples, dtype=np.float64)])
    low_passed = ((summed[width:] - summed[:-width]) / width for width in (4, 8, 16, 32, 64))
    steps: Floats = np.diff(sound.samples.astype(np.float64))
    powers = [_power(steps), *map(_power, low_passed)]
    return [
        20 * math.log10(pitch(sound) or 1.0),
        *(10 * math.log10(max(power, 1e-9) / whole**2) for power in powers),
    ]


def distance(one: list[float], other: list[float]) -> float:
    """Return how far two voices are apart, in the decibels of the measure in which they differ most."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def envelope(sound: Sound) -> Floats:
    """Return the loudness of every 20 ms."""
    size = sound.rate // 50
    whole = len(sound.samples) // size
    parts = sound.samples[: whole * size].astype(np.float64).reshape(whole, size)
    return np.asarray(np.sqrt(np.mean(parts**2, axis=1)))


def similarity(one: Sound, other: Sound) -> float:
    """Return how alike two recordings are in words and pace: the correlation of their envelopes, 0 when
    lengths differ.

    Encoders put some silence before what they encode, so the best of shifts up to 120 ms counts.
    """
    if abs(one.seconds - other.seconds) > 0.2 + 0.06 * max(one.seconds, other.seconds):
        return 0.0
    first, second = envelope(one), envelope(other)
    return max(_shifted(first, second, shift) for shift in range(-6, 7))


def _shifted(one: Floats, other: Floats, shift: int) -> float:
    one, other = one[max(0, shift) :], other[max(0, -shift) :]
    length = min(len(one), len(other))
    return _correlation(one[:length], other[:length])


def _correlation(one: Floats, other: Floats) -> float:
    if not len(one):
        return 0.0
    one, other = one - one.mean(), other - other.mean()
    bottom = math.sqrt(float(one @ one) * float(other @ other))
    return float(one @ other) / bottom if bottom else 0.0


def pitch(sound: Sound) -> float:
    """Return the median pitch of the voiced parts, in Hertz, by autocorrelation at 6 kHz; 0 when there are
    none.
    """
    step = max(1, sound.rate // 6000)
    samples, rate = sound.samples[::step], sound.rate / step
    size = int(rate / 20)
    parts = (samples[start : start + 2 * size] for start in range(0, len(samples) - 2 * size, size))
    loud = (part for part in parts if _magnitude(part).max(initial=0) >= VOICED_PEAK)
    found = sorted(rate / lag for part in loud if (lag := _period(part, rate)))
    return found[len(found) // 2] if found else 0.0


def _period(part: Samples, rate: float) -> int:
    """Return the samples after which a part repeats itself; 0 when it hardly does, as consonants do."""
    size = len(part) // 2
    values = part.astype(np.float64)
    still = values[:size]
    summed = np.concatenate([[0.0], np.cumsum(values**2)])
    scores = {}
    for lag in range(int(rate / 400), int(rate / 60)):
        powers = summed[size] * (summed[lag + size] - summed[lag])
        scores[lag] = float(still @ values[lag : lag + size]) / math.sqrt(powers or 1.0)
    best = max(scores.values())
    if best < 0.7:
        return 0
    peaks = (lag for lag in scores if scores.get(lag - 1, 2.0) <= scores[lag] >= scores.get(lag + 1, 2.0))
    return next((lag for lag in peaks if scores[lag] > 0.9 * best), 0)


def _magnitude(samples: Samples) -> NDArray[np.int32]:
    """Return absolute values, -32768's too."""
    return np.abs(samples.astype(np.int32))


def _power(samples: Samples | Floats) -> float:
    """Return the mean of the squares."""
    return float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
