"""The options of a transcription job as Whisper takes them: its languages, and its temperatures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from engines.api import TranscriptionJob
from engines.errors import Unsupported

ENGLISH = "en"
ISO_CODES = {"jw": "jv"}
"""the ISO codes of languages for which Whisper has a code of its own"""
TEMPERATURE_STEP = 0.2


def iso_codes(model_codes: Iterable[str]) -> dict[str, str]:
    """Return a model's own language codes by their ISO codes; English alone where it names none."""
    return {ISO_CODES.get(code, code): code for code in model_codes} or {ENGLISH: ENGLISH}


def check_job(job: TranscriptionJob, model: str, languages: Mapping[str, str]) -> None:
    """Check that a model knows a job's language. Raises Unsupported."""
    if job.language is not None and job.language not in languages:
        raise Unsupported(
            f"The model '{model}' does not know the language '{job.language}'.", param="language"
        )


def fallback_temperatures(lowest: float) -> tuple[float, ...]:
    """Return the temperatures to try in turn, from the lowest up to 1, as OpenAI's own program does."""
    count = 1 + math.floor((1 - lowest) / TEMPERATURE_STEP + 1e-6)
    return tuple(round(lowest + TEMPERATURE_STEP * step, 6) for step in range(count)) or (lowest,)
