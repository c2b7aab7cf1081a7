"""English into Kokoro's phonemes: misaki's dictionaries and rules, eSpeak NG for words they do not know;
never online.

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

from engines.adapters.kokoro.chunks import Token
from engines.adapters.kokoro.tagger import Seen, tags

MODEL, TAGGER = "en_core_web_sm", "kokoro_tagger"
LONGEST_WORD = 50
"""what is longer is read in pieces: eSpeak NG says no more than the beginning"""
LONGEST_NUMBER = 15
"""what has more digits is read digit by digit"""
FROM_OUTSIDE = 5
"""misaki's mark for phonemes that were given"""


class Mark(msgspec.Struct, frozen=True):
    """What is asked for a stretch [start, end) of the text, as misaki writes it: "/phonemes", a stress,
    "#flags" of numbers.
    """

    start: int
    end: int
    value: str | float


@functools.cache
def language_model() -> Language:
    """Load spaCy's English model if it is installed, else what does without one."""
    if spacy.util.is_package(MODEL):
        try:
            return spacy.load(MODEL, enable=["tok2vec", "tagger"])
        except Exception:  # a model of another version fails in many ways; there is a way without one
            logging.getLogger(__name__).warning(
                "spaCy's %s cannot be loaded; going on without it.", MODEL, exc_info=True
            )
    made = spacy.blank("en")
    made.add_pipe(TAGGER)
    return made


@Language.component(TAGGER)  # type: ignore[untyped-decorator]  # a library without types
def tagged(doc: Doc) -> Doc:
    """Give the words of a text their tags."""
    words = [token for token in doc if not token.is_space]
    seen = [Seen(word.text, bool(word.whitespace_), word.like_num) for word in words]
    for word, tag in zip(words, tags(seen), strict=True):
        word.tag_ = tag
    return doc


class English(en.G2P):  # type: ignore[misc] # misaki has no types
    """misaki's English, made without a download, and such that what it gives can be found again in the text."""

    def __init__(self, *, british: bool) -> None:
        self.version = None
        self.british = british
        self.unk = ""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the libraries use what Python and torch will drop one day
            self.nlp = language_model()
            self.lexicon = en.Lexicon(british)
        self.fallback = espeak.EspeakFallback(british)
        logging.getLogger(
            "phonemizer"
        ).disabled = True  # it complains of every text that has other words when it is spelled

    def read(self, text: str, marks: Sequence[Mark] = ()) -> list[Token]:
        """Read a text whose spaces are plain ones. What makes misaki stumble is read in halves, and at last
        by eSpeak NG.
        """
        try:
            _, made = self(text, preprocess=lambda whole: (whole, [], tuple(marks)))
        except (
            Exception
        ):  # misaki meets numbers and signs that it has not thought of, with all kinds of errors
            return self._halves(text, marks)
        return list(_placed(text, made))

    def tokenize(self, text: str, tokens: list[str], features: Any) -> list[MToken]:  # noqa: ANN401 - misaki's dict, or our marks
        """Tell words apart and tag them: misaki's own step, with marks at any place."""
        if isinstance(features, dict):
            return list(super().tokenize(text, tokens, features))
        made: list[MToken] = []
        for word in self.nlp(text):
            start, end = word.idx, word.idx + (0 if word.is_space else len(word.text))
            longest = 1 if text[start:end].isdigit() and end - start > LONGEST_NUMBER else LONGEST_WORD
            for begin, until in _cut(start, end, longest, features):
                gap = text[until : until + 1] == " " or (until < end and until - begin >= longest)
                _add(made, text[begin:until], word.tag_, _over(features, begin), gap=gap, first=begin)
        return made

    def _halves(self, text: str, marks: Sequence[Mark]) -> list[Token]:
        spaces = [
            place
            for place, char in enumerate(text)
            if char == " " and text[:place].strip() and text[place:].strip()
        ]
        if not spaces:
            phonemes, _ = self.fallback(MToken(text=text.strip(), tag="NN", whitespace=""))
            lead = len(text) - len(text.lstrip())
            return [Token(phonemes or "", lead, len(text.rstrip()), text.endswith(" "))]
        middle = min(spaces, key=lambda place: abs(place - len(text) // 2)) + 1
        before = self.read(text[:middle], [mark for mark in marks if mark.end <= middle])
        behind = self.read(text[middle:], [_moved(mark, -middle) for mark in marks if mark.start >= middle])
        return before + [_later(token, middle) for token in behind]


def _cut(start: int, end: int, longest: int, marks: Sequence[Mark]) -> Iterator[tuple[int, int]]:
    """Cut a word where a mark begins or ends within it, and where it grows too long."""
    edges = {edge for mark in marks for edge in (mark.start, mark.end) if start < edge < end}
    return pairwise(sorted({*range(start, end, longest), end, *edges}))  # nothing, where nothing is cut


def _over(marks: Sequence[Mark], place: int) -> Mark | None:
    return next((mark for mark in marks if mark.start <= place < mark.end), None)


def _add(made: list[MToken], text: str, tag: str, mark: Mark | None, *, gap: bool, first: int) -> None:
    """Add a token that begins at `first`. One mark's phonemes are those of all its words together: they
    become one token.
    """
    space = " " * gap
    given = mark.value[1:] if mark and isinstance(mark.value, str) and mark.value.startswith("/") else None
    if mark and given is not None and made and first > mark.start:
        made[-1].text += made[-1].whitespace + text
        made[-1].whitespace = space
        return
    token = MToken(text, tag, space, _=MToken.Underscore(is_head=True, num_flags="", prespace=False))
    if given is not None:
        token.phonemes, token._.rating = given, FROM_OUTSIDE
    elif mark and isinstance(mark.value, str):
        token._.num_flags = mark.value[1:]
    elif mark:
        token._.stress = mark.value
    made.append(token)


def _placed(text: str, made: Iterable[MToken]) -> Iterator[Token]:
    """Find misaki's tokens again in the text: it keeps their order, but drops a stray apostrophe within a
    word.
    """
    at = 0
    for token in made:
        start = None
        for char in token.text:
            found = -1 if char == " " else text.find(char, at)
            if found >= 0:
                start, at = found if start is None else start, found + 1
        phonemes = token.phonemes or ""
        spoken = start is not None and any(char.isalpha() for char in phonemes)
        yield Token(
            phonemes,
            start if spoken and start is not None else 0,
            at if spoken else 0,
            gap=bool(token.whitespace),
        )


def _moved(mark: Mark, by: int) -> Mark:
    return Mark(mark.start + by, mark.end + by, mark.value)


def _later(token: Token, by: int) -> Token:
    return (
        msgspec.structs.replace(token, start=token.start + by, end=token.end + by)
        if token.end > token.start
        else token
    )
