"""Limits on custom voices, as the settings have them."""

from __future__ import annotations

import msgspec


class Bounds(msgspec.Struct, frozen=True):
    """Limits on samples: seconds of each, and how many a voice may have."""

    shortest: float = 1.0
    longest: float = 30.0
    samples: int = 20


class VoiceLimits(msgspec.Struct, frozen=True):
    """Limits on custom voices."""

    bounds: Bounds = Bounds()
    require_consent: bool = False
    voices_per_caller: int = 0
    """0 is no limit"""
    avatar_bytes: int = 2_000_000
