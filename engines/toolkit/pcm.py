"""PCM as the engine contract has it, signed 16-bit little-endian mono ("s16le"), from float samples and back.

Numpy is imported at the first conversion only: an engine that makes PCM itself runs without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.errors import EngineFailed

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

LARGEST = 32767
"""the largest sample, which 1.0 becomes"""
FULL_SCALE = 32768
"""what samples are divided by to lie in [-1, 1)"""


def from_floats(samples: NDArray[np.float32]) -> bytes:
    """Return PCM of float samples, those beyond [-1, 1] limited.

    Raises EngineFailed where there are some that are no numbers (NaN): a network that computes those has
    failed, and what it failed at would be silence.
    """
    import numpy as np

    if np.isnan(samples).any():
        raise EngineFailed("The engine computed no sound.", detail="there are samples that are no numbers")
    return (samples.clip(-1, 1) * LARGEST).round().astype("<i2").tobytes()


def from_tensor(samples: torch.Tensor) -> bytes:
    """Return PCM of a tensor of float samples, on any device and of any shape, as `from_floats` does."""
    return from_floats(samples.detach().flatten().float().cpu().numpy())


def to_floats(pcm: bytes | bytearray) -> NDArray[np.float32]:
    """Return PCM as float samples in [-1, 1), exactly."""
    import numpy as np

    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(FULL_SCALE)
