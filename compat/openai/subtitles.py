"""Transcripts as text, SubRip and WebVTT, exactly as OpenAI writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from engines.api import TranscriptSegment

ARROW = re.compile("-{2,}>")
"""what a reader of subtitles would take for a cue's times"""


def text(segments: Sequence[TranscriptSegment]) -> str:
    """Write the transcript and one newline; scripts without spaces have none between segments either."""
    words = (" " * segment.space_before + segment.text for segment in segments if segment.text)
    return "".join(words).strip() + "\n"


def srt(segments: Sequence[TranscriptSegment]) -> str:
    """Write SubRip: numbered cues, commas in times, one more newline at the very end."""
    cues = [
        f"{number}\n{start} --> {end}\n{line}\n\n"
        for number, (start, end, line) in enumerate(_cues(segments, ","), 1)
    ]
    return "".join(cues) + "\n"


def vtt(segments: Sequence[TranscriptSegment]) -> str:
    """Write WebVTT: no cue ids, hours always there."""
    return "WEBVTT\n\n" + "".join(
        f"{start} --> {end}\n{line}\n\n" for start, end, line in _cues(segments, ".")
    )


def _cues(segments: Sequence[TranscriptSegment], mark: str) -> Iterator[tuple[str, str, str]]:
    """Return each cue's times and its text on one line; what would read as an arrow in it is made
    harmless.
    """
    for segment in segments:
        line = " ".join(segment.text.split())
        line = ARROW.sub("->", line)
        if line:
            start = max(0, round(segment.start * 1000))
            yield _time(start, mark), _time(max(start, round(segment.end * 1000)), mark), line


def _time(milliseconds: int, mark: str) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{mark}{thousandths:03}"
