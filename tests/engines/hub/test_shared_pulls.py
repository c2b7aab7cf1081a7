"""Several who pull the same model: one download serves them all, in one process and in many."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from servers import wait_until
from small_model import (
    BYTES,
    FILES,
    PULLED,
    REPO,
    TOTAL,
    TOY,
    WEIGHTS,
    Process,
    Puller,
    arrived,
    contents,
    pull,
    toys,
)

from engines.hub.errors import ModelBusy, ModelDamaged, PullCancelled
from engines.hub.locks import locked

if TYPE_CHECKING:  # pytest loads it
    from hub_server import Hub

HALF = 150_000


def test_pulls_of_one_process_share_a_download(hub: Hub, tmp_path: Path) -> None:
    """Who pulls what is being pulled already joins in: every byte comes once, and both are told the same."""
    hub.publish(REPO, FILES)
    stall = hub.spoil(WEIGHTS, stall=HALF)
    files = toys(tmp_path, hub.url)
    pullers = [Puller(files) for _ in range(3)]
    wait_until(
        lambda: all(one.seen and one.seen[-1].done > HALF for one in pullers), "all are told of the half"
    )
    stall.go_on.set()
    for puller in pullers:
        puller.join()

    assert {puller.path for puller in pullers} == {files.locate(TOY)}
    assert {puller.seen[-1].state for puller in pullers} == {"done"}
    assert hub.sent() == TOTAL


def test_who_cancels_leaves_alone(hub: Hub, tmp_path: Path) -> None:
    """One who cancels a shared pull, even the one who began it, does not end it for the others."""
    hub.publish(REPO, FILES)
    stall = hub.spoil(WEIGHTS, stall=HALF)
    files = toys(tmp_path, hub.url)
    first, second = Puller(files), Puller(files)
    wait_until(
        lambda: all(one.seen and one.seen[-1].done > HALF for one in (first, second)),
        "both are told of the half",
    )
    first.cancel.set()
    first.join()
    assert isinstance(first.error, PullCancelled)
    stall.go_on.set()
    second.join()

    assert second.path is not None
    assert contents(second.path) == PULLED
    assert hub.sent() == TOTAL


def test_an_error_is_everybodys(hub: Hub, tmp_path: Path) -> None:
    """When a shared pull fails, all who share it are told why, and the next pull begins anew."""
    hub.publish(REPO, FILES)
    fault = hub.spoil(WEIGHTS, stall=HALF, content=BYTES[::-1], times=1)
    files = toys(tmp_path, hub.url)
    pullers = [Puller(files), Puller(files)]
    wait_until(
        lambda: all(one.seen and one.seen[-1].done > HALF for one in pullers), "both are told of the half"
    )
    fault.go_on.set()
    for puller in pullers:
        puller.join()
    assert [type(puller.error) for puller in pullers] == [ModelDamaged, ModelDamaged]
    assert contents(pull(files)) == PULLED


def test_processes_share_a_download(hub: Hub, tmp_path: Path) -> None:
    """A second process waits for the first, sees how far that is, and finds all there: every byte comes once."""
    hub.publish(REPO, FILES)
    stall = hub.spoil(WEIGHTS, stall=HALF)
    cache = tmp_path / "cache"
    first = Process(cache, hub.url)
    wait_until(lambda: arrived(cache) >= HALF - 8192, "half of it is there")
    second = Process(cache, hub.url)
    wait_until(
        lambda: second.state() == "waiting" and second.lines()[-1]["done"] >= HALF - 8192,
        "the second sees the half",
    )
    stall.go_on.set()

    assert (first.end(), second.end()) == (0, 0)
    assert second.lines()[-1]["state"] == "done"
    assert hub.sent() == TOTAL


def test_a_process_that_dies_is_succeeded(hub: Hub, tmp_path: Path) -> None:
    """When the process that pulls is killed, the one that waited goes on where it was."""
    hub.publish(REPO, FILES)
    hub.spoil(WEIGHTS, stall=HALF, times=1)
    cache = tmp_path / "cache"
    first = Process(cache, hub.url)
    wait_until(lambda: arrived(cache) >= HALF - 8192, "half of it is there")
    second = Process(cache, hub.url)
    wait_until(lambda: second.state() == "waiting", "the second waits")
    first.kill()

    assert second.end() == 0
    assert contents(pull(toys(cache, hub.url))) == PULLED
    _, resumed = hub.gets(WEIGHTS)
    assert resumed.range == f"bytes={len(BYTES) - resumed.sent}-"
    assert resumed.sent <= len(BYTES) - (HALF - 8192)


def test_waiting_for_another_process_can_be_cancelled(hub: Hub, tmp_path: Path) -> None:
    """Who waits for another's pull may leave; the other goes on."""
    hub.publish(REPO, FILES)
    files = toys(tmp_path, hub.url)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(tmp_path / ".locks/models--acme--toy/voicebox.lock", lambda: None):
            held.set()
            done.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    puller = Puller(files)
    wait_until(lambda: puller.state() == "waiting", "it waits")
    with pytest.raises(ModelBusy, match="cancel that first"):
        (tmp_path / "models--acme--toy").mkdir(exist_ok=True)
        files.delete(TOY)
    puller.cancel.set()
    puller.join()
    assert isinstance(puller.error, PullCancelled)
    done.set()
    holder.join()
    assert contents(pull(files)) == PULLED
