"""Where an engine's work goes: what it makes, and the sign that it still works.

Each of these functions raises Stop once nobody wants the rest. An engine lets it pass: whoever called the
engine catches it.
"""

from __future__ import annotations

from typing import Protocol

from engines.api.jobs import TranscriptSegment, Word


class Stop(Exception):
    """Nobody wants the rest of the job."""


class Output(Protocol):
    """What all work can say: loading, prompts, speech and transcription."""

    def beat(self, progress: float | None = None) -> None:
        """Say that the work goes on. Raises Stop.

        Call it as often as you like, at least every few seconds where nothing else is given: it costs next to
        nothing, as at most one beat a second leaves the process. Work that is silent for longer than the
        gateway's `stall_timeout` counts as hung. `progress` is how much is done: of a recording the seconds,
        of other work a share of 1.
        """
        ...


class SpeechOutput(Output, Protocol):
    """What a speech job makes."""

    def audio(self, pcm: bytes) -> None:
        """Give audio: s16le mono at SpeechCapabilities.sample_rate, in whole samples. Raises Stop."""
        ...

    def word(self, word: Word) -> None:
        """Give a word, before the audio in which it begins. Raises Stop."""
        ...


class TranscriptionOutput(Output, Protocol):
    """What a transcription makes."""

    def segment(self, segment: TranscriptSegment) -> None:
        """Give a stretch of the transcript, which is final. Raises Stop."""
        ...
