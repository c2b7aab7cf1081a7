"""Text into what Kokoro speaks at once, in each of its languages; offline, and without losing text.

English goes through misaki, word by word (`english`). Spanish, French, Hindi, Italian and Portuguese go
through eSpeak NG, Japanese (`japanese`) and Chinese through misaki where the packages that it needs for them
are installed; of these languages only whole stretches are known, so a text that is too long is halved at the
best place until its parts fit. A blank line always parts chunks.

In English text `[word](/phonemes/)` and the other marks of misaki's are honoured, as users of Kokoro know
them.
"""

from __future__ import annotations

import re
import warnings
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from engines.adapters.kokoro.chunks import Chunk, Spot, pack, sliced
from engines.adapters.kokoro.english import English, Mark
from engines.adapters.kokoro.japanese import japanese, weight
from engines.adapters.kokoro.voices import LANGUAGES
from engines.errors import Unsupported

Spans = Sequence[tuple[int, int, str]]
"""stretches [start, end) of a text, with phonemes in Kokoro's letters"""
Phonemes = Callable[[str], str]

ESPEAK = {"e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br"}
PARAGRAPH = re.compile(r"\n\s*\n")
BLANK = re.compile(r"\s")
UNSPEAKABLE = dict.fromkeys((*range(9), *range(14, 32), *range(127, 160), *range(0xD800, 0xE000)), " ")
"""control characters and lone surrogates, which the libraries cannot take"""
LONG_WORD = re.compile(r"\S{50}(?=\S)")
"""of a longer one eSpeak NG says the beginning only"""
LINK = re.compile(r"\[([^\]]+)\]\(([^)]*)\)")
STRESS = re.compile(r"[-+]?(\d+|0\.5)")
CUTS = (
    re.compile(r"[.!?…]+[\"'”’»)]*\s+|[。｡！？।॥]+[」｣』）】》〉”’]*"),
    re.compile(r"[,;:—]\s+|[、､，；：]"),
    re.compile(r"\s+"),
    re.compile(r"(?<=[ぁ-ゖ])(?=[ァ-ヺ一-鿿])"),
)
"""where a text is cut, best first; at last between Japanese words, which have no spaces: behind an ending,
before a stem
"""


class Reader(Protocol):
    """Reads texts of one language."""

    def chunks(self, text: str, spans: Spans, limit: int) -> Iterator[Chunk]:
        """Give a text's phonemes, at most `limit` at once; the places of words are those in the text."""
        ...


def reader(language: str) -> Reader:
    """Make the reader of a language, by Kokoro's letter for it. Raises Unsupported where its packages are
    missing.
    """
    if language in "ab":
        return EnglishReader(English(british=language == "b"))
    if language in ESPEAK:
        from misaki.espeak import EspeakG2P

        speller = EspeakG2P(language=ESPEAK[language])
        return OtherReader(lambda text: str(speller(LONG_WORD.sub(r"\g<0> ", text))[0]))
    return OtherReader(_asian(language), weight if language == "j" else len)


def _asian(language: str) -> Phonemes:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what setuptools and importlib will drop one day
            return japanese() if language == "j" else _chinese()
    except (
        Exception
    ) as exc:  # what is missing may be a package or its dictionary; each says so in its own way
        reason = str(exc).strip().partition("\n")[0].rstrip(".")
        packages = "fugashi, jaconv, mojimoji and unidic-lite" if language == "j" else "misaki[zh]"
        needed = (
            f"Kokoro's {LANGUAGES[language].name} needs {packages}, and not all of that is installed here"
        )
        raise Unsupported(f"{needed}: {reason}.", param="voice") from exc


def _chinese() -> Phonemes:
    from misaki.zh import ZHG2P

    speller = ZHG2P()
    return lambda text: str(speller(text)[0])


class EnglishReader:
    """Reads English, and tells its words."""

    def __init__(self, english: English) -> None:
        self._english = english

    def chunks(self, text: str, spans: Spans, limit: int) -> Iterator[Chunk]:
        """See Reader."""
        for start, end in _paragraphs(text):
            plain, origin, marks = _unmarked(text[start:end], _within(spans, start, end))
            for chunk in pack(self._english.read(plain, marks), limit):
                words = (
                    Spot(start + origin[word.start], start + origin[word.end - 1] + 1, word.at)
                    for word in chunk.words
                )
                yield Chunk(chunk.phonemes, tuple(words))


