"""Recordings of the tiny Whisper's sounds, and their transcripts, for the tests of both Whispers."""

from __future__ import annotations

from collections.abc import Iterator

from outputs import run_transcription
from tiny_whisper_sounds import BYTES_PER_SECOND, TRANSCRIPTS, silence, sound

from engines.api import Transcriber, TranscriptionEvent, TranscriptionJob, TranscriptSegment

SoundSequence = list[tuple[str, float]]
"""sounds, and the seconds of each"""
TimedText = tuple[str, float, float]
"""text, start, end"""
GAP_SECONDS = 0.6
LONG_SEQUENCE: SoundSequence = [
    ("hello", 5), ("count", 6), ("morgen", 4), ("count", 7), ("hello", 6), ("morgen", 5), ("hello", 7), ("count", 8),
    ("morgen", 6), ("hello", 6), ("count", 5),
]  # fmt: skip
"""more than seventy seconds of sounds"""


def transcribe(
    engine: Transcriber, pcm: bytes, job: TranscriptionJob | None = None, size: int = BYTES_PER_SECOND // 10
) -> list[TranscriptionEvent]:
    """Return the events of a transcription of PCM that comes in chunks of `size` bytes."""
    events: list[TranscriptionEvent] = []
    chunks = (pcm[start : start + size] for start in range(0, len(pcm), size))

    def emit(event: TranscriptionEvent) -> bool:
        events.append(event)
        return True

    run_transcription(engine, job or TranscriptionJob(), chunks, emit)
    return events


def segments_of(events: list[TranscriptionEvent]) -> list[TranscriptSegment]:
    """Return the segments among events."""
    return [event for event in events if isinstance(event, TranscriptSegment)]


def texts(events: list[TranscriptionEvent]) -> list[str]:
    """Return the segments' texts."""
    return [segment.text for segment in segments_of(events)]


def sound_sequence(parts: SoundSequence, gap: float = GAP_SECONDS) -> bytes:
    """Return PCM of sounds one after another, with silence behind each."""
    return b"".join(sound(name, seconds) + silence(gap) for name, seconds in parts)


def timed_texts(events: list[TranscriptionEvent]) -> list[TimedText]:
    """Return the segments' texts and times."""
    return [(segment.text, segment.start, segment.end) for segment in segments_of(events)]


def are_near(one: list[TimedText], other: list[TimedText], seconds: float) -> bool:
    """Return whether two transcripts have the same texts at the same times, up to `seconds`."""
    return [text for text, _, _ in one] == [text for text, _, _ in other] and all(
        abs(first - second) <= seconds
        for a, b in zip(one, other, strict=True)
        for first, second in zip(a[1:], b[1:], strict=True)
    )


def expected_texts(parts: SoundSequence, start: float = 0.0) -> Iterator[TimedText]:
    """Yield the texts and times of a `sound_sequence` that begins at `start`."""
    for name, seconds in parts:
        yield TRANSCRIPTS[name], start, start + seconds
        start += seconds + GAP_SECONDS
