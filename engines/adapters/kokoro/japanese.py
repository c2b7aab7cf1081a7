"""Turn Japanese into Kokoro's phonemes, never online.

misaki's rules work over fugashi and the dictionary in `unidic-lite`, or `unidic`'s. Kokoro's own pipeline
uses `misaki.ja.JAG2P()`, which is `misaki.cutlet.Cutlet` and nothing more. `misaki.ja` would import
pyopenjtalk too, which reads none of this and fetches a dictionary of its own when it is first used: it is
left out here. What misaki would misread or leave out is written in another way before it reads it
(`normalise`).
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engines.adapters.kokoro.packages import JAPANESE, missing_packages
from engines.toolkit.advice import add_command

DIGITS = re.compile(r"\d+")
THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(,\d{3})+(?![\d,])")
DECIMAL = re.compile(r"(?<![\d.,])(\d+)\.(\d+)(?![\d.,])")
POINT = "点"
LONGEST_NUMBER = 9
"""digits of the longest number that misaki can say"""
PHONEMES_PER_DIGIT = 5
"""about"""
VARIANT_FORMS = str.maketrans("髙﨑𠮷濵德邊瀨關濟獨嶽來桒塲冨莱賴步", "高崎吉浜徳辺瀬関済独岳来桑場富萊頼歩")
"""other forms of characters, most of them of names, which the dictionary lacks: they would not be said"""


def make_japanese_phonemizer() -> Callable[[str], str]:
    """Return a function from Japanese text to Kokoro's phonemes.

    Raises ModuleNotFoundError or FileNotFoundError with a sentence that says how to mend it.
    """
    _check_packages()
    from misaki.cutlet import Cutlet

    cutlet = Cutlet()
    return lambda text: _phonemes(cutlet, DIGITS.sub(_write_number, normalise(text)))


def estimate_phonemes(text: str) -> int:
    """Return about how many phonemes a text becomes."""
    text = normalise(text)
    return len(text) + PHONEMES_PER_DIGIT * sum(map(str.isdecimal, text))


def normalise(text: str) -> str:
    """Return a text as it is read.

    Characters are in forms that the dictionary knows, numbers have no commas, and what follows a point is in
    single digits.
    """
    text = unicodedata.normalize("NFKC", text).translate(VARIANT_FORMS)
    text = THOUSANDS.sub(lambda number: number[0].replace(",", ""), text)
    return DECIMAL.sub(lambda number: f"{number[1]}{POINT}{' '.join(number[2])}", text)


def _check_packages() -> None:
    """Raise an error that names what is not installed, so that nothing is tried without it."""
    if missing := missing_packages(JAPANESE):
        raise ModuleNotFoundError(add_command(*missing))
    unidic = find_spec("unidic")  # the large dictionary, which fugashi prefers
    if unidic and not Path(unidic.origin or "").with_name("dicdir").is_dir():
        raise FileNotFoundError(
            f"unidic is there without its dictionary, which this brings: {sys.executable} -m unidic download"
        )


def _write_number(digits: re.Match[str]) -> str:
    """Return digits of any script as misaki knows them.

    Those of a number that is too long for it are read one by one.
    """
    number = "".join(str(int(digit)) for digit in digits[0])
    return number if len(number) <= LONGEST_NUMBER else " ".join(number)


def _phonemes(cutlet: Any, text: str) -> str:  # noqa: ANN401 - misaki has no types
    """Return the phonemes of a text.

    What misaki fails at is read in halves, and a single character that it fails at is left out.
    """
    try:
        return str(cutlet(text)[0])
    except Exception:  # KeyError, AssertionError and more: there are kana and digits that misaki forgot
        half = len(text) // 2
        halves = (_phonemes(cutlet, text[:half]), _phonemes(cutlet, text[half:])) if half else ()
        return " ".join(filter(None, halves))
