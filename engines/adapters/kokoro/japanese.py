"""Japanese into Kokoro's phonemes: misaki's rules over fugashi and the dictionary in `unidic-lite`, or
`unidic`'s; never online.

Kokoro's own pipeline takes `misaki.ja.JAG2P()`, which is `misaki.cutlet.Cutlet` and nothing more. `misaki.ja`
would import pyopenjtalk too, which reads none of this and fetches a dictionary of its own when it is first
used: it is left out here. What misaki would misread or leave out is written in another way before it reads it
(`written`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGES = {"fugashi": "fugashi", "jaconv": "jaconv", "mojimoji": "mojimoji", "unidic_lite": "unidic-lite"}
"""what misaki's Japanese imports, and the names to install it by"""
DIGITS = re.compile(r"\d+")
THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(,\d{3})+(?![\d,])")
DECIMAL = re.compile(r"(?<![\d.,])(\d+)\.(\d+)(?![\d.,])")
POINT = "点"
LONGEST = 9
"""digits of the longest number that misaki can say"""
READ_AS = 5
"""phonemes of a digit, about"""
FORMS = str.maketrans("髙﨑𠮷濵德邊瀨關濟獨嶽來桒塲冨莱賴步", "高崎吉浜徳辺瀬関済独岳来桑場富萊頼歩")
"""other forms of characters, most of them of names, which the dictionary lacks: they would not be said"""


def japanese() -> Callable[[str], str]:
    """Make what spells Japanese. Raises ModuleNotFoundError or FileNotFoundError with the sentence that says
    how to mend it.
    """
    _check()
    from misaki.cutlet import Cutlet

    cutlet = Cutlet()
    return lambda text: _spelled(cutlet, DIGITS.sub(_number, written(text)))


def weight(text: str) -> int:
    """Tell about how many phonemes a text becomes."""
    known = written(text)
    return len(known) + READ_AS * sum(map(str.isdecimal, known))


def written(text: str) -> str:
    """Write a text as it is read: characters in known forms, numbers without commas, and what follows a point
    in digits.
    """
    text = unicodedata.normalize("NFKC", text).translate(FORMS)
    text = THOUSANDS.sub(lambda number: number[0].replace(",", ""), text)
    return DECIMAL.sub(lambda number: f"{number[1]}{POINT}{' '.join(number[2])}", text)


def _check() -> None:
    """See that everything is there, so that nothing is tried without it."""
    unidic = find_spec("unidic")  # the large dictionary, which fugashi prefers
    missing = [
        name
        for module, name in PACKAGES.items()
        if not find_spec(module) and not (unidic and module == "unidic_lite")
    ]
    if missing:
        raise ModuleNotFoundError(f"pip install {' '.join(missing)}")
    if unidic and not Path(unidic.origin or "").with_name("dicdir").is_dir():
        raise FileNotFoundError(
            "unidic is there without its dictionary: uninstall it, or run python -m unidic download"
        )


def _number(digits: re.Match[str]) -> str:
    """Write digits of any script as misaki knows them; those of a number that is too long for it are said one
    by one.
    """
    known = "".join(str(int(digit)) for digit in digits[0])
    return known if len(known) <= LONGEST else " ".join(known)


def _spelled(cutlet: Any, text: str) -> str:  # noqa: ANN401 - misaki has no types
    """Spell a text. What makes misaki stumble is read in halves, and a single character that does is left
    out.
    """
    try:
        return str(cutlet(text)[0])
    except (
        Exception
    ):  # KeyError, AssertionError and more: misaki meets kana and digits that it has not thought of
        half = len(text) // 2
        return (
            " ".join(filter(None, (_spelled(cutlet, text[:half]), _spelled(cutlet, text[half:]))))
            if half
            else ""
        )
