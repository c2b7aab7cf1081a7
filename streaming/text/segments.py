"""Split a text into segments: the units that are synthesised, scheduled and joined again.

Sentences come from `sentencex`, which knows many languages and keeps every character. The first segment is
short, so that audio starts soon; later ones pack sentences up to the limit. A sentence that is too long is
cut where it is noticed least: after a clause, else between words, else between grapheme clusters. All
segments together are the text, character for character.

It works in windows, so that the first segment of a long text costs no more than that of a short one, and any
text takes linear time.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import msgspec
import regex
import sentencex

from engines.languages import primary_language
from streaming.text.spelt_dots import is_initial, is_ordinal_dot

WINDOW = 4096
"""code points that are split into sentences at a time"""
PAUSE = re.compile(r"[、，；：。！？）」』،؛।॥၊။።፣፤፥፡]\s*|\s+")
"""ends of clauses, and spaces, which are one behind a western mark, or where a line ends"""
CLAUSE_MARKS = frozenset(",;:)]”»–—…")
"""they end a clause only before a space, so that 1,000 and 12:30 stay whole"""
CLOSING_QUOTES = frozenset("\"'”’»")
"""may stand between such a mark and the space"""
CLUSTER = regex.compile(r"\X")
BLANK = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
"""Unicode's categories of characters of which nothing is seen"""
LONGEST_CLUSTER = 64
"""a grapheme cluster longer than this is no letter of any script, and is cut"""
CLUSTER_PIECE = 128
"""code points in which clusters begin that are looked for at a time"""
UNSPEAKABLE_LIMIT = 4
"""how many times the limit a segment may grow to by what cannot be spoken"""
TITLES = re.compile(
    r"(?:^|[\s(«\"'’])(?:M|Mme|Mlle|Mmes|Mlles|Me|Dr|Pr|St|Ste|mevr|mej|dhr|t\.ex|bl\.a|ul|al)\.\s+$",
    re.IGNORECASE,
)
"""what stands before a name and ends no sentence, where sentencex assumes an end (French, Dutch,
Swedish, Polish)
"""
TITLE_LANGUAGES = frozenset({"fr", "nl", "sv", "pl"})

TEXT_BEFORE = 1000
"""code points of the text before a segment that it knows"""
WORD_BEFORE = 100
"""code points of it at whose first space it is cut, so that it begins with a whole word"""


class Segment(msgspec.Struct, frozen=True):
    """A stretch of the text, [start, end) in code points."""

    text: str
    start: int
    end: int
    index: int
    ends_sentence: bool
    """false where a sentence was cut in the middle"""
    before: str = ""
    """the end of what the segments before it say, where that is asked for (`with_text_before`)"""


Span = tuple[int, int, bool]
"""start, end, and whether a sentence ends there"""


def with_text_before(segments: Iterator[Segment]) -> Iterator[Segment]:
    """Return segments that know the end of what those before them say."""
    before = ""
    for segment in segments:
        yield msgspec.structs.replace(segment, before=before)
        before += segment.text
        if len(before) > TEXT_BEFORE:
            before = before[-TEXT_BEFORE:]
            before = before[before.find(" ", 0, WORD_BEFORE) + 1 :]


def split_text(text: str, *, language: str | None, first_limit: int, limit: int) -> Iterator[Segment]:
    """Yield the segments of a text, lazily: the first of at most `first_limit` code points, each later one
    half as long again at most, up to `limit`.

    So audio starts soon, and no long segment stands between the first words and the next.

    `language` is a BCP-47 tag; None is treated as English, whose rules do for most scripts.
    """
    code = primary_language(language or "en")
    packed = _pack_sentences(text, _sentences(text, code), first_limit, limit)
    for index, (start, end, ends_sentence) in enumerate(_merge_unspeakable(text, packed, limit)):
        yield Segment(text[start:end], start, end, index, ends_sentence)


def is_blank(text: str) -> bool:
    """Tell whether nothing of a text is seen: spaces, controls, and characters without width."""
    return all(unicodedata.category(char) in BLANK for char in text)


def sentence_ends(text: str, language: str) -> Iterator[int]:
    """Yield the offsets behind the sentences of a text in a language, given by its primary subtag."""
    return (end for _, end, is_whole in _sentences(text, language) if is_whole)


def _sentences(text: str, language: str) -> Iterator[Span]:
    """Yield the sentences, window by window; one that fills a window comes in parts."""
    position = 0
    while position < len(text):
        window = text[position : position + WINDOW]
        at_end = position + len(window) == len(text)
        ends = _sentence_ends(window, language)[: None if at_end else -1]
        start = position
        for end in ends or [find_cut(text, position, position + len(window)) - position]:
            yield start, position + end, bool(ends)
            start = position + end
        position = start


def _sentence_ends(window: str, language: str) -> list[int]:
    """Return the offsets at which sentences end, the last one at the window's end."""
    clean = window.encode("utf-8", "replace").decode()  # lone surrogates become "?", one for one
    ends = []
    total = 0
    for sentence in sentencex.segment(language, clean):
        total += len(sentence)
        if total == len(window) or not _goes_on(window, sentence, total, language):
            ends.append(_after_combining_marks(clean, total))
    return ends if total == len(window) else [len(window)]


