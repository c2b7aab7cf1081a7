"""Long texts: whether anything happens to words where segments are joined.

The same sentences are spoken once as one text, and each by itself; those recordings, put together by us, are
what the long one is compared with, by the same ear. And each segment, asked for by itself, must lie in the
long answer sample by sample where it belongs: so no word is lost, doubled or cut at a join.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import msgspec
import numpy as np

from bench.quality.corpus import long_texts
from bench.quality.findings import Check, Section, percent
from bench.quality.listening import Listener, heard
from bench.quality.scoring import compare, normal_words, wrong_places
from bench.quality.sound import PCM_RATE, Samples
from bench.quality.speakers import Manner
from gateway.config.settings import SpeechSettings
from streaming.text.segments import split_text

MEASURE = "hibari"
NEAR = 2
"""words on either side of a join"""
BLOCK = 8
"""long texts that are in memory at once"""
MOST_LIKE = 0.98
"""correlation of a segment's samples by itself with those in the long answer: noise differs by its seed"""


class LongText(msgspec.Struct):
    """A long text, and how it was spoken."""

    sentences: tuple[str, ...]
    ends: list[int]
    """of its segments but the last, in sentences"""
    whole: Samples
    alone: Samples
    """its sentences, each spoken by itself, one after another"""
    misplaced: int
    """segments that do not lie where they belong"""


class Errors(msgspec.Struct):
    """What the ear got wrong in a long text."""

    words: int
    whole: int
    alone: int
    near: int
    """words near a join"""
    near_whole: int
    near_alone: int


def joins(listener: Listener) -> Section:
    """Measure long texts."""
    extent = listener.extent
    drawn = long_texts(extent.long_texts, extent.sentences, extent.lists)
    spoken_alone: dict[str, Samples] = {}
    made: list[Errors] = []
    misplaced = segments = 0
    for at in range(0, len(drawn), BLOCK):
        texts = [spoken(listener, sentences, spoken_alone) for sentences in drawn[at : at + BLOCK]]
        misplaced += sum(text.misplaced for text in texts)
        segments += sum(len(text.ends) + 1 for text in texts)
        made += listened(texts)
    return _section(made, misplaced, segments)


def spoken(listener: Listener, sentences: tuple[str, ...], known: dict[str, Samples]) -> LongText:
    """Speak a long text as one, by its segments, and by its sentences."""
    manner = Manner(MEASURE)
    text = " ".join(sentences)
    settings = SpeechSettings()
    pieces = list(split_text(text, language="en", first_limit=settings.first_segment, limit=settings.segment))
    for sentence in sentences:
        if sentence not in known:
            known[sentence] = listener.pcm(sentence, manner)
    whole = listener.pcm(text, manner)
    segments = [listener.pcm(piece.text.strip(), manner) for piece in pieces]
    return LongText(
        sentences,
        _sentence_ends(sentences, [piece.end for piece in pieces[:-1]]),
        whole,
        np.concatenate([known[sentence] for sentence in sentences]),
        misplaced(whole, segments),
    )


def _sentence_ends(sentences: Sequence[str], ends: Sequence[int]) -> list[int]:
    """Return how many sentences are over where segments end; an end within a sentence counts as its start."""
    length, over = 0, []
    for sentence in sentences:
        length += len(sentence) + 1
        over.append(length)
    return [sum(one <= end for one in over) for end in ends]


def misplaced(whole: Samples, segments: Sequence[Samples]) -> int:
    """Count the segments that do not lie right behind the one before; all, if the whole is not as long."""
    if len(whole) != sum(map(len, segments)):
        return len(segments)
    at, wrong = 0, 0
    for segment in segments:
        wrong += bool(np.corrcoef(whole[at : at + len(segment)], segment)[0, 1] < MOST_LIKE)
        at += len(segment)
    return wrong


def listened(texts: Sequence[LongText]) -> list[Errors]:
    """Hear long texts, and the same sentences alone."""
    transcripts = heard([sound for text in texts for sound in (text.whole, text.alone)], PCM_RATE)
    return [
        _errors(text, whole, alone)
        for text, whole, alone in zip(texts, transcripts[::2], transcripts[1::2], strict=True)
    ]


def _errors(text: LongText, whole: str, alone: str) -> Errors:
    by_sentence = [normal_words(sentence) for sentence in text.sentences]
    words = [word for sentence in by_sentence for word in sentence]
    starts = [sum(map(len, by_sentence[:end])) for end in text.ends]
    near = {place for start in starts for place in range(max(0, start - NEAR), min(len(words), start + NEAR))}
    heard_whole, heard_alone = normal_words(whole), normal_words(alone)
    return Errors(
        len(words),
        compare(words, heard_whole).errors,
        compare(words, heard_alone).errors,
        len(near),
        len(near & wrong_places(words, heard_whole)),
        len(near & wrong_places(words, heard_alone)),
    )


def more_than_chance(differences: Sequence[int]) -> bool:
    """Tell whether a mean lies above nothing by more than two standard errors."""
    mean = statistics.mean(differences)
    if len(differences) < 2:
        return mean > 0
    return mean > 0 and mean > 2 * statistics.stdev(differences) / math.sqrt(len(differences))


def _section(made: Sequence[Errors], misplaced: int, segments: int) -> Section:
    rows = [
        _row("all words", *_sums(made, "words", "whole", "alone")),
        _row(f"{NEAR} words on either side of a join", *_sums(made, "near", "near_whole", "near_alone")),
    ]
    everywhere = [one.whole - one.alone for one in made]
    at_joins = [one.near_whole - one.near_alone for one in made]
    checks = [
        Check("every segment lies where it belongs", f"{misplaced} of {segments} do not", not misplaced),
        _none_more("a long text has no more errors than its sentences alone", everywhere),
        _none_more("nor has it at its joins", at_joins),
    ]
    notes = (
        f"{len(made)} long texts in {segments} segments. More errors are those beyond two standard errors."
    )
    return Section(
        "joins", "Joins", ("where", "words", "as one text", "the sentences alone"), rows, checks, notes
    )


def _sums(made: Sequence[Errors], *fields: str) -> list[int]:
    return [sum(getattr(one, field) for one in made) for field in fields]


def _row(where: str, words: int, whole: int, alone: int) -> tuple[str, ...]:
    return where, str(words), _of(whole, words), _of(alone, words)


def _none_more(promise: str, differences: Sequence[int]) -> Check:
    return Check(promise, f"{sum(differences):+d} words", not more_than_chance(differences))


def _of(errors: int, words: int) -> str:
    return f"{errors} ({percent(errors / max(1, words))})"
