"""Tests of how many cores a container pays for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engines.memory.cores import usable_cores
from engines.toolkit import threads

ALL = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def write(folder: Path, **files: str) -> None:
    """Write the files of a control group; a dot in a name is written as two underscores."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name.replace("__", ".")).write_text(f"{value}\n")


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("100000 100000", 1), ("5000 100000", 1), ("max 100000", ALL), ("6400000 100000", ALL), ("", ALL)],
)
def test_a_containers_quota_counts_as_cores(tmp_path: Path, quota: str, cores: int) -> None:
    """A quota of processor time bounds the cores, at least to one; none, or a larger one, does not."""
    write(tmp_path / "fs" / "pod" / "box", cpu__max="max 100000")
    write(tmp_path / "fs" / "pod", cpu__max=quota)
    own = tmp_path / "own"
    own.write_text("0::/pod/box\n")
    assert usable_cores(tmp_path / "fs", own) == cores


@pytest.mark.parametrize(("quota", "cores"), [("100000", 1), ("-1", ALL)])
def test_the_older_control_groups(tmp_path: Path, quota: str, cores: int) -> None:
    """So does one of the older control groups, seen from the container or from the machine."""
    write(tmp_path / "fs" / "cpu", cpu__cfs_quota_us=quota, cpu__cfs_period_us="100000")
    own = tmp_path / "own"
    own.write_text("5:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n")
    assert usable_cores(tmp_path / "fs", own) == cores


def test_a_process_without_control_groups(tmp_path: Path) -> None:
    """Without any, the cores that it may run on count."""
    assert usable_cores(tmp_path, tmp_path / "none") == ALL


@pytest.mark.parametrize(("share", "cores"), [("1", 1), ("9999", ALL), ("", ALL), ("0", ALL), ("1,2", 1)])
def test_an_engine_keeps_to_its_share(monkeypatch: pytest.MonkeyPatch, share: str, cores: int) -> None:
    """An engine takes as many threads as its worker was told of, and no more than there are cores."""
    monkeypatch.setenv("OMP_NUM_THREADS", share)
    assert threads.cpu_threads(0) == cores
    assert threads.cpu_threads(3) == 3
