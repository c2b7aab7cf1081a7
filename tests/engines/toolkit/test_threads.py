"""Tests of the number of threads that a model runs on."""

from __future__ import annotations

import os

import pytest

from engines.toolkit.threads import cpu_threads, set_torch_threads, usable_cores


def test_the_option_or_a_thread_a_core() -> None:
    """The option's number is used; 0 means one per core that the process may run on."""
    assert cpu_threads(3) == 3
    assert cpu_threads(0) == usable_cores()
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


@pytest.mark.engines
def test_torch_runs_on_as_many() -> None:
    """Torch is set to that number."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    try:
        set_torch_threads(1)
        assert torch.get_num_threads() == 1
        set_torch_threads(0)
        assert torch.get_num_threads() == usable_cores()
    finally:
        torch.set_num_threads(before)
