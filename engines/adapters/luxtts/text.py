"""The texts that LuxTTS reads: English, Chinese, and sounds in pinyin between angle brackets."""

from __future__ import annotations

import re

PINYIN = r"<[a-zü]{1,6}[1-5]>"
"""a syllable with its tone, as in `<ni3>`: https://github.com/k2-fsa/ZipVoice, "Pronunciation correction" """
MARKS_AND_BRACKETS = re.compile(f"({PINYIN})|([<\\[])|([>\\]])")


def plain_text(text: str) -> str:
    """Return a text on one line in which only pinyin stands between angle brackets.

    The library takes whatever is between `<` or `[` and `>` or `]` for a sign, and leaves it out.
    """
    replaced = MARKS_AND_BRACKETS.sub(lambda found: found[1] or ("(" if found[2] else ")"), text)
    return " ".join(replaced.split())
