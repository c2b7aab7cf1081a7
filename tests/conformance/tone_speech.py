"""Tones in place of words: a voice is a pitch, words are recognised by their lengths, and a full stop is a
pause.
"""

from __future__ import annotations

import base64
import json
import re
import struct

import numpy as np
from numpy.typing import NDArray

from conformance import sound

VOICES = [
    "alloy",
    "ash",
    "ballad",
    "cedar",
    "coral",
    "echo",
    "fable",
    "marin",
    "nova",
    "onyx",
    "sage",
    "shimmer",
    "verse",
]
KINDS = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
ENCODERS = {"mp3": ("mp3", "libmp3lame", 24_000), "opus": ("ogg", "libopus", 48_000), "aac": ("adts", "aac", 24_000),
            "flac": ("flac", "flac", 24_000)}  # fmt: skip
PAUSE = 0.2


def spoken(text: str, voice: str, speed: float) -> NDArray[np.int16]:
    """Return a text's audio, at 24 kHz."""
    pitch = 90.0 * 1.07 ** VOICES.index(voice)
    pieces: list[NDArray[np.float64]] = []
    for sentence in re.split(r"(?<=[.!?…。])\s*", text):
        for number, word in enumerate(sentence.split()):
            pieces += [
                _tone(pitch, (0.03 + 0.03 * len(word)) / speed, 5000 + 900 * (number % 3)),
                np.zeros(int(600 / speed)),
            ]
        pieces.append(np.zeros(int(24_000 * PAUSE / speed)))
    return np.concatenate(pieces).astype(np.int16)


def _tone(pitch: float, seconds: float, loudness: float) -> NDArray[np.float64]:
    moments = np.arange(int(seconds * 24_000)) / 24_000
    edge = np.clip(np.minimum(moments, moments[::-1]) / 0.005, 0, 1)
    wave = np.sin(2 * np.pi * pitch * moments) + 0.4 * np.sin(4 * np.pi * pitch * moments)
    return np.asarray(loudness * edge * wave, dtype=np.float64)


def encoded(pcm: NDArray[np.int16], form: str) -> bytes:
    """Encode as asked."""
    data = pcm.astype("<i2").tobytes()
    if form == "pcm":
        return data
    if form == "wav":
        return wav_header() + data
    return sound.encode(sound.Sound(pcm.astype(np.int16), 24_000), *ENCODERS[form])


def wav_header(rate: int = 24_000, size: int = 0xFFFFFFFF) -> bytes:
    """Return a header with open sizes."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", size, b"WAVE", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16, b"data", size
    )


def events(data: bytes, characters: int) -> bytes:
    """Return a file's events."""
    pieces = [base64.b64encode(data[start : start + 4096]).decode() for start in range(0, len(data), 4096)]
    usage = {"input_tokens": characters // 4 + 1, "output_tokens": 9, "total_tokens": characters // 4 + 10}
    records: list[dict[str, object]] = [{"type": "speech.audio.delta", "audio": piece} for piece in pieces]
    return framed([*records, {"type": "speech.audio.done", "usage": usage}])


def framed(records: list[dict[str, object]]) -> bytes:
    """Return events as OpenAI writes them, [DONE] last."""
    lines = [*(json.dumps(record, separators=(",", ":")) for record in records), "[DONE]"]
    return "".join(f"data: {line}\r\n\r\n" for line in lines).encode()
