"""The result of one check of `voicebox doctor`."""

from __future__ import annotations

from typing import Literal

import msgspec

GIGABYTE = 1_000_000_000


class Check(msgspec.Struct, frozen=True):
    """The result of one check: what is `missing` is needed for the work, a `note` is not."""

    area: str
    name: str
    state: Literal["ok", "note", "missing"]
    found: str
    mend: str = ""
    """the command that repairs it"""


def gigabytes(size: int) -> str:
    """Return bytes for people."""
    return f"{size / GIGABYTE:.1f} GB"
