"""Long texts: whether anything happens to words where segments are joined.

The same sentences are spoken once as one text, and each by itself; those recordings, put together by us, are
what the long one is compared with, by the same ear. And each segment, asked for by itself, must lie in the
long answer sample by sample where it belongs: so no word is lost, doubled or cut at a join.
"""

from __future__ import annotations

import itertools
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
from streaming.text.segments import Segment, split_text

MEASURE = "hibari"
NEAR = 2
"""words on either side of a join"""
BLOCK = 8
"""long texts that are in memory at once"""
ENDLESS_SHARE = 5
"""of the long texts one in so many is spoken as one endless sentence too"""
CLAUSES = 12
"""that it has"""
LOST = 0.4
"""seconds that are taken out behind joins, to see whether the ear would notice: a short word"""
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
    misplaced: int = 0
    """segments that do not lie where they belong"""
    joins: list[int] = []
    """where segments but the first begin, in samples"""


class Errors(msgspec.Struct):
    """What the ear got wrong in a long text."""

    words: int
    whole: int
    alone: int
    near: int
    """words near a join"""
    near_whole: int
    near_alone: int


class Found(msgspec.Struct):
    """What was found in all texts."""

    texts: list[Errors]
    endless: list[Errors]
    damaged: list[Errors]
    """some of the texts, with a piece taken out at each join"""
    segments: int = 0
    lost: int = 0
    """segments that do not lie where they belong"""


def joins(listener: Listener) -> Section:
    """Measure long texts: some of sentences, and some of one endless sentence, which must be cut within."""
    extent = listener.extent
    drawn = long_texts(extent.long_texts, extent.sentences, extent.lists)
    endless = [
        tuple(map(clause, sentences[:CLAUSES])) for sentences in drawn[: -(-len(drawn) // ENDLESS_SHARE)]
    ]
    found = Found([], [], [])
    for at in range(0, len(drawn), BLOCK):
        long = [spoken(listener, sentences) for sentences in drawn[at : at + BLOCK]]
        found.lost += sum(text.misplaced for text in long)
        found.segments += sum(len(text.ends) + 1 for text in long)
        found.texts += listened(long)
        if not at:
            found.damaged += listened([damaged(text) for text in long])
    for at in range(0, len(endless), BLOCK):
        found.endless += listened([spoken_endless(listener, clauses) for clauses in endless[at : at + BLOCK]])
    return _section(found)


def spoken(listener: Listener, sentences: tuple[str, ...]) -> LongText:
    """Speak a long text as one, by its segments, and by its sentences."""
    text = " ".join(sentences)
    pieces = _pieces(text)
    whole = listener.pcm(text, Manner(MEASURE))
    segments = [listener.pcm(piece.text.strip(), Manner(MEASURE)) for piece in pieces]
    ends = [piece.end for piece in pieces[:-1]]
    alone = _spoken_alone(listener, sentences)
    return LongText(
        sentences,
        _sentences_over(sentences, " ", ends),
        whole,
        alone,
        misplaced(whole, segments),
        list(itertools.accumulate(map(len, segments[:-1]))),
    )


def spoken_endless(listener: Listener, clauses: tuple[str, ...]) -> LongText:
    """Speak one sentence of many clauses, and each clause as a sentence of its own.

    Samples cannot be compared: what ends a sentence is not spoken as what does not.
    """
    text = f"{', '.join(clauses)}."
    ends = [piece.end for piece in _pieces(text)[:-1]]
    alone = _spoken_alone(listener, [f"{one[0].upper()}{one[1:]}." for one in clauses])
    whole = listener.pcm(f"{text[0].upper()}{text[1:]}", Manner(MEASURE))
    return LongText(clauses, _sentences_over(clauses, ", ", ends), whole, alone)


def clause(sentence: str) -> str:
    """Return a sentence as a clause of a longer one."""
    return f"and {sentence[0].lower()}{sentence[1:].rstrip('.')}"


def _pieces(text: str) -> list[Segment]:
    """Return the segments that a server with default settings makes of a text."""
    settings = SpeechSettings()
    return list(split_text(text, language="en", first_limit=settings.first_segment, limit=settings.segment))


def _spoken_alone(listener: Listener, sentences: Sequence[str]) -> Samples:
    """Speak sentences by themselves, one after another.

    Each is spoken anew though other texts have it too: its noise is drawn each time, and one recording that
    the ear happens to get right or wrong would otherwise count in every text that has the sentence.
    """
    return np.concatenate([listener.pcm(sentence, Manner(MEASURE)) for sentence in sentences])


def _sentences_over(sentences: Sequence[str], between: str, ends: Sequence[int]) -> list[int]:
    """Return how many sentences are over where segments end."""
    over = list(itertools.accumulate(len(sentence) + len(between) for sentence in sentences))
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


def damaged(text: LongText) -> LongText:
    """Return a long text with a piece taken out behind each join, as if a join had lost it."""
    lost = [np.arange(join, join + round(LOST * PCM_RATE)) for join in text.joins]
    return msgspec.structs.replace(text, whole=np.delete(text.whole, np.concatenate(lost)))


def more_than_chance(differences: Sequence[int]) -> bool:
    """Tell whether a mean lies above nothing by more than two standard errors."""
    mean = statistics.mean(differences)
    if len(differences) < 2:
        return mean > 0
    return mean > 0 and mean > 2 * statistics.stdev(differences) / math.sqrt(len(differences))


def _section(found: Found) -> Section:
    near = f"{NEAR} words on either side of a join"
    whole, at_joins = ("words", "whole", "alone"), ("near", "near_whole", "near_alone")
    rows = [
        _row("all words", *_sums(found.texts, *whole)),
        _row(near, *_sums(found.texts, *at_joins)),
        _row(f"{near}, {LOST:g} s taken out there by us", *_sums(found.damaged, *at_joins)),
        _row("one endless sentence: all words", *_sums(found.endless, *whole)),
        _row(f"one endless sentence: {near}", *_sums(found.endless, *at_joins)),
    ]
    lost = Check(
        "every segment lies where it belongs", f"{found.lost} of {found.segments} do not", not found.lost
    )
    noticed = _none_more("the ear would notice what a join loses", found.damaged, *at_joins[1:])
    checks = [
        lost,
        _none_more("a long text has no more errors than its sentences alone", found.texts, *whole[1:]),
        _none_more("nor has it at its joins", found.texts, *at_joins[1:]),
        _none_more("nor has an endless sentence where it is cut", found.endless, *at_joins[1:]),
        msgspec.structs.replace(noticed, holds=not noticed.holds),
    ]
    notes = (
        f"{len(found.texts)} long texts in {found.segments} segments; {len(found.endless)} endless sentences."
    )
    return Section(
        "joins", "Joins", ("where", "words", "as one text", "the sentences alone"), rows, checks, notes
    )


def _sums(made: Sequence[Errors], *fields: str) -> list[int]:
    return [sum(getattr(one, field) for one in made) for field in fields]


def _row(where: str, words: int, whole: int, alone: int) -> tuple[str, ...]:
    return where, str(words), _of(whole, words), _of(alone, words)


def _none_more(promise: str, made: Sequence[Errors], whole: str, alone: str) -> Check:
    differences = [getattr(one, whole) - getattr(one, alone) for one in made]
    return Check(promise, f"{sum(differences):+d} words", not more_than_chance(differences))


def _of(errors: int, words: int) -> str:
    return f"{errors} ({percent(errors / max(1, words))})"