def _goes_on(window: str, sentence: str, end: int, language: str) -> bool:
    """Return whether what was taken for a sentence ends behind a title, initials, or the number of a day."""
    if language in TITLE_LANGUAGES and TITLES.search(sentence):
        return True
    return is_initial(sentence) or is_ordinal_dot(window, len(window[:end].rstrip()) - 1)


def _pack_sentences(text: str, sentences: Iterator[Span], first_limit: int, limit: int) -> Iterator[Span]:
    """Put sentences together, and cut those that are too long."""
    start = 0
    end = 0
    """where the sentences end that are packed since `start`"""
    ends_sentence = True
    longest = min(first_limit, limit)
    for begin, until, whole in sentences:
        while until - start > longest:
            if end > start and (until - begin <= limit or end - start >= longest // 2):
                cut = end
                cut_ends_sentence = ends_sentence
            elif start > 0 and until - start <= limit:
                break
            else:
                cut = min(find_cut(text, max(begin, start), min(until, start + longest)), until)
                cut_ends_sentence = whole and cut == until
            if cut >= until:
                break
            yield start, cut, cut_ends_sentence
            start = end = cut
            begin = max(begin, start)
            longest = _next_limit(longest, limit)
        end = until
        ends_sentence = whole
        if start == 0 and longest < limit and _is_speakable(text, start, end):
            yield start, end, ends_sentence
            start = end
            longest = _next_limit(longest, limit)
    if end > start:
        yield start, end, ends_sentence


def _next_limit(longest: int, limit: int) -> int:
    return min(limit, longest * 3 // 2)


def find_cut(text: str, start: int, end: int) -> int:
    """Return the best offset to cut text[start:end] at: after a clause, else between words, else between
    grapheme clusters.
    """
    part = text[start:end]
    clause = space = 0
    for match in PAUSE.finditer(part):
        space = match.end() if match[0][-1].isspace() else space
        clause = _clause_end(part, match) or clause
    least = max(1, len(part) // 3)
    cut = next((cut for cut in (clause, space) if cut >= least), 0)
    return min(end, _after_combining_marks(text, start + cut)) if cut else _cluster_end(text, start, end)


def _clause_end(part: str, pause: re.Match[str]) -> int:
    """Return where a clause ends at a pause, 0 where it is only a space between words.

    Quotes before a space are looked through backwards, once each: a pattern that began at each of them would
    take quadratic time.
    """
    if not pause[0][0].isspace():
        return pause.end()
    before = pause.start() - 1
    while before >= 0 and part[before] in CLOSING_QUOTES:
        if part[before] in CLAUSE_MARKS:
            return pause.end()
        before -= 1
    if before >= 0 and part[before] in CLAUSE_MARKS:
        return pause.end()
    return pause.start() + pause[0].rfind("\n") + 1 if "\n" in pause[0] else 0


def _after_combining_marks(text: str, cut: int) -> int:
    """Move a cut behind the combining marks that follow it: they belong to the character before."""
    if cut >= len(text):
        return cut
    # a slice: \X counts flags back to the start of the text that it is given
    cluster = CLUSTER.match(text[cut - 1 : cut + LONGEST_CLUSTER])
    return max(cut, cut - 1 + int(cluster.end())) if cluster else cut


def _cluster_end(text: str, start: int, end: int) -> int:
    """Return the last end of a grapheme cluster up to `end`; the first one's, where even that is too long."""
    last = start
    for cluster_end in _cluster_ends(text, start, end + LONGEST_CLUSTER):
        if cluster_end > end and last > start:
            return last
        last = min(cluster_end, max(end, start + LONGEST_CLUSTER))
        if last >= end:
            return last
    return max(last, start + 1)


def _cluster_ends(text: str, start: int, end: int) -> Iterator[int]:
    """Yield the ends of the grapheme clusters of text[start:end].

    In pieces, since \\X counts flags back to the start of the text that it is given.
    """
    while start < end:
        begun = start
        for match in CLUSTER.finditer(text[begun : min(end, begun + 2 * CLUSTER_PIECE)]):
            if match.start() >= CLUSTER_PIECE:
                break
            start = begun + int(match.end())
            yield start


def _merge_unspeakable(text: str, spans: Iterator[Span], limit: int) -> Iterator[Span]:
    """Join what cannot be spoken (spaces, marks) to the segment before it, at the start to the one after it,
    within bounds.
    """
    pending: Span | None = None
    for span in spans:
        if pending is None:
            pending = span
        elif span[1] - pending[0] > UNSPEAKABLE_LIMIT * limit:
            yield pending
            pending = span
        elif not _is_speakable(text, span[0], span[1]):
            pending = (pending[0], span[1], True)
        elif not _is_speakable(text, pending[0], pending[1]):
            pending = (pending[0], span[1], span[2])
        else:
            yield pending
            pending = span
    if pending is not None:
        yield pending


def _is_speakable(text: str, start: int, end: int) -> bool:
    """Return whether there is a letter, a number or a symbol in text[start:end]."""
    return any(unicodedata.category(char)[0] in "LNS" for char in text[start:end])
