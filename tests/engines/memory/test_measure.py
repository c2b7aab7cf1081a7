"""Tests of how much memory is free: containers' limits, which GPUs count, and GPUs that use the machine's
memory.
"""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from engines.memory.measure import (
    available_bytes,
    cuda_order,
    limit_headrooms,
    visible_devices,
)

UUIDS = ("GPU-aa11", "GPU-ab22", "GPU-b333")


def write(folder: Path, **files: object) -> None:
    """Write a control group's or a card's files; a dot in a name is written as two underscores."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name.replace("__", ".")).write_text(f"{value}\n")


def write_own_groups(tmp_path: Path, text: str) -> Path:
    """Write the control groups of this process."""
    path = tmp_path / "cgroup"
    path.write_text(text)
    return path


def test_a_containers_limit_counts(tmp_path: Path) -> None:
    """The free memory is what the container's limit leaves, reclaimable file caches included, where the
    machine has more.
    """
    root = tmp_path / "fs"
    write(
        root,
        memory__max=1000,
        memory__current=600,
        memory__stat="anon 100\ninactive_file 250\nactive_file 50",
    )
    groups = write_own_groups(tmp_path, "0::/\n")

    assert list(limit_headrooms(root, groups)) == [650]
    assert available_bytes(root, groups) == 650


def test_limits_above_count_too(tmp_path: Path) -> None:
    """The limit of every parent group counts; "max" and missing files are no limits, and an exceeded one
    leaves nothing.
    """
    root = tmp_path / "fs"
    write(root / "a/b/c", memory__max="max", memory__current=10, memory__stat="inactive_file 0")
    write(root / "a/b", memory__max=500, memory__current=100)
    write(root / "a", memory__max=90, memory__current=100, memory__stat="inactive_file 5")
    assert list(limit_headrooms(root, write_own_groups(tmp_path, "0::/a/b/c\n"))) == [400, 0]
    assert list(limit_headrooms(root, write_own_groups(tmp_path, "0::/../a/b\n"))) == [400, 0]


def test_the_older_control_groups(tmp_path: Path) -> None:
    """Version 1 gives the same, and where only the container's own group is mounted, that is the root."""
    root = tmp_path / "fs"
    figures = {
        "memory__limit_in_bytes": 1000,
        "memory__usage_in_bytes": 700,
        "memory__stat": "inactive_file 1\ntotal_inactive_file 300",
    }
    write(root / "memory", **figures)
    groups = write_own_groups(tmp_path, "9:name=systemd:/docker/1\n4:cpu,memory:/docker/1\n0::/\n")
    assert list(limit_headrooms(root, groups)) == [600]


def test_without_limits_the_machine_counts(tmp_path: Path) -> None:
    """Without limits, as outside containers and off Linux, the machine's free memory counts."""
    assert list(limit_headrooms(tmp_path, tmp_path / "none")) == []
    assert list(limit_headrooms(tmp_path, write_own_groups(tmp_path, "0::/user.slice\n"))) == []
    assert 0 < available_bytes(tmp_path, tmp_path / "none") <= psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        (None, [0, 1, 2]),
        ("", []),
        ("-1", []),
        ("2,0", [2, 0]),
        (" 1 ,2x", [1, 2]),
        ("1,7,0", [1]),
        ("0,-1,1", [0]),
        ("1,1", []),
        ("GPU-b333,GPU-aa11", [2, 0]),
        ("GPU-b,GPU-ab", [2, 1]),
        ("GPU-a", []),
        ("GPU-b,GPU-zz,GPU-aa", [2]),
        ("GPU-b,GPU-b3", []),
        ("GPU-b,0", [2]),
        ("0,GPU-b", [0]),
        ("MIG-1234", []),
    ],
)
def test_which_cards_are_visible(value: str | None, numbers: list[int]) -> None:
    """CUDA_VISIBLE_DEVICES selects and orders cards by numbers or by UUIDs' prefixes; an invalid entry ends
    the list.
    """
    assert visible_devices(UUIDS, value) == numbers


def test_an_order_that_only_cuda_knows() -> None:
    """The order of GPUs that CUDA counts by speed is unknown, unless they are all alike, or named by their
    UUIDs.
    """
    fastest, unlike = {"CUDA_DEVICE_ORDER": "FASTEST_FIRST"}, ("slow", "fast", "slow")
    assert cuda_order(UUIDS, unlike, {}) == [0, 1, 2]
    assert cuda_order(UUIDS, unlike, {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"}) == [1]
    assert (
        cuda_order(UUIDS, unlike, fastest)
        == cuda_order(UUIDS, unlike, {**fastest, "CUDA_VISIBLE_DEVICES": "1"})
        == []
    )
    assert cuda_order(UUIDS, ("fast",) * 3, {**fastest, "CUDA_VISIBLE_DEVICES": "1"}) == [1]
    assert cuda_order(UUIDS, unlike, {**fastest, "CUDA_VISIBLE_DEVICES": "GPU-b"}) == [2]
