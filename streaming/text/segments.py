"""Text into segments: the units that are spoken, scheduled and joined again.

Sentences come from `sentencex`, which knows many languages and keeps every character. The first segment is
short, so that audio starts soon; later ones pack sentences up to the limit. A sentence that is too long is
cut where it hurts least: behind a clause, else between words, else between grapheme clusters. All segments
together are the text, character for character.

It works in windows, so that the first segment of a long text costs no more than that of a short one, and any
text is linear.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import msgspec
import regex
import sentencex

from engines.languages import primary_language

WINDOW = 4096
"""code points looked at together"""
CLAUSE = re.compile(r"[,;:)\]”»–—…][\"'”’»]*\s+|[、，；：。！？）」』،؛।॥၊။።፣፤፥፡]\s*|\n+")
"""ends of clauses: western marks count only before a space, so that 1,000 and 12:30 stay whole"""
SPACE = re.compile(r"\s+")
CLUSTER = regex.compile(r"\X")
LONGEST_CLUSTER = 64
"""a grapheme cluster longer than this is no letter of any script, and is cut"""
UNSPEAKABLE_LIMIT = 4
"""how many limits long a segment may grow by taking in what cannot be spoken"""
TITLES = re.compile(
    r"(?:^|[\s(«\"'’])(?:M|Mme|Mlle|Mmes|Mlles|Me|Dr|Pr|St|Ste|mevr|mej|dhr|t\.ex|bl\.a|ul|al)\.\s+$",
    re.IGNORECASE,
)
"""what comes before a name and ends no sentence, where sentencex takes it for an end (French, Dutch, Swedish,
Polish)
"""
TITLED = frozenset({"fr", "nl", "sv", "pl"})


class Segment(msgspec.Struct, frozen=True):
    """A stretch of the text, [start, end) in code points. `ends_sentence` is false where a sentence was cut
    in the middle.
    """

    text: str
    start: int
    end: int
    index: int
    ends_sentence: bool


Span = tuple[int, int, bool]
"""start, end, and whether a sentence ends there"""


def split_text(text: str, *, language: str | None, first: int, limit: int) -> Iterator[Segment]:
    """Cut a text into segments, lazily: the first of at most `first` code points, later ones half as long
    again, up to `limit`.

    So audio starts soon, and no long piece of work stands between a listener's first words and the next.

    `language` is a BCP-47 tag; None is treated as English, whose rules do for most scripts.
    """
    code = primary_language(language or "en")
    spans = _worth_speaking(text, _pack(text, _sentences(text, code), first, limit), limit)
    for index, (start, end, ends) in enumerate(spans):
        yield Segment(text[start:end], start, end, index, ends)


def _sentences(text: str, language: str) -> Iterator[Span]:
    """Give the sentences, window by window; one that fills a window is given in pieces."""
    position = 0
    while position < len(text):
        window = text[position : position + WINDOW]
        at_end = position + len(window) == len(text)
        ends = _boundaries(window, language)[: None if at_end else -1]
        start = position
        for end in ends or [_cut(text, position, position + len(window)) - position]:
            yield start, position + end, bool(ends)
            start = position + end
        position = start


def _boundaries(window: str, language: str) -> list[int]:
    """Give the offsets at which sentences end, the last one at the window's end."""
    clean = window.encode("utf-8", "replace").decode()  # lone surrogates become "?", one for one
    ends, total = [], 0
    for sentence in sentencex.segment(language, clean):
        total += len(sentence)
        if total == len(window) or language not in TITLED or not TITLES.search(sentence):
            ends.append(_behind_marks(clean, total))
    return ends if total == len(window) else [len(window)]


def _pack(text: str, sentences: Iterator[Span], first: int, limit: int) -> Iterator[Span]:
    """Put sentences together, and cut those that are too long."""
    start, end, ends, room = 0, 0, True, min(first, limit)
    for begin, until, whole in sentences:
        while until - start > room:
            if end > start and (until - begin <= limit or end - start >= room // 2):
                cut, ends_here = end, ends
            elif start > 0 and until - start <= limit:
                break
            else:
                cut, ends_here = _cut(text, max(begin, start), min(until, start + room)), False
                cut = min(cut, until)
                ends_here = whole and cut == until
            if cut >= until:
                break
            yield start, cut, ends_here
            start = end = cut
            begin, room = max(begin, start), _grown(room, limit)
        end, ends = until, whole
        if start == 0 and room < limit and _speakable(text, start, end):
            yield start, end, ends
            start, room = end, _grown(room, limit)
    if end > start:
        yield start, end, ends


def _grown(room: int, limit: int) -> int:
    return min(limit, room * 3 // 2)


def _cut(text: str, start: int, end: int) -> int:
    """Find the best place to cut text[start:end]: behind a clause, else between words, else between grapheme
    clusters.
    """
    piece = text[start:end]
    least = len(piece) // 3
    for pattern in (CLAUSE, SPACE):
        places = [match.end() for match in pattern.finditer(piece) if match.end() >= least]
        if places:
            return min(end, _behind_marks(text, start + places[-1]))
    return _cluster_end(text, start, end)


def _behind_marks(text: str, cut: int) -> int:
    """Move a cut behind the combining marks that follow it: they belong to the character before."""
    if cut >= len(text):
        return cut
    cluster = CLUSTER.match(
        text[cut - 1 : cut + LONGEST_CLUSTER]
    )  # a slice: \X counts flags back to the start of what it sees
    return max(cut, cut - 1 + int(cluster.end())) if cluster else cut


def _cluster_end(text: str, start: int, end: int) -> int:
    """Give the last end of a grapheme cluster that is not behind `end`; the first one's, where even that is
    too long.
    """
    last = start
    for match in CLUSTER.finditer(text[start : end + LONGEST_CLUSTER]):
        behind = start + int(match.end())
        if behind > end and last > start:
            return last
        last = min(behind, max(end, start + LONGEST_CLUSTER))
        if last >= end:
            return last
    return max(last, start + 1)


def _worth_speaking(text: str, spans: Iterator[Span], limit: int) -> Iterator[Span]:
    """Give what cannot be spoken (spaces, marks) to the segment before it, or behind it at the start, within
    bounds.
    """
    held: Span | None = None
    for span in spans:
        if held is None:
            held = span
        elif span[1] - held[0] > UNSPEAKABLE_LIMIT * limit:
            yield held
            held = span
        elif not _speakable(text, span[0], span[1]):
            held = (held[0], span[1], True)
        elif not _speakable(text, held[0], held[1]):
            held = (held[0], span[1], span[2])
        else:
            yield held
            held = span
    if held is not None:
        yield held


def _speakable(text: str, start: int, end: int) -> bool:
    """Tell whether there is a letter, a number or a symbol in it."""
    return any(unicodedata.category(char)[0] in "LNS" for char in text[start:end])
