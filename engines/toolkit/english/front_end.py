"""Turn English text into the phrases that Hibari speaks at once, with the places of their words.

The package's own front end does the reading: numbers and abbreviations are written out, words are looked up
in misaki's dictionaries, and a small network spells those that are in none. Here is what it lacks: texts that
it stumbles over are cleaned, words are found again in the caller's text, pronunciations are put in, and no
phrase is longer than the network can speak in little memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from hibari.g2p import G2P
from hibari.g2p.normalize import normalize
from hibari.g2p.token import Tok

from engines.toolkit.english.bounded_reader import BoundedReader
from engines.toolkit.english.clean_text import clean
from engines.toolkit.english.compact_tables import compact
from engines.toolkit.english.sentences import split_sentences
from engines.toolkit.english.traced_text import TracedText
from engines.toolkit.english.unknown_words import UnknownWords
from engines.toolkit.english.words import Span, align_words, join_spans
from engines.toolkit.phoneme_chunks import Token, pack
from engines.toolkit.phrases import Phrase, inner_pause, is_spoken

MOST_PHONEMES = 240
"""in a phrase: some 45 words, 15 seconds, a tenth of a second's work. The package cuts at commas beyond 400
and nowhere else; 2,700 at once took a gigabyte
"""
GIVEN_TAG = "NN"
GIVEN_RATING = 5
"""the package's marks of a word whose phonemes are given"""
Pronunciations = Sequence[tuple[int, int, str]]
"""stretches [start, end) of a text, with phonemes in Hibari's letters, which are Kokoro's"""


class FrontEnd:
    """The front end of American or British English. One thread at a time."""

    def __init__(self, *, british: bool) -> None:
        self._g2p = BoundedReader(UnknownWords(british=british), british=british)
        compact(self._g2p)

    def phrases(self, text: str, pronunciations: Pronunciations = ()) -> Iterator[Phrase]:
        """Yield the phrases of a text; those in which nothing can be said are left out."""
        for ends_paragraph, tokens in self.sentences(text, pronunciations):
            chunks = [chunk for chunk in pack(tokens, MOST_PHONEMES) if is_spoken(chunk.phonemes)]
            for chunk in chunks[:-1]:
                yield Phrase(chunk, inner_pause(chunk))
            for chunk in chunks[-1:]:
                yield Phrase(chunk, "paragraph" if ends_paragraph else "sentence")

    def sentences(self, text: str, pronunciations: Pronunciations = ()) -> Iterator[tuple[bool, list[Token]]]:
        """Yield the tokens of each sentence of a text, and whether it ends a paragraph."""
        cleaned = clean(text)
        given = _place_pronunciations(cleaned, pronunciations)
        for sentence in split_sentences(cleaned.text):
            own = [mark for mark in given if sentence.start <= mark[0] and mark[1] <= sentence.end]
            yield sentence.ends_paragraph, self._read(cleaned, sentence.start, sentence.end, own)

    def _read(self, cleaned: TracedText, start: int, end: int, given: Pronunciations) -> list[Token]:
        """Return the tokens of a stretch of the text.

        What the package fails at is read in halves; a word that it cannot read at all is left out.
        """
        try:
            words, spans = _write_out(cleaned.text, start, end, given, self._g2p)
            return list(_locate(cleaned, self._g2p.phonemize_tokens(self._tag(words)), spans))
        except Exception:  # rules for numbers and signs that nobody expected fail in many ways
            cut = _middle(cleaned.text, start, end, given)
            if not cut:
                return []
            before = [mark for mark in given if mark[1] <= cut]
            behind = [mark for mark in given if mark[0] >= cut]
            return self._read(cleaned, start, cut, before) + self._read(cleaned, cut, end, behind)

    def _tag(self, words: Sequence[Written]) -> list[Tok]:
        tags = self._g2p.tagger([word.text for word in words])
        return [
            Tok(word.text, tag, word.space)
            if word.given is None
            else Tok(word.text, GIVEN_TAG, word.space, phonemes=word.given, rating=GIVEN_RATING)
            for word, tag in zip(words, tags, strict=True)
        ]


class Written(msgspec.Struct):
    """A word or sign as it is read, such as "thirty" for 30."""

    text: str
    space: str = ""
    """behind it, a space or nothing"""
    given: str | None = None
    """its phonemes, where somebody gave them"""


def _place_pronunciations(cleaned: TracedText, pronunciations: Pronunciations) -> Pronunciations:
    """Return pronunciations by where they are in the cleaned text, in order, none over another."""
    placed: list[tuple[int, int, str]] = []
    for start, end, phonemes in sorted(pronunciations):
        first, last = cleaned.place(start, end)
        if first < last and phonemes and first >= (placed[-1][1] if placed else 0):
            placed.append((first, last, phonemes))
    return placed


def _write_out(
    text: str, start: int, end: int, given: Pronunciations, g2p: G2P
) -> tuple[list[Written], list[Span | None]]:
    """Return a stretch of a text as it is read, and for each of its units, those between spaces, the word of
    the text that it begins.
    """
    words: list[Written] = []
    spans: list[Span | None] = [None]
    position = start
    for first, last, phonemes in [*given, (end, end, "")]:
        _write_plain(text[position:first], position, words, spans, g2p)
        if phonemes:
            words.append(Written(text[first:last], given=phonemes))
            spans[-1] = join_spans(spans[-1], (first, last))
        position = last
    return words, spans


def _write_plain(text: str, offset: int, words: list[Written], spans: list[Span | None], g2p: G2P) -> None:
    """Add a stretch without given phonemes, which begins at `offset`, to words and spans."""
    if words and text[:1].isspace():
        words[-1].space = " "
        spans.append(None)
    rewritten = normalize(text)
    if not rewritten:
        return
    for number, span in enumerate(align_words(text, rewritten.split(), normalize)):
        if number:
            spans.append(None)
        if span and (spans[-1] is None or any(map(str.isalnum, text[slice(*span)]))):
            spans[-1] = join_spans(spans[-1], (offset + span[0], offset + span[1]))
    words += [Written(word, space) for word, space in g2p.tokenizer(rewritten)]
    if text[-1:].isspace():
        words[-1].space = " "
        spans.append(None)


def _locate(cleaned: TracedText, tokens: Sequence[Tok], spans: Sequence[Span | None]) -> Iterator[Token]:
    """Yield the package's tokens with their places in the caller's text: a word's first token has it."""
    unit = 0
    position = 0
    follows_space = True
    for token in tokens:
        phonemes = token.phonemes or ""
        span = spans[unit]
        start, end = cleaned.origin(*span) if span and is_spoken(phonemes) else (0, 0)
        if end > start >= position:
            yield Token(phonemes, start, end, space_after=bool(token.whitespace))
            position = end
        elif phonemes or not follows_space:
            yield Token(phonemes, space_after=bool(token.whitespace))
        follows_space = bool(token.whitespace) or (follows_space and not phonemes)
        unit += bool(token.whitespace)


def _middle(text: str, start: int, end: int, given: Pronunciations) -> int:
    """Return the offset behind the space nearest to the middle of a stretch; 0 where it has none."""
    spaces = [
        index + 1
        for index in range(start, end)
        if text[index].isspace() and text[start:index].strip() and text[index:end].strip()
        if not any(first <= index < last for first, last, _ in given)
    ]
    return min(spaces, key=lambda cut: abs(cut - (start + end) // 2), default=0)
