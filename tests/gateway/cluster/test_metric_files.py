"""Tests of the files in which members count: a full disk ends none of them."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cluster import metric_files

COUNTING = """
import os, resource, sys
from pathlib import Path
from gateway.cluster import metric_files
folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
metric_files.allocate(folder, os.getpid())
import prometheus_client
counter = prometheus_client.Counter("things", "Things.", ["name"])
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for number in range(2000):
    counter.labels(f"one{number}").inc()
print(os.getpid())
"""


def test_counting_takes_no_more_space(tmp_path: Path) -> None:
    """A process that may not let any file grow goes on counting, in space that it took before; what it did not
    use is given back after its end, and what it counted stays.
    """
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", COUNTING], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    path = tmp_path / f"counter_{done.stdout.strip()}.db"
    blocks = path.stat().st_blocks * 512
    assert blocks >= metric_files.BYTES, "sparse"
    metric_files.trim(tmp_path, int(done.stdout))
    assert path.stat().st_size < metric_files.BYTES

    reading = """
import prometheus_client
from prometheus_client import multiprocess
registry = prometheus_client.CollectorRegistry()
multiprocess.MultiProcessCollector(registry)
print(prometheus_client.generate_latest(registry).decode().count('things_total{name="one'))
"""
    read = subprocess.run(
        [sys.executable, "-c", reading], env=environ, capture_output=True, text=True, check=True
    )
    assert read.stdout.strip() == "2000"


def test_a_full_disk_is_noticed_before(tmp_path: Path) -> None:
    """Where there is no space for them, that is said, and nothing is left there."""
    assert metric_files.has_space(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        assert not metric_files.has_space(tmp_path)
        with pytest.raises(OSError, match="too large"):
            metric_files.allocate(tmp_path, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []
