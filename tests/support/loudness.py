"""How loud a recording is, as broadcasters measure it."""

from __future__ import annotations

from bench.quality.sound import integrated_loudness

__all__ = ["integrated_loudness"]
