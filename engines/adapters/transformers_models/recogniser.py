"""What a family of recognition models offers, and what they have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
import torch

from engines.adapters.transformers_models.files import Folder
from engines.api import TranscriptionJob, TranscriptWord
from engines.errors import EngineFailed
from engines.toolkit.transcription_options import bare
from engines.toolkit.windows import RATE, Floats

SHORTEST = round(0.2 * RATE)
"""samples that are heard at least; a shorter recording gets silence behind it"""


class Said(msgspec.Struct, frozen=True):
    """What was said in a window; times are seconds from its start."""

    text: str
    words: tuple[TranscriptWord, ...] = ()
    language: str = ""
    """ISO-639-1, where the model found it out"""


class Recogniser(Protocol):
    """Models of one architecture. Made with its folder; raises EngineFailed where that is not whole."""

    languages: tuple[str, ...]
    """ISO-639-1 codes that it may be told; none where it cannot be told any"""
    words: bool
    prompt: bool
    steps: Sequence[torch.nn.Module]
    """what runs often while it listens: the work can be stopped before each"""

    def __init__(self, source: Folder) -> None: ...

    def hear(self, samples: Floats, job: TranscriptionJob) -> Said:
        """Hear a window: up to 30 seconds of samples at 16 kHz, between -1 and 1."""
        ...


class Piece(msgspec.Struct, frozen=True):
    """Some characters of a text, with those before the first word of it, and when they were said."""

    text: str
    start: float
    end: float


def joined(pieces: Iterable[Piece]) -> Iterator[TranscriptWord]:
    """Make words of pieces: a piece that begins with a space begins a word."""
    word, start, end = "", 0.0, 0.0
    for piece in pieces:
        if piece.text[:1].isspace() or not word:
            yield from _word(word, start, end)
            word, start = "", piece.start
        word, end = word + piece.text, max(piece.end, start)
    yield from _word(word, start, end)


def _word(word: str, start: float, end: float) -> Iterator[TranscriptWord]:
    if found := bare(word.strip()):
        yield TranscriptWord(found, round(start, 3), round(end, 3))


def at_least(samples: Floats) -> Floats:
    """Put silence behind what is too short for a model."""
    return np.pad(samples, (0, max(0, SHORTEST - len(samples))))


def check_rate(features: Any, source: Folder) -> None:  # noqa: ANN401 - classes without types
    """Refuse a model that wants another rate than 16 kHz. Raises EngineFailed."""
    if features.sampling_rate != RATE:
        raise EngineFailed(
            f"The model in {source.path} wants {features.sampling_rate} Hz: this engine hears at {RATE}."
        )
