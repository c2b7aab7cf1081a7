"""Tests of simultaneous pulls of one model: one download serves them all, in one process and in many."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from servers import wait_until
from small_model import (
    FILES,
    MODEL,
    PULLED,
    REPO,
    TOTAL_BYTES,
    WEIGHT_BYTES,
    WEIGHTS,
    PullProcess,
    PullThread,
    contents,
    model_files,
    partial_bytes,
    pull,
)

from engines.hub.errors import ModelBusy, ModelDamaged, PullCancelled
from engines.hub.locks import locked

if TYPE_CHECKING:  # pytest loads it
    from hub_server import FakeHub

HALF = 150_000


def test_pulls_of_one_process_share_a_download(hub: FakeHub, tmp_path: Path) -> None:
    """A pull of a model that is being pulled joins in: every byte is downloaded once, and all get the same
    progress.
    """
    hub.publish(REPO, FILES)
    stall = hub.add_fault(WEIGHTS, stall_after=HALF)
    files = model_files(tmp_path, hub.url)
    pullers = [PullThread(files) for _ in range(3)]
    wait_until(
        lambda: all(one.progress and one.progress[-1].done > HALF for one in pullers),
        "all have seen the half",
    )
    stall.resume.set()
    for puller in pullers:
        puller.join()

    assert {puller.path for puller in pullers} == {files.locate(MODEL)}
    assert {puller.progress[-1].state for puller in pullers} == {"done"}
    assert hub.bytes_sent() == TOTAL_BYTES


def test_cancelling_a_shared_pull(hub: FakeHub, tmp_path: Path) -> None:
    """Cancelling one of the pulls that share a download, even the first one, does not end it for the others."""
    hub.publish(REPO, FILES)
    stall = hub.add_fault(WEIGHTS, stall_after=HALF)
    files = model_files(tmp_path, hub.url)
    first, second = PullThread(files), PullThread(files)
    wait_until(
        lambda: all(one.progress and one.progress[-1].done > HALF for one in (first, second)),
        "both have seen the half",
    )
    first.cancel.set()
    first.join()
    assert isinstance(first.error, PullCancelled)
    stall.resume.set()
    second.join()

    assert second.path is not None
    assert contents(second.path) == PULLED
    assert hub.bytes_sent() == TOTAL_BYTES


def test_all_get_the_error(hub: FakeHub, tmp_path: Path) -> None:
    """When a shared download fails, all who share it get the error, and the next pull starts anew."""
    hub.publish(REPO, FILES)
    fault = hub.add_fault(WEIGHTS, stall_after=HALF, content=WEIGHT_BYTES[::-1], times=1)
    files = model_files(tmp_path, hub.url)
    pullers = [PullThread(files), PullThread(files)]
    wait_until(
        lambda: all(one.progress and one.progress[-1].done > HALF for one in pullers),
        "both have seen the half",
    )
    fault.resume.set()
    for puller in pullers:
        puller.join()
    assert [type(puller.error) for puller in pullers] == [ModelDamaged, ModelDamaged]
    assert contents(pull(files)) == PULLED


def test_processes_share_a_download(hub: FakeHub, tmp_path: Path) -> None:
    """A second process waits for the first and reports its progress: every byte is downloaded once."""
    hub.publish(REPO, FILES)
    stall = hub.add_fault(WEIGHTS, stall_after=HALF)
    cache = tmp_path / "cache"
    first = PullProcess(cache, hub.url)
    wait_until(lambda: partial_bytes(cache) >= HALF - 8192, "half of it is there")
    second = PullProcess(cache, hub.url)
    wait_until(
        lambda: second.state() == "waiting" and second.lines()[-1]["done"] >= HALF - 8192,
        "the second sees the half",
    )
    stall.resume.set()

    assert (first.end(), second.end()) == (0, 0)
    assert second.lines()[-1]["state"] == "done"
    assert hub.bytes_sent() == TOTAL_BYTES


def test_a_killed_pull_is_continued_by_the_waiting_process(hub: FakeHub, tmp_path: Path) -> None:
    """When the process that pulls is killed, the one that waited continues there."""
    hub.publish(REPO, FILES)
    hub.add_fault(WEIGHTS, stall_after=HALF, times=1)
    cache = tmp_path / "cache"
    first = PullProcess(cache, hub.url)
    wait_until(lambda: partial_bytes(cache) >= HALF - 8192, "half of it is there")
    second = PullProcess(cache, hub.url)
    wait_until(lambda: second.state() == "waiting", "the second waits")
    first.kill()

    assert second.end() == 0
    assert contents(pull(model_files(cache, hub.url))) == PULLED
    _, resumed = hub.downloads(WEIGHTS)
    assert resumed.range == f"bytes={len(WEIGHT_BYTES) - resumed.bytes_sent}-"
    assert resumed.bytes_sent <= len(WEIGHT_BYTES) - (HALF - 8192)


def test_waiting_for_another_process_can_be_cancelled(hub: FakeHub, tmp_path: Path) -> None:
    """Waiting for another process's pull can be cancelled; the other goes on."""
    hub.publish(REPO, FILES)
    files = model_files(tmp_path, hub.url)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(tmp_path / ".locks/models--acme--toy/voicebox.lock", lambda: None):
            held.set()
            done.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    puller = PullThread(files)
    wait_until(lambda: puller.state() == "waiting", "it waits")
    with pytest.raises(ModelBusy, match="cancel that first"):
        (tmp_path / "models--acme--toy").mkdir(exist_ok=True)
        files.delete(MODEL)
    puller.cancel.set()
    puller.join()
    assert isinstance(puller.error, PullCancelled)
    done.set()
    holder.join()
    assert contents(pull(files)) == PULLED
