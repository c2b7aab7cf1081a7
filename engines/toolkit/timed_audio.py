"""Send the audio of a job in parts, and each word before the audio in which it begins."""

from __future__ import annotations

from collections.abc import Sequence

from engines.api import BYTES_PER_SAMPLE, SpeechOutput, Word


class TimedAudio:
    """The audio of one job, sent a second at a time. Each of its functions may raise Stop."""

    def __init__(self, out: SpeechOutput, rate: int) -> None:
        self._out = out
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
            for word in due:
                self._out.word(word)
            self._out.audio(part)

    def beat(self) -> None:
        """Say that the work goes on."""
        self._out.beat()
