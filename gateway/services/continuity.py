"""What the segments of one request have in common, so that they sound like one reading by one speaker."""

from __future__ import annotations

import hashlib
import secrets
import uuid

SEEDS = 2**31
"""how many seeds there are to draw from"""


class Continuity:
    """One request's seed, drawn once where it brings none, and the name of its stream of segments."""

    def __init__(self, seed: int | None, *, honours_seed: bool) -> None:
        drawn = secrets.randbelow(SEEDS) if seed is None else seed
        self._seed = drawn if honours_seed else None
        self.stream = uuid.uuid4().hex

    def seed_of(self, segment: int, attempt: int) -> int | None:
        """Return the seed of an attempt at a segment, by their numbers from 0; None without seeds.

        All first attempts have the request's own. Later ones have others that derive from it, as the same
        seed would give the same fault again.
        """
        if self._seed is None or attempt == 0:
            return self._seed
        derived = hashlib.blake2b(f"{self._seed} {segment} {attempt}".encode(), digest_size=8)
        return int.from_bytes(derived.digest()) % SEEDS
