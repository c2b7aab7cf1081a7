"""Segments of a request's text, none longer than its engine takes."""

from __future__ import annotations

from collections.abc import Iterator

from engines.api import SpeechCapabilities
from gateway.config.settings import SpeechSettings
from gateway.services.respelling import Respeller
from streaming.text.duration import LETTER_SECONDS, estimate_duration
from streaming.text.fitting import fitted
from streaming.text.marks import Marks
from streaming.text.segments import Segment, split_text

CERTAIN_SHARE = 0.8
"""of the longest audio that an engine makes: how long a text takes is an estimate"""


def segments_of(
    text: str,
    language: str | None,
    capabilities: SpeechCapabilities,
    speed: float,
    settings: SpeechSettings,
    respeller: Respeller,
    marks: Marks,
) -> Iterator[Segment]:
    """Return the segments of a text as the settings want them, cut further where the engine takes less: as it
    gets them, with pronunciations and marks.
    """
    most = capabilities.longest_text
    longest = CERTAIN_SHARE * capabilities.longest_seconds

    def fits(part: str) -> bool:
        read = respeller.respelling(part)
        if most and len(marks.restored(read).text) > most:
            return False
        return not longest or estimate_duration(marks.said(read), speed=speed).expected <= longest

    limits = (settings.segment, most, int(longest * speed / LETTER_SECONDS))
    limit = min(filter(None, limits))
    segments = split_text(text, language=language, first_limit=settings.first_segment, limit=limit)
    return fitted(segments, fits) if most or longest else segments
