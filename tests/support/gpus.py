"""Fixtures of tests that need a GPU: `make test-gpu` runs them, and they say so where torch sees none."""

from __future__ import annotations

import pytest

KINDS = ("cuda", "xpu", "mps")
"""torch's names of devices that are GPUs; AMD's are `cuda`, too"""


def find_gpu() -> str:
    """Return the kind of GPU that torch sees; empty where it sees none."""
    torch = pytest.importorskip("torch")
    there = {
        "cuda": torch.cuda.is_available(),
        "xpu": torch.xpu.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    return next((kind for kind in KINDS if there[kind]), "")


@pytest.fixture
def gpu() -> str:
    """Return the kind of GPU that torch sees."""
    return find_gpu() or pytest.skip("torch sees no GPU here")


@pytest.fixture
def cuda(gpu: str) -> str:
    """Return "cuda", where torch sees such a GPU, NVIDIA's or AMD's."""
    return gpu if gpu == "cuda" else pytest.skip("torch sees no GPU of the kind cuda here")
