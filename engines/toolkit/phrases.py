"""What an engine speaks at once, and the pause behind it."""

from __future__ import annotations

from typing import Literal

import msgspec

from engines.toolkit.phoneme_chunks import Chunk

CLAUSE_ENDS = frozenset(",;:—…)”")
"""phonemes behind which there is a pause within a sentence"""
Pause = Literal["paragraph", "sentence", "clause", "word"]
PAUSES: dict[Pause, float] = {"paragraph": 0.65, "sentence": 0.45, "clause": 0.2, "word": 0.02}
"""seconds behind a phrase, by what it ends at"""
NOTHING_TO_SAY = PAUSES["clause"]
"""seconds of silence for a text of signs only"""


class Phrase(msgspec.Struct, frozen=True):
    """What is spoken at once, and what it ends at."""

    chunk: Chunk
    pause: Pause


def inner_pause(chunk: Chunk) -> Pause:
    """Return what a chunk ends at within a sentence."""
    return "clause" if chunk.phonemes[-1] in CLAUSE_ENDS else "word"


def is_spoken(phonemes: str) -> bool:
    """Return whether there is anything to hear in phonemes."""
    return any(map(str.isalpha, phonemes))
