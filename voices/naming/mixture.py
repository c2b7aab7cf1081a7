"""Mixtures of voices, as Kokoro-FastAPI writes them: `af_bella(2)+af_sky(1)`; without a weight it is 1.

Only the proportions count: Kokoro-FastAPI divides the weights by their sum, and so does `normalised`. It can
also subtract voices; here "-" belongs to the name, for many voices have one in theirs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import msgspec

from engines.errors import BadInput
from voices.naming import matching

MOST_PARTS = 16
HEAVIEST = 1000.0
"""of one voice, however often it is named"""
WEIGHTED = re.compile(r"\(\s*(?:[-.\d)]|(?:nan|inf|infinity)\s*\)|$)", re.IGNORECASE)
"""where a weight begins; words in parentheses are part of a name, such as "English (America)" """


class Part(msgspec.Struct, frozen=True):
    """One voice of a mixture, by the name that the caller gave it, and its weight, above 0."""

    voice: str
    weight: float


def parse(text: str) -> tuple[Part, ...] | None:
    """Read a mixture; None where it is none: no "+", no weight. Raises BadInput where it is malformed."""
    if "+" not in text and not WEIGHTED.search(text):
        return None
    if text.count("+") >= MOST_PARTS:
        raise _malformed(text, f"it has more than {MOST_PARTS} parts")
    parts = tuple(_part(piece, text) for piece in text.split("+"))
    for part in _merged(parts):
        if part.weight > HEAVIEST:
            raise _malformed(text, f"a weight should not be above {HEAVIEST:g}")
    return parts


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
