"""Mixtures of voices, as Kokoro-FastAPI writes them: `af_bella(2)+af_sky(1)`; without a weight it is 1. Read
too are `af_bella,af_sky`, Kokoro's own form, and weights with a star: `0.5*af_bella+0.5*af_sky`.

Only the proportions count: Kokoro-FastAPI divides the weights by their sum, and so does `normalised`. It can
also subtract voices; here "-" belongs to the name, for many voices have one in theirs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

import msgspec

from engines.errors import BadInput
from voices.naming import matching

MOST_PARTS = 16
HEAVIEST = 1000.0
"""of one voice, however often it is named"""
WEIGHTED = re.compile(r"\(\s*(?:[-.\d)]|(?:nan|inf|infinity)\s*\)|$)", re.IGNORECASE)
"""where a weight begins; words in parentheses are part of a name, such as "English (America)" """


NUMBER = r"(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})"
STARRED = re.compile(rf"(?:({NUMBER}) *\* *([^*()]+)|([^*()]+?) *\* *({NUMBER}))$")
"""a weight before or behind a voice, with a star between"""


LISTED = re.compile(r"[A-Za-z][\w.-]+(\([\d.]+\))?", re.ASCII)
"""a voice that may stand between commas: names of other kinds may hold some"""


class Part(msgspec.Struct, frozen=True):
    """One voice of a mixture, by the name that the caller gave it, and its weight, above 0."""

    voice: str
    weight: float


def parse(text: str) -> tuple[Part, ...] | None:
    """Read a mixture; None where it is none: no "+", no weight. Raises BadInput where it is malformed."""
    text = _with_pluses(text)
    if "+" not in text and not WEIGHTED.search(text):
        return None
    if text.count("+") >= MOST_PARTS:
        raise _malformed(text, f"it has more than {MOST_PARTS} parts")
    parts = tuple(_part(piece, text) for piece in text.split("+"))
    for part in _merged(parts):
        if part.weight > HEAVIEST:
            raise _malformed(text, f"a weight should not be above {HEAVIEST:g}")
    return parts


def parts_of(text: str) -> tuple[Part, ...]:
    """Read a mixture as `parse` does; nothing where it is none or malformed."""
    try:
        return parse(text) or ()
    except BadInput:
        return ()


def _with_pluses(text: str) -> str:
    """Write commas between single words as pluses, and weights with a star in parentheses."""
    if "," not in text and "*" not in text:
        return text
    starred = [
        STARRED.sub(r"\2\3(\1\4)", piece.strip()) for piece in re.split("[+,]", text, maxsplit=MOST_PARTS)
    ]
    is_list = all(LISTED.fullmatch(piece) for piece in starred)
    return "+".join(starred) if is_list or "," not in text else text


def canonical(parts: Iterable[Part]) -> str:
    """Write a mixture in the one form that all its spellings share: equal voices as one, in the order they
    came in.
    """
    # Of 12 digits, so that 0.1 + 0.2 is 0.3.
    return "+".join(f"{part.voice}({part.weight:.12g})" for part in _merged(parts))


def normalised(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Scale the weights so that they add up to 1, equal voices as one."""
    merged = _merged(parts)
    total = math.fsum(part.weight for part in merged)
    return tuple(Part(part.voice, part.weight / total) for part in merged)


def of_voices(text: str, known: Mapping[str, str]) -> tuple[str, tuple[tuple[str, float], ...]] | None:
    """Return a mixture of known voices, given by their names in lower case, in its one form, and its voices
    with weights that add up to 1; None where it is none. Raises BadInput where it is malformed.
    """
    parts = parse(text)
    if not parts or not all(part.voice.casefold() in known for part in parts):
        return None
    own = tuple(Part(known[part.voice.casefold()], part.weight) for part in parts)
    return canonical(own), tuple((part.voice, part.weight) for part in normalised(own))


def _part(piece: str, text: str) -> Part:
    before, opened, rest = piece.partition("(")
    weight, closed, behind = rest.partition(")")
    if bool(opened) != bool(closed) or ")" in before or "(" in weight or behind.strip():
        raise _malformed(text, "its parentheses should each hold one weight, behind a voice")
    voice = before.strip()
    if not voice:
        raise _malformed(text, "a part is empty")
    return Part(voice, _weight(weight, text) if opened else 1.0)


def _weight(written: str, text: str) -> float:
    try:
        weight = float(written)
    except ValueError as exc:
        raise _malformed(text, f"{matching.shown(written)!r} is not a number") from exc
    if not 0 < weight < math.inf:
        raise _malformed(text, "a weight should be above 0")
    return weight


def _merged(parts: Iterable[Part]) -> tuple[Part, ...]:
    weights: dict[str, float] = {}
    for part in parts:
        weights[part.voice] = weights.get(part.voice, 0.0) + part.weight
    return tuple(Part(voice, weight) for voice, weight in weights.items())


def _malformed(text: str, reason: str) -> BadInput:
    return BadInput(f"The mixture {matching.shown(text)!r} cannot be read: {reason}.", param="voice")
