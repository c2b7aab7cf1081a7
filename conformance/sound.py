"""Decode and measure what a server sends, with FFmpeg's decoders and the standard library."""

from __future__ import annotations

import io
import math
from array import array
from collections.abc import Iterable, Iterator
from itertools import accumulate
from operator import mul, sub
from typing import cast

import av
import msgspec

from conformance.registry import Failed

RATE = 24_000
SILENT = 160
"""of 32767: quieter than this is silence"""
CLIPPED = 32_700
ENOUGH = 3.0
"""seconds of speech that show a voice"""


class Sound(msgspec.Struct):
    """A decoded file: mono samples at `rate` Hertz, and what FFmpeg says it is."""

    samples: array[int]
    rate: int
    container: str = ""
    codec: str = ""
    channels: int = 1
    format: str = "s16"
    """FFmpeg's name of the samples' type in the file"""

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate


def from_pcm(data: bytes, rate: int = RATE) -> Sound:
    """Take s16le samples as they are."""
    samples = array("h")
    samples.frombytes(data[: len(data) // 2 * 2])
    return Sound(samples, rate)


def decode(data: bytes, rate: int | None = None) -> Sound:
    """Decode a file, at its own rate or another. Raises Failed when it is no sound file."""
    try:
        with av.open(io.BytesIO(data), "r") as container:
            stream = container.streams.audio[0]
            context = stream.codec_context
            form = context.format.name if context.format else ""
            sound = Sound(
                array("h"),
                rate or context.sample_rate,
                container.format.name,
                context.name,
                context.channels,
                form,
            )
            for pcm in _resampled(container, sound.rate):
                sound.samples.frombytes(pcm)
            return sound
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
    """Encode a recording, as a client's recorder would."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = cast(av.AudioStream, out.add_stream(codec, rate=rate, layout="mono"))
        out.start_encoding()
        resampler = av.AudioResampler(
            stream.format, "mono", rate, frame_size=stream.codec_context.frame_size or None
        )
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(sound.samples))
        frame.sample_rate = sound.rate
        data = sound.samples.tobytes()
        frame.planes[0].update(data + bytes(frame.planes[0].buffer_size - len(data)))
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            piece.pts = None
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return file.getvalue()


def edges(sound: Sound) -> tuple[float, float]:
    """Give the silence before and behind the sound, in seconds; all of it twice when there is none."""
    loud = [number for number, sample in enumerate(sound.samples) if abs(sample) > SILENT]
    if not loud:
        return sound.seconds, sound.seconds
    return loud[0] / sound.rate, (len(sound.samples) - 1 - loud[-1]) / sound.rate


def clipped(sound: Sound) -> float:
    """Give the share of samples at full scale."""
    return sum(1 for sample in sound.samples if abs(sample) >= CLIPPED) / max(1, len(sound.samples))


def loudness(sound: Sound) -> float:
    """Give the root mean square of the samples."""
    return math.sqrt(sum(sample * sample for sample in sound.samples) / max(1, len(sound.samples)))


def clicks(sound: Sound) -> list[float]:
    """Find jumps: a step between samples above 1,000 and three times all steps in the 3 ms around it. Gives
    their seconds.

    Steps of speech, plosives included, come among others of their size: the largest ratio found in recordings
    is 2.3.
    """
    reach, samples = round(0.003 * sound.rate), sound.samples
    steps = [abs(samples[number] - samples[number - 1]) for number in range(1, len(samples))]
    found = []
    for number, step in enumerate(steps):
        if step > 1000:
            around = (
                steps[max(0, number - reach) : max(0, number - 2)] + steps[number + 3 : number + 3 + reach]
            )
            if step > 3 * max(around, default=0):
                found.append(number / sound.rate)
    return found


def timbre(sound: Sound) -> list[float]:
    """Measure a voice, in decibels: its pitch, its highs (its steps), and what ever lower low-pass filters
    leave.
    """
    sound = Sound(sound.samples[: round(ENOUGH * sound.rate)], sound.rate)
    whole, run = loudness(sound) or 1.0, [0, *accumulate(sound.samples)]
    steps = map(sub, sound.samples[1:], sound.samples)
    bands = [
        _power(steps),
        *(
            _power((b - a) / width for a, b in zip(run, run[width:], strict=False))
            for width in (4, 8, 16, 32, 64)
        ),
    ]
    return [
        20 * math.log10(pitch(sound) or 1.0),
        *(10 * math.log10(max(band, 1e-9) / whole**2) for band in bands),
    ]


def _power(samples: Iterable[float]) -> float:
    squares = [sample * sample for sample in samples]
    return sum(squares) / max(1, len(squares))


def distance(one: list[float], other: list[float]) -> float:
    """Give how far two voices are from each other, in the decibels of the measure in which they differ most."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def _peak(samples: array[int]) -> int:
    return max(map(abs, samples), default=0)


def envelope(sound: Sound) -> list[float]:
    """Give the loudness of every 20 ms."""
    size = sound.rate // 50
    pieces = (sound.samples[start : start + size] for start in range(0, len(sound.samples) - size + 1, size))
    return [math.sqrt(sum(sample * sample for sample in piece) / size) for piece in pieces]


def similarity(one: Sound, other: Sound) -> float:
    """Tell whether two recordings say the same in the same pace: the correlation of their envelopes, 0 when
    lengths differ.

    Encoders put some silence before what they encode, so the better of shifts up to 120 ms counts.
    """
    if abs(one.seconds - other.seconds) > 0.2 + 0.06 * max(one.seconds, other.seconds):
        return 0.0
    first, second = envelope(one), envelope(other)
    return max(_shifted(first, second, shift) for shift in range(-6, 7))


def _shifted(one: list[float], other: list[float], shift: int) -> float:
    one, other = one[max(0, shift) :], other[max(0, -shift) :]
    length = min(len(one), len(other))
    return _correlation(one[:length], other[:length])


def _correlation(one: list[float], other: list[float]) -> float:
    if not one:
        return 0.0
    mean_one, mean_other = sum(one) / len(one), sum(other) / len(other)
    top = sum((a - mean_one) * (b - mean_other) for a, b in zip(one, other, strict=True))
    bottom = math.sqrt(sum((a - mean_one) ** 2 for a in one) * sum((b - mean_other) ** 2 for b in other))
    return top / bottom if bottom else 0.0


def pitch(sound: Sound) -> float:
    """Estimate the median pitch of the voiced parts, in Hertz, by autocorrelation at 6 kHz; 0 when there are
    none.
    """
    step = max(1, sound.rate // 6000)
    samples, rate = sound.samples[::step], sound.rate / step
    size = int(rate / 20)
    pieces = (samples[start : start + 2 * size] for start in range(0, len(samples) - 2 * size, size))
    found = sorted(rate / lag for piece in pieces if _peak(piece) >= 1000 and (lag := _period(piece, rate)))
    return found[len(found) // 2] if found else 0.0


def _period(piece: array[int], rate: float) -> int:
    """Give the samples after which a piece repeats itself; 0 when it hardly does, as consonants do."""
    size = len(piece) // 2
    still, run = piece[:size], [0, *accumulate(map(mul, piece, piece))]
    scores = {}
    for lag in range(int(rate / 400), int(rate / 60)):
        powers = run[size] * (run[lag + size] - run[lag])
        scores[lag] = sum(map(mul, still, piece[lag:])) / math.sqrt(powers or 1.0)
    best = max(scores.values())
    if best < 0.7:
        return 0
    peaks = (lag for lag in scores if scores.get(lag - 1, 2.0) <= scores[lag] >= scores.get(lag + 1, 2.0))
    return next((lag for lag in peaks if scores[lag] > 0.9 * best), 0)


def silence(seconds: float, rate: int = 16_000) -> Sound:
    """Make silence."""
    return Sound(array("h", bytes(2 * round(seconds * rate))), rate)
