"""The sounds that the tiny Whisper hears, and what it writes for each; they can be made without torch.

They are vowels that swell six times a second, which Silero's network finds to be speech.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
BYTES_PER_SECOND = 2 * RATE
"""of PCM"""
VOWELS = {
    "hello": (80, (390, 2300, 2850)),
    "count": (160, (270, 2290, 3010)),
    "morgen": (110, (235, 2100, 2800)),
}
"""pitch and formants of each sound, in Hertz"""
TRANSCRIPTS = {"hello": "Hello world.", "count": "Testing one two three.", "morgen": "Guten Morgen zusammen."}
TRANSLATIONS = TRANSCRIPTS | {"morgen": "Good morning everyone."}


def sound(name: str, seconds: float) -> bytes:
    """Return PCM of one of the sounds, s16le mono at 16 kHz."""
    return _vowel(name)[: round(seconds * RATE)].tobytes()


def silence(seconds: float) -> bytes:
    """Return PCM of digital silence."""
    return bytes(2 * round(seconds * RATE))


def noise(seconds: float, loudness: float = 0.1) -> bytes:
    """Return PCM of white noise."""
    drawn = np.random.default_rng(0).standard_normal(round(seconds * RATE))
    return (drawn * loudness * 32767).clip(-32768, 32767).astype("<i2").tobytes()


def samples(pcm: bytes) -> NDArray[np.float32]:
    """Return PCM as float samples, which the library takes."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)


@lru_cache(8)
def _vowel(name: str) -> NDArray[np.int16]:
    """Return the samples of a minute of a sound."""
    pitch, formants = VOWELS[name]
    time = np.arange(60 * RATE) / RATE
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time))) / RATE
    wave = np.zeros(len(time))
    for number in range(1, 6500 // pitch):
        loudness = sum(
            1 / (1 + ((number * pitch - formant) / (60 + 0.05 * formant)) ** 2) for formant in formants
        )
        wave += loudness / number**0.3 * np.sin(number * phase)
    wave *= 0.1 + 0.9 * np.abs(np.sin(np.pi * 6 * time))
    loudest: float = np.abs(wave).max()
    return (0.3 * 32767 * wave / loudest).astype(np.int16)
