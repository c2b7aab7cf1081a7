"""Send the audio of a job in parts, and each word before the audio in which it begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engines.api import BYTES_PER_SAMPLE, Audio, SpeechEvent, Word

Send = Callable[[SpeechEvent], None]


class TimedAudio:
    """The audio of one job, sent a second at a time. `send` may raise Stop."""

    def __init__(self, send: Send, rate: int) -> None:
        self._send = send
        self._rate = rate
        self._samples = 0

    @property
    def seconds(self) -> float:
        """How much was sent."""
        return self._samples / self._rate

    def send(self, audio: bytes, words: Sequence[Word] = ()) -> None:
        """Send audio, s16le; the words in it have times from the job's first sample."""
        size = BYTES_PER_SAMPLE * self._rate
        for start in range(0, len(audio), size):
            part = audio[start : start + size]
            self._samples += len(part) // BYTES_PER_SAMPLE
            is_last = start + size >= len(audio)
            due = [word for word in words if is_last or word.time < self.seconds]
            words = words[len(due) :]
            events: list[SpeechEvent] = [*due, Audio(part)]
            for event in events:
                self._send(event)

    def check(self) -> None:
        """Raise Stop once nobody wants the rest."""
        self._send(Audio(b""))
