"""What voices of one's own may be; the settings say so."""

from __future__ import annotations

import msgspec


class Bounds(msgspec.Struct, frozen=True):
    """What a sample may be: seconds, and how many of them a voice may have."""

    shortest: float = 1.0
    longest: float = 30.0
    samples: int = 20


class VoiceLimits(msgspec.Struct, frozen=True):
    """What the settings say of making voices."""

    bounds: Bounds = Bounds()
    require_consent: bool = False
    voices_per_caller: int = 0
    """0 is as many as one likes"""
    avatar_bytes: int = 2_000_000
