"""Japanese into Kokoro's phonemes: misaki's rules over fugashi and the dictionary in `unidic-lite`, or `unidic`'s; never online.

Kokoro's own pipeline takes `misaki.ja.JAG2P()`, which is `misaki.cutlet.Cutlet` and nothing more. `misaki.ja` would import
pyopenjtalk too, which reads none of this and fetches a dictionary of its own when it is first used: it is left out here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGES = {"fugashi": "fugashi", "jaconv": "jaconv", "mojimoji": "mojimoji", "unidic_lite": "unidic-lite"}
"""what misaki's Japanese imports, and the names to install it by"""
DIGITS = re.compile(r"\d+")
LONGEST = 9
"""digits of the longest number that misaki can say"""


def japanese() -> Callable[[str], str]:
    """Make what spells Japanese. Raises ModuleNotFoundError or FileNotFoundError with the sentence that says how to mend it."""
    _check()
    from misaki.cutlet import Cutlet

    cutlet = Cutlet()
    return lambda text: _spelled(cutlet, DIGITS.sub(_number, text))


def _check() -> None:
    """See that everything is there, so that nothing is tried without it."""
    unidic = find_spec("unidic")  # the large dictionary, which fugashi prefers
    missing = [name for module, name in PACKAGES.items() if not find_spec(module) and not (unidic and module == "unidic_lite")]
    if missing:
        raise ModuleNotFoundError(f"pip install {' '.join(missing)}")
    if unidic and not Path(unidic.origin or "").with_name("dicdir").is_dir():
        raise FileNotFoundError("unidic is there without its dictionary: uninstall it, or run python -m unidic download")


def _number(digits: re.Match[str]) -> str:
    """Write digits of any script as misaki knows them; those of a number that is too long for it are said one by one."""
    known = "".join(str(int(digit)) for digit in digits[0])
    return known if len(known) <= LONGEST else " ".join(known)


def _spelled(cutlet: Any, text: str) -> str:  # noqa: ANN401 - misaki has no types
    """Spell a text. What makes misaki stumble is read in halves, and a single character that does is left out."""
    try:
        return str(cutlet(text)[0])
    except Exception:  # KeyError, AssertionError and more: misaki meets kana and digits that it has not thought of
        half = len(text) // 2
        return " ".join(filter(None, (_spelled(cutlet, text[:half]), _spelled(cutlet, text[half:])))) if half else ""
