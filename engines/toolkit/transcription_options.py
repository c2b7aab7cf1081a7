"""What both ways of running Whisper have in common: the terms of a job."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping

from engines.api import TranscriptionJob
from engines.errors import Unsupported

ENGLISH = "en"
STANDARD = {"jw": "jv"}
"""Whisper's codes that are not the standard's"""
STEP = 0.2
PUNCTUATION = " \"'“”‘’«»‹›¡!¿?.。．,，、;；:：…()（）[]{}「」『』-–—"
"""what is no part of a word at its edges"""
LEAST = 1e-10
"""a probability may underflow to nothing"""


def iso(codes: Iterable[str]) -> dict[str, str]:
    """Give the languages by their ISO codes, with a model's own; English alone where it names none."""
    return {STANDARD.get(code, code): code for code in codes} or {ENGLISH: ENGLISH}


def refuse(job: TranscriptionJob, model: str, languages: Mapping[str, str], *, translates: bool) -> None:
    """Refuse a job that the model cannot do. Raises Unsupported."""
    if job.language is not None and job.language not in languages:
        raise Unsupported(
            f"The model '{model}' does not know the language '{job.language}'.", param="language"
        )
    if job.translate and not translates:
        raise Unsupported(f"The model '{model}' does not translate: it knows only English.", param="model")


def temperatures(lowest: float) -> tuple[float, ...]:
    """Give the temperatures that are tried in turn, as OpenAI's own program does: from the one asked for up
    to 1.
    """
    return tuple(
        round(lowest + STEP * number, 6) for number in range(1 + math.floor((1 - lowest) / STEP + 1e-6))
    ) or (lowest,)


def bare(word: str) -> str:
    """Give a word without spaces and punctuation; nothing when it is no word."""
    return word.strip(PUNCTUATION)


def logarithm(probability: float) -> float:
    """Give the logarithm of a probability, which rounding may have pushed out of its range."""
    return math.log(min(1.0, max(LEAST, probability)))


def usable_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
