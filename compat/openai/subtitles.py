"""Transcripts as text, SubRip and WebVTT, as OpenAI writes them but for what players would swallow."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from engines.api import TranscriptSegment

ARROW = re.compile("-{2,}>")
"""what a reader of subtitles would take for a cue's times"""
SRT_MARKUP = re.compile(r"<(?=.*>)|\{(?=\\)|\\(?=[Nnh])")
"""the first character of what players take for a tag in SubRip, which has no way to write it otherwise"""
WORD_JOINER = "\u2060"
"""unseen, and without width"""


def text(segments: Sequence[TranscriptSegment]) -> str:
    """Write the transcript and one newline; scripts without spaces have none between segments either."""
    words = (" " * segment.space_before + segment.text for segment in segments if segment.text)
    return "".join(words).strip() + "\n"


def srt(segments: Sequence[TranscriptSegment]) -> str:
    """Write SubRip: numbered cues, commas in times, one more newline at the very end.

    What a player would take for a tag is broken by an unseen character.
    """
    cues = [
        f"{number}\n{start} --> {end}\n{_srt_text(line)}\n\n"
        for number, (start, end, line) in enumerate(_cues(segments, ","), 1)
    ]
    return "".join(cues) + "\n"


def vtt(segments: Sequence[TranscriptSegment]) -> str:
    """Write WebVTT: no cue ids, hours always there, and `&`, `<` and `>` as the format wants them."""
    return "WEBVTT\n\n" + "".join(
        f"{start} --> {end}\n{html.escape(line, quote=False)}\n\n"
        for start, end, line in _cues(segments, ".")
    )


def _srt_text(line: str) -> str:
    return SRT_MARKUP.sub(rf"\g<0>{WORD_JOINER}", ARROW.sub("->", line))


def _cues(segments: Sequence[TranscriptSegment], mark: str) -> Iterator[tuple[str, str, str]]:
    """Return each cue's times and its text on one line; no cue ends as it begins, as none is shown then."""
    for segment in segments:
        line = " ".join(segment.text.split())
        if line:
            start = max(0, round(segment.start * 1000))
            yield _time(start, mark), _time(max(start + 1, round(segment.end * 1000)), mark), line


def _time(milliseconds: int, mark: str) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{mark}{thousandths:03}"
