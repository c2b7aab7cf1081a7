"""`mimic`, an engine that clones in a way that can be measured: what it speaks has the spectral centroid of
the voice's samples.

Every word is 120 ms of a tone at that frequency, give or take 2 % by the word, in an envelope that fades in
and out. A designed voice gets a frequency from the words of its description. Presets can be
mixed, by weighted mean of their frequencies. A word with IPA of its own sounds 20 % higher. Off by default;
for tests, demonstrations and conformance.
"""

from __future__ import annotations

import math
import re
import zlib
from array import array

from engines.api import (
    BYTES_PER_SAMPLE,
    CloningCapabilities,
    EngineInfo,
    Output,
    Place,
    PromptJob,
    Setting,
    SpeechCapabilities,
    SpeechJob,
    SpeechOutput,
    Voice,
    Word,
)
from engines.errors import BadAudio, BadInput
from engines.fakes.sine import AMPLITUDE, RATE

WORD_SECONDS = 0.1
GAP_SECONDS = 0.02
SIZES = {"small": 1.5, "grown": 1.0, "giant": 0.75}
"""factors of the frequency, by the setting `size`"""
SETTINGS = (
    Setting("size", default="grown", choices=tuple(SIZES), about="of who speaks: the smaller, the higher"),
    Setting("octaves", 0, 2, 0, "by which all sounds higher", whole=True),
)
PRESETS = {"low": 400.0, "mid": 1000.0, "high": 2500.0}
"""Hertz"""
LOWEST = 200.0
"""Hertz, of any cloned voice"""
HIGHEST = 6000.0
"""Hertz, of any cloned voice"""
FRAME = 1024
"""samples that a spectrum is measured of"""
KEY = "centroid"
"""of the frequency in a voice prompt"""
LAUGH = "[laugh]"
"""a mark, which is heard as one high tone"""
LAUGH_RISE = 2.0
IPA_RISE = 1.2
"""by which a word with IPA sounds higher"""


class Cloner:
    """The engine `mimic`. Options: `longest_text` and `longest_seconds` that it takes at once; 0: any."""

    def __init__(self, longest_text: int = 0, longest_seconds: float = 0.0) -> None:
        self._longest_text = longest_text
        self._longest_seconds = longest_seconds

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Return what it can do."""
        return EngineInfo(
            name="mimic",
            version="1",
            licence="Apache-2.0",
            models=("mimic",),
            voices=tuple(Voice(name, f"Mimic {name}", ("en",), "neutral") for name in PRESETS),
            characters={},
            speech=SpeechCapabilities(
                RATE,
                ("en",),
                words="durations",
                cloning=CloningCapabilities(RATE, shortest=FRAME / RATE),
                design=True,
                mixing=True,
                ipa=True,
                settings=SETTINGS,
                marks=(re.escape(LAUGH),),
                longest_text=self._longest_text,
                longest_seconds=self._longest_seconds,
            ),
        )

    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Return the centroid of all samples together, in safetensors. Raises BadAudio."""
        import numpy as np
        from safetensors.numpy import save

        hertz = centroid(array("h", b"".join(sample.pcm for sample in job.samples)))
        return save({KEY: np.array([min(HIGHEST, max(LOWEST, hertz))], dtype=np.float32)})

    def open_prompt(self, data: bytes) -> float:
        """Return the frequency in a voice prompt. Raises BadInput."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            return float(load(data)[KEY][0])
        except (SafetensorError, KeyError) as exc:
            raise BadInput("This voice prompt is not one of mine.", param="voice") from exc

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Play the words. Raises BadInput."""
        if self._longest_text and len(job.text) > self._longest_text:
            raise BadInput(f"I take {self._longest_text} characters at once.", param="input")
        base = frequency(job) * SIZES[str(job.settings.get("size", "grown"))]
        base *= 2.0 ** float(job.settings.get("octaves", 0))
        seconds = 0.0
        for match in re.finditer(r"\S+", job.text):
            has_ipa = any(start < match.end() and match.start() < end for start, end, _ in job.ipa)
            rise = IPA_RISE if has_ipa else 1.0
            if match[0] == LAUGH:
                rise = LAUGH_RISE
            deviation = zlib.crc32(match[0].lower().encode()) % 41 / 1000 - 0.02
            gap = bytes(BYTES_PER_SAMPLE * round(GAP_SECONDS * RATE))
            pcm = _tone(base * rise * (1 + deviation), WORD_SECONDS) + gap
            out.word(Word(match.start(), match.end(), seconds, seconds + WORD_SECONDS))
            out.audio(pcm)
            seconds += WORD_SECONDS + GAP_SECONDS


def frequency(job: SpeechJob) -> float:
    """Return the frequency of a job's voice, in Hertz. Raises BadInput."""
    if job.prompt:
        return float(job.prompt.opened)
    if job.design:
        return LOWEST + zlib.crc32(job.design.encode()) % 3000
    mix = job.mix or ((job.voice, 1.0),)
    if unknown := [name for name, _ in mix if name not in PRESETS]:
        raise BadInput(f"There is no voice '{unknown[0]}'.", param="voice")
    return sum(PRESETS[name] * weight for name, weight in mix)


def centroid(samples: array[int]) -> float:
    """Return the mean frequency of a sound, weighted by power: frames of 1,024 samples at 24 kHz, Hann
    window.

    Raises BadAudio.
    """
    import numpy as np

    count = len(samples) // FRAME
    if not count:
        raise BadAudio("The sample is too short.")
    frames = np.array(samples[: count * FRAME], dtype=np.float64).reshape(count, FRAME) * np.hanning(FRAME)
    power = (np.abs(np.fft.rfft(frames)) ** 2).sum(axis=0)
    if not power.sum():
        raise BadAudio("The sample is silent.")
    return float((np.fft.rfftfreq(FRAME, 1 / RATE) * power).sum() / power.sum())


def _tone(frequency: float, seconds: float) -> bytes:
    """Return PCM of a tone in an envelope of half a sine."""
    count = round(seconds * RATE)
    step = 2 * math.pi * frequency / RATE
    tone = (round(AMPLITUDE * math.sin(math.pi * i / count) * math.sin(step * i)) for i in range(count))
    return array("h", tone).tobytes()
