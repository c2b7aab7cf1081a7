"""The scripts that only some of eSpeak NG's voices read; the others say "Chinese letter", or spell.

Measured, by a word of each script in each voice: one that is read comes out as one word. Scripts that are not
here are read by every voice, which goes over to a language that is written so.
"""

from __future__ import annotations

CYRILLIC = """
ba be bg bs cv hr ka kk ky lfn ltg lv mk nog ru sr tt uk uz
"""
SCRIPT_LANGUAGES: dict[str, tuple[str, ...]] = {
    "Han": ("cmn", "yue", "hak"),
    "Hiragana": ("ja",),
    "Katakana": ("ja",),
    "Cyrillic": tuple(CYRILLIC.split()),
    "Greek": ("el", "grc"),
    "Arabic": ("ar", "fa", "sd", "ur", "ug"),
    "Hebrew": ("he",),
    "Thai": ("th",),
    "Telugu": ("te",),
    "Oriya": ("or",),
    "Ethiopic": ("am", "ti"),
    "Myanmar": ("my", "shn"),
    "Khmer": (),
    "Lao": (),
    "Tibetan": (),
}
