"""Turn English into Kokoro's phonemes, never online.

They come from misaki's dictionaries and rules, and from eSpeak NG for words that these do not know.
misaki would download spaCy's model `en_core_web_sm` where it is missing. Here it is used where it is
installed; otherwise spaCy only tells words apart, and `tagger` guesses their parts of speech.
"""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import spacy
from misaki import en, espeak
from misaki.token import MToken
from spacy.language import Language
from spacy.tokens import Doc

from engines.adapters.kokoro.marks import Mark
from engines.adapters.kokoro.tagger import TaggerToken, tag_tokens
from engines.toolkit.phoneme_chunks import Token

MODEL = "en_core_web_sm"
TAGGER = "kokoro_tagger"
LONGEST_WORD = 50
"""what is longer is read in pieces: eSpeak NG speaks no more than the beginning"""
LONGEST_NUMBER = 15
"""what has more digits is read digit by digit"""
GIVEN_RATING = 5
"""misaki's mark for phonemes that were given"""


@functools.cache
def language_model() -> Language:
    """Return spaCy's English model if it is installed, else one that has our tagger in its place."""
    if spacy.util.is_package(MODEL):
        try:
            return spacy.load(MODEL, enable=["tok2vec", "tagger"])
        except Exception:  # a model of another version fails in many ways; there is a way without one
            logging.getLogger(__name__).warning(
                "spaCy's %s cannot be loaded; going on without it.", MODEL, exc_info=True
            )
    model = spacy.blank("en")
    model.add_pipe(TAGGER)
    return model


@Language.component(TAGGER)  # type: ignore[untyped-decorator]  # a library without types
def add_tags(doc: Doc) -> Doc:
    """Set the tags of a text's words, and return it."""
    words = [token for token in doc if not token.is_space]
    tokens = [TaggerToken(word.text, bool(word.whitespace_), word.like_num) for word in words]
    for word, tag in zip(words, tag_tokens(tokens), strict=True):
        word.tag_ = tag
    return doc


class English(en.G2P):  # type: ignore[misc] # misaki has no types
    """misaki's English, without a download, and with tokens that can be found again in the text."""

    def __init__(self, *, british: bool) -> None:
        self.version = None
        self.british = british
        self.unk = ""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the libraries use what Python and torch will drop one day
            self.nlp = language_model()
            self.lexicon = en.Lexicon(british)
        self.fallback = espeak.EspeakFallback(british)
        # it complains of every text whose spelling has another number of words
        logging.getLogger("phonemizer").disabled = True

    def phonemize(self, text: str, marks: Sequence[Mark] = ()) -> list[Token]:
        """Return the tokens of a text whose spaces are plain ones.

        What misaki fails at is read in halves, and at last by eSpeak NG.
        """
        try:
            _, tokens = self(text, preprocess=lambda whole: (whole, [], tuple(marks)))
        except Exception:  # misaki fails in many ways at numbers and signs that it did not expect
            return self._phonemize_halves(text, marks)
        return list(_locate(text, tokens))

    def tokenize(self, text: str, tokens: list[str], features: Any) -> list[MToken]:  # noqa: ANN401 - misaki's dict, or our marks
        """Return the tagged words of a text: misaki's own step, with marks at any place."""
        if isinstance(features, dict):
            return list(super().tokenize(text, tokens, features))
        tagged: list[MToken] = []
        for word in self.nlp(text):
            start = word.idx
            end = word.idx + (0 if word.is_space else len(word.text))
            digits = text[start:end].isdigit() and end - start > LONGEST_NUMBER
            longest = 1 if digits else LONGEST_WORD
            for first, last in _cut_word(start, end, longest, features):
                space_after = text[last : last + 1] == " " or (last < end and last - first >= longest)
                mark = _mark_at(features, first)
                _add_token(tagged, text[first:last], word.tag_, mark, space_after=space_after, start=first)
        return tagged

    def _phonemize_halves(self, text: str, marks: Sequence[Mark]) -> list[Token]:
        spaces = [
            index
            for index, char in enumerate(text)
            if char == " " and text[:index].strip() and text[index:].strip()
        ]
        if not spaces:
            phonemes, _ = self.fallback(MToken(text=text.strip(), tag="NN", whitespace=""))
            lead = len(text) - len(text.lstrip())
            return [Token(phonemes or "", lead, len(text.rstrip()), text.endswith(" "))]
        middle = min(spaces, key=lambda index: abs(index - len(text) // 2)) + 1
        before = self.phonemize(text[:middle], [mark for mark in marks if mark.end <= middle])
        marks_behind = [_shift_mark(mark, -middle) for mark in marks if mark.start >= middle]
        behind = self.phonemize(text[middle:], marks_behind)
        return before + [_shift_token(token, middle) for token in behind]


def _cut_word(start: int, end: int, longest: int, marks: Sequence[Mark]) -> Iterator[tuple[int, int]]:
    """Yield the parts of a word, cut where a mark begins or ends within it, and where it grows too long."""
    edges = {edge for mark in marks for edge in (mark.start, mark.end) if start < edge < end}
    return pairwise(sorted({*range(start, end, longest), end, *edges}))  # nothing, where nothing is cut


def _mark_at(marks: Sequence[Mark], offset: int) -> Mark | None:
    return next((mark for mark in marks if mark.start <= offset < mark.end), None)


def _add_token(
    tokens: list[MToken], text: str, tag: str, mark: Mark | None, *, space_after: bool, start: int
) -> None:
    """Add a token that begins at `start`.

    One mark's phonemes are those of all its words together: they become one token.
    """
    space = " " * space_after
    given = mark.value[1:] if mark and isinstance(mark.value, str) and mark.value.startswith("/") else None
    if mark and given is not None and tokens and start > mark.start:
        tokens[-1].text += tokens[-1].whitespace + text
        tokens[-1].whitespace = space
        return
    token = MToken(text, tag, space, _=MToken.Underscore(is_head=True, num_flags="", prespace=False))
    if given is not None:
        token.phonemes = given
        token._.rating = GIVEN_RATING
    elif mark and isinstance(mark.value, str):
        token._.num_flags = mark.value[1:]
    elif mark:
        token._.stress = mark.value
    tokens.append(token)


def _locate(text: str, tokens: Iterable[MToken]) -> Iterator[Token]:
    """Yield misaki's tokens with their offsets in the text.

    misaki keeps their order, but drops a stray apostrophe within a word.
    """
    position = 0
    for token in tokens:
        start = None
        for char in token.text:
            found = -1 if char == " " else text.find(char, position)
            if found >= 0:
                start = found if start is None else start
                position = found + 1
        phonemes = token.phonemes or ""
        spoken = start is not None and any(char.isalpha() for char in phonemes)
        yield Token(
            phonemes,
            start if spoken and start is not None else 0,
            position if spoken else 0,
            space_after=bool(token.whitespace),
        )


def _shift_mark(mark: Mark, by: int) -> Mark:
    return Mark(mark.start + by, mark.end + by, mark.value)


def _shift_token(token: Token, by: int) -> Token:
    if token.end <= token.start:
        return token
    return msgspec.structs.replace(token, start=token.start + by, end=token.end + by)
