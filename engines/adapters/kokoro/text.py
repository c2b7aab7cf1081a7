"""Turn text into the chunks of phonemes that Kokoro speaks, in each of its languages.

It works offline, and loses no text.

English goes through misaki, word by word (`english`), or where torch and spaCy are to be left alone through
hibari's front end (`light_english`). Spanish, French, Hindi, Italian and Portuguese go through eSpeak NG,
Japanese (`japanese`) and Chinese through misaki where the packages that it needs for them are installed
(`packages`); of these languages only whole stretches are known, so a text that is too long is halved at the
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

from engines.adapters.kokoro.japanese import estimate_phonemes, make_japanese_phonemizer
from engines.adapters.kokoro.marks import Mark
from engines.adapters.kokoro.packages import missing_packages, needed_packages
from engines.adapters.kokoro.voices import LANGUAGES
from engines.errors import Unsupported
from engines.toolkit.advice import add_command
from engines.toolkit.error_text import telling_line
from engines.toolkit.phoneme_chunks import Chunk, ChunkWord, Token, pack, slices

VOICES = {"e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br"}
"""eSpeak's voices by Kokoro's letters for languages"""
Spans = Sequence[tuple[int, int, str]]
"""stretches [start, end) of a text, with phonemes in Kokoro's letters"""
Phonemize = Callable[[str], str]

PARAGRAPH = re.compile(r"\n\s*\n")
BLANK = re.compile(r"\s")
UNSPEAKABLE = dict.fromkeys((*range(9), *range(14, 32), *range(127, 160), *range(0xD800, 0xE000)), " ")
"""control characters and lone surrogates, which the libraries cannot take"""
LONG_WORD = re.compile(r"\S{50}(?=\S)")
"""of a longer one eSpeak NG speaks the beginning only"""
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


LATIN = re.compile(r"[A-Za-z]")
EAST_ASIAN = re.compile(r"[ぁ-ヿㇰ-ㇿ㐀-鿿\uf900-\ufaffｦ-ﾟ\U00020000-\U0003FFFF々〆〇]")
"""compatibility forms by their numbers: what composes texts would replace them, and let Hangul in"""


class FrontEnd(Protocol):
    """What turns texts of one language into phonemes."""

    def chunks(self, text: str, spans: Spans, max_phonemes: int) -> Iterator[Chunk]:
        """Yield a text's chunks, of at most `max_phonemes`; the offsets of words are those in the text."""
        ...


def choose_language(language: str, text: str) -> str:
    """Return the language that a voice of some language reads a text in, both by Kokoro's letters.

    Japanese and Chinese are never written in Latin letters alone, and misaki would leave those as they are,
    which sounds like nothing: such a text is read as English.
    """
    is_foreign = language in "jz" and LATIN.search(text) and not EAST_ASIAN.search(text)
    return "a" if is_foreign else language


class EnglishPhonemizer(Protocol):
    """What turns English into phonemes, word by word."""

    def phonemize(self, text: str, marks: Sequence[Mark] = ()) -> list[Token]:
        """Return the tokens of a text whose spaces are plain ones."""
        ...


def make_front_end(language: str, *, light: bool = False) -> FrontEnd:
    """Return the front end of a language, by Kokoro's letter for it; `light` is one without torch and spaCy.

    Raises Unsupported where its packages are missing.
    """
    if language in "jz":
        phonemize = _asian_phonemizer(language)
        return WholeTextFrontEnd(phonemize, estimate_phonemes if language == "j" else len)
    if missing := missing_packages(needed_packages(language, light=light)):
        raise Unsupported(
            f"Kokoro's {LANGUAGES[language].name} needs packages that are not installed here: "
            f"{add_command(*missing)}.",
            param="voice",
        )
    if language in "ab":
        return EnglishFrontEnd(_english(british=language == "b", light=light))
    espeak = _light_espeak(language) if light else _espeak(language)
    return WholeTextFrontEnd(lambda text: espeak(LONG_WORD.sub(r"\g<0> ", text)))


def _english(*, british: bool, light: bool) -> EnglishPhonemizer:
    if light:
        from engines.adapters.kokoro.light_english import LightEnglish

        return LightEnglish(british=british)
    from engines.adapters.kokoro.english import English

    english: EnglishPhonemizer = English(british=british)
    return english


def _espeak(language: str) -> Phonemize:
    from misaki.espeak import EspeakG2P

    espeak = EspeakG2P(language=VOICES[language])
    return lambda text: str(espeak(text)[0])


def _light_espeak(language: str) -> Phonemize:
    from engines.adapters.kokoro.espeak_reader import EspeakReader

    return EspeakReader(language).phonemize


def _asian_phonemizer(language: str) -> Phonemize:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what setuptools and importlib will drop one day
            return make_japanese_phonemizer() if language == "j" else _chinese_phonemizer()
    except Exception as exc:  # a package or its dictionary may be missing; each says so in its own way
        reason = telling_line(exc).rstrip(".")
        packages = "fugashi, jaconv, mojimoji and unidic-lite" if language == "j" else "misaki[zh]"
        raise Unsupported(
            f"Kokoro's {LANGUAGES[language].name} needs {packages}, "
            f"and not all of that is installed here: {reason}.",
            param="voice",
        ) from exc


def _chinese_phonemizer() -> Phonemize:
    from misaki.zh import ZHG2P

    chinese = ZHG2P()
    return lambda text: str(chinese(text)[0])


