"""Make of a text one that eSpeak NG speaks whole: the library has buffers, and drops what is beyond them.

Measured with the library of espeakng-loader 0.2.4, by its word events and its phonemes. A word of more than
some 160 letters of phonemes is cut off there (39 times "x", 41 digits, 45 kana), and one of 154 Latin letters
ends the process ("buffer overflow detected"). A clause loses what is beyond some 1,200 letters of phonemes
(27 times "777" in German, 41 times in English) or 300 words. So unbroken runs get spaces, and long clauses
are spoken in pieces. Nothing of that touches a usual text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from engines.api.offsets import Edit, Rewriting

ReadAloud = Callable[[str], str]
"""returns the phonemes of a short text in the voice that is set"""

LONGEST_RUN = 24
"""code points without a space that no voice cuts off, whatever they are"""
LONGEST_WORD = 64
"""code points of a run that may be one word: it is kept whole where the library can"""
LONGEST_PIECE = 40
"""code points of a longer run that are measured, and spoken, at once"""
MOST_BYTES = 120
"""of such a piece: the library's own array has 160"""
MOST_WORD_PHONEMES = 110
"""letters of phonemes of one word, of 156 at least that the library keeps"""
SHORT_WORD_PHONEMES = 30
"""a run whose phonemes come in words of no more is one of a script that the library cuts by itself"""
LONGEST_NUMBER = 20
"""digits; more are said one by one"""
MOST_CLAUSE_PHONEMES = 800
"""letters of phonemes, and spaces, of 1,230 at least that the library keeps of a clause"""
MOST_CLAUSE_WORDS = 150
"""of 300 that the library keeps; a number is several"""
MOST_CLAUSE_BYTES = 500
"""of 800, where the library cuts a clause, and may lose the end of a long word"""
SURELY_SHORT = 60
"""code points of a clause that cannot fill the buffer unless most are numbers and signs"""

TIED_DOT = re.compile(r"\.\u00a0(\S)")
"""a dot that ends no sentence: a no-break space stands behind it"""
TONES = re.compile(r"[\U0001F3FB-\U0001F3FF]")
PICTURE = "[\u231a-\u2bff\U0001f000-\U0001f3fa\U0001f400-\U0001faff]"
TONED = re.compile(rf"(?:{PICTURE}[\uFE0F\U0001F3FB-\U0001F3FF]*\u200d?)+")
RUN = re.compile(rf"\S{{{LONGEST_RUN + 1},}}")
LONG_NUMBER = re.compile(rf"\d{{{LONGEST_NUMBER + 1},}}")
CLAUSE = re.compile(r"[^.,;:!?…。、，；：！？।؟،؛\n]+[.,;:!?…。、，；：！？।؟،؛\n]*\s*")
WORD = re.compile(r"\S+\s*|\s+")
HARD = re.compile(r"[^A-Za-z\u00C0-\u024F\u0300-\u036F\u1E00-\u1EFF\s]")
"""may be read by a long name, or as several words"""


def prepare(text: str, read_aloud: ReadAloud) -> Rewriting:
    """Return a text that the library speaks whole, in clauses that `pieces` finds."""
    rewriting = Rewriting(text)
    rewriting.apply(_untied(text))
    rewriting.apply(_with_tones_apart(rewriting.text))
    rewriting.apply(_broken_runs(rewriting.text, read_aloud))
    return rewriting


def pieces(text: str, read_aloud: ReadAloud) -> Iterator[tuple[int, int]]:
    """Yield the stretches of a prepared text that are to be spoken by a call each, as [start, end)."""
    start = 0
    for clause in CLAUSE.finditer(text):
        if not _may_overflow(clause[0]):
            continue
        phonemes = words = size = 0
        for word in WORD.finditer(text, *clause.span()):
            spoken = read_aloud(word[0])
            cost, count = len(spoken) + 1, max(1, len(spoken.split()))
            length = len(word[0].encode("utf-8", "replace"))
            is_full = (
                phonemes + cost > MOST_CLAUSE_PHONEMES
                or words + count > MOST_CLAUSE_WORDS
                or size + length > MOST_CLAUSE_BYTES
            )
            if is_full and phonemes:
                yield start, word.start()
                start, phonemes, words, size = word.start(), 0, 0, 0
            phonemes, words, size = phonemes + cost, words + count, size + length
    if start < len(text) or not text:
        yield start, len(text)


