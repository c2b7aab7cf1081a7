"""Ordinals before a noun in Estonian and Latvian, in its case: `3. korrusel` is `kolmandal korrusel`."""

from __future__ import annotations

import re

ESTONIAN = (
    "esimene/esimese teine/teise kolmas/kolmanda neljas/neljanda viies/viienda kuues/kuuenda"
    " seitsmes/seitsmenda kaheksas/kaheksanda üheksas/üheksanda"
)
"""1 to 9 in the nominative and the genitive, to which the endings of other cases are added"""
ESTONIAN_COUNTS = "ühe kahe kolme nelja viie kuue seitsme kaheksa üheksa"
"""1 to 9 in the genitive, before tens"""
ESTONIAN_CASES = ("sse", "st", "le", "lt", "ks", "l", "s")
"""endings of nouns that an ordinal takes as well"""
ESTONIAN_GENITIVE_CASES = ("ni", "na", "ta", "ga")
"""endings of nouns beside which an ordinal is in the genitive"""
NOMINATIVE_IN_S = re.compile(r"korrus|klass|kurss|seanss|jalus|\w*[dtnv]us")
GENITIVES = re.compile(
    r"(?:korruse|klassi|sajandi|koha|peatüki|päeva|kursuse|rühma|osa|rea|vooru|liiga|taseme|põlvkonna|sõja)\b"
)
LATVIAN = (
    "pirm otr treš ceturt piekt sest septīt astot devīt desmit vienpadsmit divpadsmit trīspadsmit četrpadsmit"
    " piecpadsmit sešpadsmit septiņpadsmit astoņpadsmit deviņpadsmit"
)
LATVIAN_TENS = "divdesmit trīsdesmit četrdesmit piecdesmit sešdesmit septiņdesmit astoņdesmit deviņdesmit"
LATVIAN_FEMININE = re.compile(
    r"(?:viet|klas|daļ|nodaļ|dien|lapp|kārt|līnij|grup|pakāp|rind|sērij|sezon|paaudz|nakt|reiz|stund|minūt)"
)
LATVIAN_CASES = "ajā:l ajai:d ajam:d ā:l ē:l ī:l ū:l am:d im:d ai:d ei:d as:g es:g u:a i:a s:n š:n e:n a:n"
"""endings of nouns, with their cases; `a` is the genitive of masculine nouns"""
LATVIAN_ENDINGS = {
    "n": ("ais", "ā"), "g": ("ā", "ās"), "d": ("ajam", "ajai"), "a": ("o", "o"), "l": ("ajā", "ajā"),
}  # fmt: skip
"""of ordinals, masculine and feminine"""


def estonian_ordinal(number: int, noun: str) -> str:
    """Return an Estonian ordinal below 100 in the case of a noun; nothing for others."""
    if not 1 <= number < 100:
        return ""
    nominative, genitive = _estonian(number)
    noun = noun.casefold()
    if GENITIVES.fullmatch(noun) or (noun.endswith(ESTONIAN_GENITIVE_CASES) and len(noun) > 5):
        return genitive
    case = next((ending for ending in ESTONIAN_CASES if noun.endswith(ending)), "")
    if not case or (case == "s" and NOMINATIVE_IN_S.fullmatch(noun)) or len(noun) <= len(case) + 2:
        return nominative
    return genitive + case


def _estonian(number: int) -> tuple[str, str]:
    ones = [one.split("/") for one in ESTONIAN.split()]
    counts = ESTONIAN_COUNTS.split()
    ten, one = divmod(number, 10)
    if ten == 0:
        return ones[one - 1][0], ones[one - 1][1]
    if ten == 1:
        prefix = f"{counts[one - 1]}teist" if one else ""
        return f"{prefix}kümnes", f"{prefix}kümnenda"
    if not one:
        return f"{counts[ten - 1]}kümnes", f"{counts[ten - 1]}kümnenda"
    return f"{counts[ten - 1]}kümne {ones[one - 1][0]}", f"{counts[ten - 1]}kümne {ones[one - 1][1]}"


def latvian_ordinal(number: int, noun: str) -> str:
    """Return a Latvian ordinal below 100 in the gender and case of a noun; nothing for others."""
    if not 1 <= number < 100:
        return ""
    noun = noun.casefold()
    is_feminine = bool(LATVIAN_FEMININE.match(noun)) or noun.endswith(("as", "es", "e"))
    cases = (one.split(":") for one in LATVIAN_CASES.split())
    case = next((case for ending, case in cases if noun.endswith(ending)), "n")
    if case == "n" and noun.endswith("a") and not is_feminine:
        is_genitive = len(noun) > 4
        case, is_feminine = ("g", False) if is_genitive else ("n", True)
    ten, one = divmod(number, 10)
    if number < 20:
        before, stem = "", LATVIAN.split()[number - 1]
    elif one:
        before, stem = f"{LATVIAN_TENS.split()[ten - 2]} ", LATVIAN.split()[one - 1]
    else:
        before, stem = "", LATVIAN_TENS.split()[ten - 2]
    return before + stem + LATVIAN_ENDINGS[case][is_feminine]