class OtherReader:
    """Reads a language of which only whole stretches are known; `least`: about how many phonemes a text
    becomes at least.
    """

    def __init__(self, phonemes: Phonemes, least: Callable[[str], int] = lambda text: len(text) // 2) -> None:
        self._phonemes = phonemes
        self._least = least

    def chunks(self, text: str, spans: Spans, limit: int) -> Iterator[Chunk]:
        """See Reader. There are no words."""
        for start, end in _paragraphs(text):
            for phonemes in self._parts(_plain(text[start:end]), _within(spans, start, end), limit):
                yield Chunk(phonemes)

    def _parts(self, text: str, spans: Spans, limit: int) -> Iterator[str]:
        long = (
            self._least(text) > limit
        )  # not worth reading whole: misaki's time for Japanese grows with the cube
        phonemes = "" if long else self._said(text, spans)
        cut = _middle(text, spans) if long or len(phonemes) > limit else 0
        if cut:
            yield from self._parts(text[:cut], _within(spans, 0, cut), limit)
            yield from self._parts(text[cut:], _within(spans, cut, len(text)), limit)
        else:
            yield from (
                piece for piece in sliced(phonemes or self._said(text, spans), limit) if piece.strip()
            )

    def _said(self, text: str, spans: Spans) -> str:
        """Give the phonemes of a text, with those that are given in their places."""
        pieces, at = [], 0
        for start, end, given in spans:
            pieces += [self._spelled(text[at:start]), given]
            at = end
        return " ".join(piece for piece in (*pieces, self._spelled(text[at:])) if piece)

    def _spelled(self, text: str) -> str:
        return self._phonemes(text.strip()).strip() if text.strip() else ""


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Give the stretches between blank lines."""
    start = 0
    for match in PARAGRAPH.finditer(text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def _plain(text: str) -> str:
    """Make all spaces plain ones, one for one, and what cannot be spoken too."""
    return BLANK.sub(" ", text.translate(UNSPEAKABLE))


def _within(spans: Spans, start: int, end: int) -> list[tuple[int, int, str]]:
    """Give the stretches that lie whole in [start, end), as places in it, none over another."""
    found: list[tuple[int, int, str]] = []
    for first, last, given in sorted(spans):
        if start <= first < last <= end and given and first - start >= (found[-1][1] if found else 0):
            found.append((first - start, last - start, given))
    return found


def _unmarked(text: str, spans: Spans) -> tuple[str, list[int], list[Mark]]:
    """Take misaki's marks out of a text: what is left, where each of its characters stood, and the marks."""
    origin: list[int] = []
    marks: list[Mark] = []
    at = 0
    for match in LINK.finditer(text):
        origin += range(at, match.start())
        if (value := _value(match[2])) is not None:
            marks.append(Mark(len(origin), len(origin) + len(match[1]), value))
        origin += range(*match.span(1))
        at = match.end()
    origin += range(at, len(text))
    for first, last, given in spans:
        start, end = bisect_left(origin, first), bisect_left(origin, last)
        if start < end and not any(mark.start < end and start < mark.end for mark in marks):
            marks.append(Mark(start, end, f"/{given}"))
    return _plain("".join(text[place] for place in origin)), origin, marks


def _value(written: str) -> str | float | None:
    """Read what stands in a mark's parentheses; None where it is none of misaki's, such as a link."""
    if STRESS.fullmatch(written):
        return float(written)
    bracket = written[:1]
    if len(written) > 1 and bracket in ("/", "#") and written.endswith(bracket):
        return bracket + written[1:].rstrip(bracket)
    return None


def _middle(text: str, spans: Spans) -> int:
    """Find the best place near the middle to cut a text; 0 where there is none."""
    half = len(text) // 2
    for pattern in CUTS:
        places = [
            match.end()
            for match in pattern.finditer(text)
            if len(text) // 5 <= match.end() <= len(text) * 4 // 5
        ]
        places = [place for place in places if not any(start < place < end for start, end, _ in spans)]
        if places:
            return min(places, key=lambda place: abs(place - half))
    edges = [edge for start, end, _ in spans if start < half < end for edge in (start, end)]
    return next((edge for edge in edges if 0 < edge < len(text)), 0 if edges else half)
