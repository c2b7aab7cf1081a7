"""What the tests of both Whispers share: recordings of the tiny model's sounds, and what is heard of them."""

from __future__ import annotations

from collections.abc import Iterator

from tiny_whisper import SAID, SECOND, silence, sound

from engines.api import Transcriber, TranscriptionEvent, TranscriptionJob, TranscriptSegment

Parts = list[tuple[str, float]]
"""sounds, and how many seconds of each"""
Said = tuple[str, float, float]
"""text, begin, end"""
GAP = 0.6
LONG: Parts = [
    ("hello", 5), ("count", 6), ("morgen", 4), ("count", 7), ("hello", 6), ("morgen", 5), ("hello", 7), ("count", 8),
    ("morgen", 6), ("hello", 6), ("count", 5),
]  # fmt: skip
"""more than seventy seconds"""


def hear(
    engine: Transcriber, pcm: bytes, job: TranscriptionJob | None = None, size: int = SECOND // 10
) -> list[TranscriptionEvent]:
    """Transcribe PCM that comes in chunks of `size` bytes."""
    events: list[TranscriptionEvent] = []
    chunks = (pcm[start : start + size] for start in range(0, len(pcm), size))

    def emit(event: TranscriptionEvent) -> bool:
        events.append(event)
        return True

    engine.transcribe(job or TranscriptionJob(), chunks, emit)
    return events


def heard(events: list[TranscriptionEvent]) -> list[TranscriptSegment]:
    """Give the segments among events."""
    return [event for event in events if isinstance(event, TranscriptSegment)]


def texts(events: list[TranscriptionEvent]) -> list[str]:
    """Give the segments' texts."""
    return [segment.text for segment in heard(events)]


def sounds(parts: Parts, gap: float = GAP) -> bytes:
    """Make sounds one after another."""
    return b"".join(sound(name, seconds) + silence(gap) for name, seconds in parts)


def found(events: list[TranscriptionEvent]) -> list[Said]:
    """Give what was heard, and when."""
    return [(segment.text, segment.start, segment.end) for segment in heard(events)]


def near(one: list[Said], other: list[Said], seconds: float) -> bool:
    """Tell whether the same is said at the same times, give or take some seconds."""
    return [text for text, _, _ in one] == [text for text, _, _ in other] and all(
        abs(first - second) <= seconds
        for a, b in zip(one, other, strict=True)
        for first, second in zip(a[1:], b[1:], strict=True)
    )


def wanted(parts: Parts, start: float = 0.0) -> Iterator[Said]:
    """Give what is said in `sounds`, and when."""
    for name, seconds in parts:
        yield SAID[name], start, start + seconds
        start += seconds + GAP
