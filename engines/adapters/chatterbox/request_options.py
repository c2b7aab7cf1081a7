"""What a request may set of Chatterbox, and the sounds that a text may ask its Turbo for."""

from __future__ import annotations

import re
from collections.abc import Iterable

from engines.api import RequestOptions, Setting

EXAGGERATION = "exaggeration"
CFG = "cfg_weight"
TEMPERATURE = "temperature"
REPETITION = "repetition_penalty"
MIN_P = "min_p"
TOP_P = "top_p"
TOP_K = "top_k"
LONGEST_TEXT = 300
"""code points, to which its makers' own pages cut a text"""
LONGEST_SECONDS = 40.0
"""a thousand tokens, the library's own limit"""
SOUNDS = (
    "[clear throat]",
    "[sigh]",
    "[shush]",
    "[cough]",
    "[groan]",
    "[sniff]",
    "[gasp]",
    "[chuckle]",
    "[laugh]",
)
"""tokens of Turbo's vocabulary, as its makers' own page lists them"""


def sound_marks(sounds: Iterable[str]) -> tuple[str, ...]:
    """Return the marks of a vocabulary's sounds, as RequestOptions has them."""
    written = "|".join(re.escape(sound) for sound in sorted(sounds))
    return (written,) if written else ()


MULTILINGUAL = RequestOptions(
    settings=(
        Setting(EXAGGERATION, 0.0, 2.0, 0.5, "how strongly it feels what it says: more is also quicker"),
        Setting(CFG, 0.0, 1.0, 0.5, "how closely it keeps to text and pace; 0 keeps a sample's accent out"),
        Setting(TEMPERATURE, 0.05, 5.0, 0.8, "how freely it speaks: less is steadier"),
        Setting(REPETITION, 1.0, 3.0, 2.0, "how much it avoids sounds that it has made"),
        Setting(MIN_P, 0.0, 1.0, 0.05, "how likely a sound must be, as a share of the likeliest's chance"),
        Setting(TOP_P, 0.05, 1.0, 1.0, "share of the chances that it draws from: less is steadier"),
    ),
    longest_text=LONGEST_TEXT,
    longest_seconds=LONGEST_SECONDS,
)
TURBO = RequestOptions(
    settings=(
        Setting(TEMPERATURE, 0.05, 2.0, 0.8, "how freely it speaks: less is steadier"),
        Setting(REPETITION, 1.0, 2.0, 1.2, "how much it avoids sounds that it has made"),
        Setting(TOP_P, 0.05, 1.0, 0.95, "share of the chances that it draws from: less is steadier"),
        Setting(TOP_K, 1, 1000, 1000, "how many sounds it draws from: fewer are steadier", whole=True),
    ),
    marks=sound_marks(SOUNDS),
    longest_text=LONGEST_TEXT,
    longest_seconds=LONGEST_SECONDS,
)
