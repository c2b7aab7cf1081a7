"""Tests of the conversion of a job's seed to that of a library."""

from __future__ import annotations

from engines.toolkit.seeds import library_seed


def test_a_seed_is_kept() -> None:
    """A seed is passed on unchanged, unless it is out of the library's range."""
    assert library_seed(0) == 0
    assert library_seed(2**63 - 1) == 2**63 - 1
    assert library_seed(2**63 + 5) == 5
    assert library_seed(-1) == 2**63 - 1


def test_without_a_seed_each_is_another() -> None:
    """Each job without a seed gets another one."""
    seeds = {library_seed(None) for _ in range(10)}

    assert len(seeds) == 10
    assert all(0 <= seed < 2**63 for seed in seeds)
