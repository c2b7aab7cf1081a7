"""What OmniVoice is told of a described voice: it was taught attributes of a few kinds, and nothing else.

They are found in the words of a description; `male, low pitch, british accent` is one already.
"""

from __future__ import annotations

import re

from engines.errors import BadInput

KINDS: tuple[tuple[tuple[str, str], ...], ...] = (
    (
        ("female", r"female|wom[ae]n|girls?|lady|ladies|she|her|(grand)?(mother|ma)|aunt|queen|女"),
        ("male", r"male|m[ae]n|boys?|guys?|gentlem[ae]n|he|his|(grand)?(father|pa)|uncle|king|男"),
    ),
    (
        ("elderly", r"elderly|old|older|aged|senior|grand(mother|father|ma|pa)|老年"),
        ("middle-aged", r"middle[- ]aged|mature|中年"),
        ("teenager", r"teen|teens|teenaged?|teenagers?|adolescent|少年"),
        ("child", r"child|children|kid|kids|boys?|girls?|toddler|儿童"),
        ("young adult", r"young|younger|youthful|青年"),
    ),
    (
        ("very low pitch", r"very (low|deep)( pitch)?|极低音调"),
        ("very high pitch", r"very (high|bright)( pitch)?|squeaky|极高音调"),
        ("moderate pitch", r"moderate pitch|中音调"),
        ("low pitch", r"low|deep|low pitch|低音调"),
        ("high pitch", r"high|bright|shrill|high pitch|高音调"),
    ),
    (("whisper", r"whisper(s|ed|ing)?|耳语"),),
    tuple(
        (f"{name} accent", rf"{name}( accent)?")
        for name in (
            *("american", "british", "australian", "chinese", "canadian"),
            *("indian", "korean", "portuguese", "russian", "japanese"),
        )
    ),
)
"""of each kind the attributes, of which a voice has one at most, with the words that mean them; those before
others go before them: omnivoice 0.2.1, `_INSTRUCT_CATEGORIES`
"""
SEPARATOR = ", "


def attributes(description: str) -> str:
    """Return the attributes that a description names, as the library wants them.

    Raises BadInput where it names none.
    """
    words = description.lower()
    found = [name for kind in KINDS for name in _first(kind, words)]
    if not found:
        known = SEPARATOR.join(name for kind in KINDS for name, _ in kind)
        raise BadInput(
            f"OmniVoice designs a voice of these: {known}. The description names none.", param="voice"
        )
    return SEPARATOR.join(found)


def _first(kind: tuple[tuple[str, str], ...], words: str) -> list[str]:
    """Return the attribute of a kind that is named first, or no attribute."""
    return next(([name] for name, meant in kind if re.search(rf"(?<![a-z])(?:{meant})(?![a-z])", words)), [])
