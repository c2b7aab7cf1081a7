"""Which device is chosen, and what is said where there is none."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from engines import devices  # noqa: E402 - it needs torch
from engines.api import EngineFailed  # noqa: E402


def test_a_processor_is_always_there() -> None:
    """What is asked for is chosen where it is there; "auto" takes the best that is there."""
    assert devices.choose("cpu").type == "cpu"
    best = next(kind for kind in devices.BEST if devices._is_there(kind))
    assert devices.choose("auto").type == best


def test_what_is_not_there_is_refused() -> None:
    """A device that is not there is never replaced by a slower one: the error names it, and what there is."""
    for asked in ("cuda:99", "xpu:99", "mps"):
        if asked == "mps" and torch.backends.mps.is_available():
            continue
        with pytest.raises(EngineFailed, match=rf"no device '{asked}' here: torch .* finds .*cpu"):
            devices.choose(asked)
    with pytest.raises(EngineFailed, match="should be auto, cpu"):
        devices.choose("abacus", ("cpu",))
    with pytest.raises(EngineFailed, match="for this engine"):
        devices.choose("cuda", ("cpu",))
