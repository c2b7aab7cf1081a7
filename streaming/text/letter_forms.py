"""Letters in a form of their own: small capitals, circled, squared and raised ones, two in one.

People write with them where a program offers no typeface; fonts and PDFs leave others behind. To a reader
they are the letters that they show; engines spell their numbers.
"""

from __future__ import annotations

import unicodedata

SMALL_CAPITALS = dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz", strict=True))
PHONETIC = "ʙɢʜɪʟɴʀʏ"
"""small capitals that are signs of the phonetic alphabet as well: where one stands alone, it is that"""
OTHERS = "".join(letter for letter in SMALL_CAPITALS if letter not in PHONETIC)
ANY = "".join(SMALL_CAPITALS)
NEGATIVE = ((0x1F150, 0x1F169), (0x1F170, 0x1F189))
"""white letters on black discs and squares, from A to Z"""
SQUARED = r"\U0001F150-\U0001F169\U0001F170-\U0001F189"
RAISED = r"\u02B0-\u02B8\u02E1-\u02E3\u1D2C-\u1D6A\u1D9C\u1DA0\u1DBB\u2071\u207F"
FORMS = (
    rf"[{OTHERS}]|[{PHONETIC}](?=[{ANY}])|[{PHONETIC}](?<=[{ANY}].)"
    rf"|[\U0001F150-\U0001F169]|[\U0001F170-\U0001F189](?=[{SQUARED}])|[\U0001F170-\U0001F189](?<=[{SQUARED}].)"
    r"|[\u249C-\u24E9\U0001F110-\U0001F12B\U0001F130-\U0001F149]|[\u2474-\u249B\u3200-\u3296\u3298\u329A-\u32FF]"
    rf"|[{RAISED}]{{2,40}}|[{RAISED}]{{1,3}}(?<=\d[{RAISED}]{{1,3}})"
    r"|[\u0132\u0133\u0149\u01C4-\u01CC\u01F1-\u01F3\u017F]"
    r"|[\uFB50-\uFBB1\uFBD3-\uFD3D\uFD50-\uFDFB\uFE70-\uFEFC]{1,60}"
    r"|ẞ"
)
"""what `written` writes as every engine knows it"""


def written(found: str, before: str, behind: str) -> str:
    """Return letters as they are usually written, between what stands before and behind them."""
    if found == "ẞ":
        return "SS" if before.isupper() and not behind.islower() else "ß"
    if found in SMALL_CAPITALS:
        return SMALL_CAPITALS[found]
    for first, last in NEGATIVE:
        if first <= ord(found[0]) <= last:
            return chr(ord("A") + ord(found[0]) - first)
    plain = unicodedata.normalize("NFKC", found)
    if found[0] >= "\ufb50":  # marks of Arabic that are shown by themselves
        return "".join(char for place, char in enumerate(plain) if not _is_bearer(plain, place))
    return plain.replace("\u02bc", "'")


def _is_bearer(text: str, place: int) -> bool:
    """Return whether a space stands only for what a mark is set on."""
    return text[place] == " " and unicodedata.combining(text[place + 1 : place + 2] or " ") != 0
