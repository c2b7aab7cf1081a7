"""What a worker says at `/tts/status` that it has taken of memory."""

from __future__ import annotations

import msgspec


class MemoryUse(msgspec.Struct, frozen=True):
    """What a worker has taken of memory, in bytes; 0 where it does not know.

    Of GPUs only what torch or MLX took counts here, without what the driver adds for each process.
    """

    peak: int = 0
    """of the machine's memory, at most; with what an Apple GPU has of it"""
    gpu: int = 0
    """of its GPU's, now: with what its library keeps for later"""
    gpu_peak: int = 0
    """the same, at most"""
    gpu_peak_used: int = 0
    """of that, what tensors were in, at most; 0 on Apple's"""
    shortages: int = 0
    """jobs that found too little memory"""
    missing: int = 0
    """of memory that the last of them wanted beyond what it had; 0 where its library did not say"""


class StatusAnswer(msgspec.Struct, frozen=True):
    """As much of an answer of `/tts/status` as the gateway reads."""

    memory: MemoryUse = MemoryUse()