def _may_overflow(clause: str) -> bool:
    """Return whether a clause is worth measuring."""
    if len(clause) <= SURELY_SHORT and len(HARD.findall(clause)) <= SURELY_SHORT // 2:
        return False
    if len(clause.encode("utf-8", "replace")) > MOST_CLAUSE_BYTES:
        return True
    return 6 * len(clause) + 14 * len(HARD.findall(clause)) > MOST_CLAUSE_PHONEMES


def _untied(text: str) -> Iterator[Edit]:
    """Yield the edits by which the library makes no pause behind a dot that ends no sentence.

    It makes none where a small letter follows; nor where there is no dot, but it knows some abbreviations
    by theirs.
    """
    for match in TIED_DOT.finditer(text):
        dot, (first, end) = match.start(), match.span(1)
        letter = match[1]
        is_word = letter.isupper() and text[end : end + 1].isalpha() and not text[end].isupper()
        yield Edit(dot, dot + 1, "." if is_word else " ")
        yield Edit(dot + 1, first, " ")
        yield Edit(first, end, letter.lower() if is_word else letter)


def _with_tones_apart(text: str) -> Iterator[Edit]:
    """Yield the edits that put the skin tones of an emoji behind it: together the library knows neither."""
    for match in TONED.finditer(text) if TONES.search(text) else ():
        if tones := TONES.findall(match[0]):
            yield Edit(match.start(), match.end(), " ".join([TONES.sub("", match[0]), *tones, ""]))


def _broken_runs(text: str, read_aloud: ReadAloud) -> Iterator[Edit]:
    """Yield the spaces that long unbroken runs need."""
    for run in RUN.finditer(text):
        position = run.start()
        for number in LONG_NUMBER.finditer(text, *run.span()):
            yield from _cuts(text, position, number.start(), read_aloud)
            yield Edit(number.start(), number.end(), f" {' '.join(number[0])} ")
            position = number.end()
        yield from _cuts(text, position, run.end(), read_aloud)


def _cuts(text: str, start: int, end: int, read_aloud: ReadAloud) -> Iterator[Edit]:
    """Yield a space before each further piece of a run of other things than long numbers."""
    uncut_since = start
    while end - start > LONGEST_RUN:
        cut = _fitting(text, start, end, LONGEST_WORD if end - start <= LONGEST_WORD else LONGEST_PIECE)
        longest = _longest_word(read_aloud(text[start:cut]))
        is_cut_by_library = 0 < longest <= SHORT_WORD_PHONEMES
        while longest > MOST_WORD_PHONEMES and cut - start > 1:
            cut = _fitting(text, start, end, (cut - start) // 2)
            longest = _longest_word(read_aloud(text[start:cut]))
        if cut < end and (not is_cut_by_library or cut - uncut_since >= LONGEST_WORD):
            yield Edit(cut, cut, " ")
            uncut_since = cut
        start = cut


def _fitting(text: str, start: int, end: int, most: int) -> int:
    """Return where a piece of about `most` code points ends, in as many equal pieces as the run needs: behind
    a sign where there is one, else behind a grapheme cluster.
    """
    count = -(-(end - start) // most)
    last = start + -(-(end - start) // count)
    while len(text[start:last].encode("utf-8", "replace")) > MOST_BYTES:
        last -= 1
    if last >= end:
        return end
    signs = (at for at in range(last, start + most // 2, -1) if unicodedata.category(text[at - 1])[0] in "PS")
    sign = next(signs, 0)
    if sign:
        return sign
    ends = (at for at in range(last, start, -1) if _is_boundary(text, at))
    return next(ends, last)


def _is_boundary(text: str, at: int) -> bool:
    """Return whether a letter with all its marks ends before a place."""
    return (
        text[at - 1] != "\u200d"
        and text[at] not in "\u200c\u200d"
        and unicodedata.category(text[at])[0] != "M"
    )


def _longest_word(phonemes: str) -> int:
    return max(map(len, phonemes.split()), default=0)
