"""What the models of an architecture for transcription offer, and what they have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
import torch

from engines.adapters.transformers_models.checkpoint import Checkpoint
from engines.api import TranscriptionJob, TranscriptWord
from engines.errors import EngineFailed
from engines.toolkit.transcript_words import strip_punctuation
from engines.toolkit.vad import SAMPLE_RATE, Floats

MIN_SAMPLES = round(0.2 * SAMPLE_RATE)
"""what a model is given at least; a shorter recording gets silence behind it"""


class WindowTranscript(msgspec.Struct, frozen=True):
    """The transcript of a window; times are seconds from its start."""

    text: str
    words: tuple[TranscriptWord, ...] = ()
    language: str = ""
    """ISO-639-1, where the model detected it"""


class TranscriptionModel(Protocol):
    """A model for transcription, of one architecture, made from its checkpoint.

    Raises EngineFailed where that is not whole.
    """

    languages: tuple[str, ...]
    """ISO-639-1 codes that a job may name; none where the model takes no language"""
    words: bool
    """whether it gives words with their times"""
    prompt: bool
    """whether it takes a prompt"""
    stop_points: Sequence[torch.nn.Module]
    """modules that run often while it transcribes: the work can be stopped before each"""

    def __init__(self, checkpoint: Checkpoint) -> None: ...

    def transcribe(self, samples: Floats, job: TranscriptionJob) -> WindowTranscript:
        """Return the transcript of a window: up to 30 seconds of samples at 16 kHz, between -1 and 1."""
        ...


class TimedText(msgspec.Struct, frozen=True):
    """Some characters of a text, with those before the first word of it, and when they were said."""

    text: str
    start: float
    end: float


def join_words(pieces: Iterable[TimedText]) -> Iterator[TranscriptWord]:
    """Yield the words that pieces of text make: a piece that begins with a space begins a word."""
    word = ""
    start = 0.0
    end = 0.0
    for piece in pieces:
        if piece.text[:1].isspace() or not word:
            yield from _word(word, start, end)
            word = ""
            start = piece.start
        word += piece.text
        end = max(piece.end, start)
    yield from _word(word, start, end)


def _word(text: str, start: float, end: float) -> Iterator[TranscriptWord]:
    """Yield a word without punctuation, if there is one."""
    if word := strip_punctuation(text.strip()):
        yield TranscriptWord(word, round(start, 3), round(end, 3))


def pad_to_minimum(samples: Floats) -> Floats:
    """Return samples with silence behind them where they are too short for a model."""
    return np.pad(samples, (0, max(0, MIN_SAMPLES - len(samples))))


def check_sample_rate(feature_extractor: Any, checkpoint: Checkpoint) -> None:  # noqa: ANN401 - classes without types
    """Check that a model takes audio of 16 kHz. Raises EngineFailed."""
    if feature_extractor.sampling_rate != SAMPLE_RATE:
        raise EngineFailed(
            f"The model in {checkpoint.path} wants {feature_extractor.sampling_rate} Hz: "
            f"this engine hears at {SAMPLE_RATE}."
        )
