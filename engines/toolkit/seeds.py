"""How the seed of a job becomes that of a library's random numbers."""

from __future__ import annotations

import secrets

BITS = 63
"""a seed of torch's has 64 bits, with a sign"""


def library_seed(seed: int | None) -> int:
    """Return a job's seed as libraries take it; another one each time where the job has none."""
    return secrets.randbits(BITS) if seed is None else seed % 2**BITS


def seed_torch(seed: int | None) -> None:
    """Have torch draw the random numbers of a job's seed."""
    import torch  # here, as not every engine that has seeds has it

    torch.manual_seed(library_seed(seed))
