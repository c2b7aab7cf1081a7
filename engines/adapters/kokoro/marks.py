"""Marks in English text, as misaki has them: phonemes, a stress, or flags for numbers, of a stretch of it."""

from __future__ import annotations

import msgspec


class Mark(msgspec.Struct, frozen=True):
    """What is asked for a stretch [start, end) of the text."""

    start: int
    end: int
    value: str | float
    """as misaki writes it: "/phonemes", a stress, or "#flags" of numbers"""