class EnglishFrontEnd:
    """The front end of English, which gives words."""

    def __init__(self, english: EnglishPhonemizer) -> None:
        self._english = english

    def chunks(self, text: str, spans: Spans, max_phonemes: int) -> Iterator[Chunk]:
        """Yield a text's chunks, as FrontEnd has it."""
        for start, end in _paragraphs(text):
            plain, origin, marks = _extract_marks(text[start:end], _spans_within(spans, start, end))
            for chunk in pack(self._english.phonemize(plain, marks), max_phonemes):
                words = (
                    ChunkWord(
                        start + origin[word.start], start + origin[word.end - 1] + 1, word.first_phoneme
                    )
                    for word in chunk.words
                )
                yield Chunk(chunk.phonemes, tuple(words))


class WholeTextFrontEnd:
    """The front end of a language of which only whole stretches are known, and no words.

    `estimate` returns about how many phonemes a text becomes at least.
    """

    def __init__(
        self, phonemize: Phonemize, estimate: Callable[[str], int] = lambda text: len(text) // 2
    ) -> None:
        self._phonemize_text = phonemize
        self._estimate = estimate

    def chunks(self, text: str, spans: Spans, max_phonemes: int) -> Iterator[Chunk]:
        """Yield a text's chunks, as FrontEnd has it, without words."""
        for start, end in _paragraphs(text):
            plain, _, marks = _extract_marks(text[start:end], _spans_within(spans, start, end))
            given = [
                (mark.start, mark.end, mark.value[1:])
                for mark in sorted(marks, key=lambda mark: mark.start)
                if isinstance(mark.value, str) and mark.value.startswith("/")
            ]
            for phonemes in self._parts(plain, given, max_phonemes):
                yield Chunk(phonemes)

    def _parts(self, text: str, spans: Spans, max_phonemes: int) -> Iterator[str]:
        """Yield a text's phonemes, in halves of halves until each fits."""
        # where it is too long it is not worth reading whole: misaki's time for Japanese grows with the cube
        too_long = self._estimate(text) > max_phonemes
        phonemes = "" if too_long else self._phonemize_with_spans(text, spans)
        cut = _find_middle(text, spans) if too_long or len(phonemes) > max_phonemes else 0
        if cut:
            yield from self._parts(text[:cut], _spans_within(spans, 0, cut), max_phonemes)
            yield from self._parts(text[cut:], _spans_within(spans, cut, len(text)), max_phonemes)
        else:
            phonemes = phonemes or self._phonemize_with_spans(text, spans)
            yield from (part for part in slices(phonemes, max_phonemes) if part.strip())

    def _phonemize_with_spans(self, text: str, spans: Spans) -> str:
        """Return the phonemes of a text, with those that are given in their places."""
        parts = []
        position = 0
        for start, end, given in spans:
            parts += [self._phonemize(text[position:start]), given]
            position = end
        parts.append(self._phonemize(text[position:]))
        return " ".join(part for part in parts if part)

    def _phonemize(self, text: str) -> str:
        return self._phonemize_text(text.strip()).strip() if text.strip() else ""


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Yield the stretches between blank lines, as [start, end)."""
    start = 0
    for match in PARAGRAPH.finditer(text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def _plain(text: str) -> str:
    """Return a text with plain spaces for all spaces, one for one, and for what cannot be spoken."""
    return BLANK.sub(" ", text.translate(UNSPEAKABLE))


def _spans_within(spans: Spans, start: int, end: int) -> list[tuple[int, int, str]]:
    """Return the stretches that lie whole in [start, end), by their offsets in it, none over another."""
    inside: list[tuple[int, int, str]] = []
    for first, last, given in sorted(spans):
        previous_end = inside[-1][1] if inside else 0
        if start <= first < last <= end and given and first - start >= previous_end:
            inside.append((first - start, last - start, given))
    return inside


def _extract_marks(text: str, spans: Spans) -> tuple[str, list[int], list[Mark]]:
    """Return a text without misaki's marks, the offset at which each of its characters was, and the marks."""
    origin: list[int] = []
    marks: list[Mark] = []
    position = 0
    for match in LINK.finditer(text):
        origin += range(position, match.start())
        if (value := _mark_value(match[2])) is not None:
            marks.append(Mark(len(origin), len(origin) + len(match[1]), value))
        origin += range(*match.span(1))
        position = match.end()
    origin += range(position, len(text))
    for first, last, given in spans:
        start = bisect_left(origin, first)
        end = bisect_left(origin, last)
        if start < end and not any(mark.start < end and start < mark.end for mark in marks):
            marks.append(Mark(start, end, f"/{given}"))
    return _plain("".join(text[index] for index in origin)), origin, marks


def _mark_value(written: str) -> str | float | None:
    """Return what a mark's parentheses ask for; None where it is none of misaki's, such as a link."""
    if STRESS.fullmatch(written):
        return float(written)
    bracket = written[:1]
    if len(written) > 1 and bracket in ("/", "#") and written.endswith(bracket):
        return bracket + written[1:].rstrip(bracket)
    return None


def _find_middle(text: str, spans: Spans) -> int:
    """Return the best offset near the middle to cut a text at; 0 where there is none."""
    half = len(text) // 2
    first = len(text) // 5
    last = len(text) * 4 // 5
    for pattern in CUTS:
        ends = (match.end() for match in pattern.finditer(text))
        cuts = [end for end in ends if first <= end <= last and not _is_inside(spans, end)]
        if cuts:
            return min(cuts, key=lambda cut: abs(cut - half))
    edges = [edge for start, end, _ in spans if start < half < end for edge in (start, end)]
    return next((edge for edge in edges if 0 < edge < len(text)), 0 if edges else half)


def _is_inside(spans: Spans, offset: int) -> bool:
    return any(start < offset < end for start, end, _ in spans)
