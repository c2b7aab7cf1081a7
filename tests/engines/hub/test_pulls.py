"""Tests of pulls of model files through the hub's own client: their files, their progress, and how they
resume.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from servers import wait_until
from small_model import (
    FILES,
    MODEL,
    POLICY,
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

from engines.hub.download import DownloadPolicy
from engines.hub.errors import ModelDamaged, ModelUnreachable, PullCancelled, PullStalled
from engines.hub.layout import PARTIAL_SUFFIX
from engines.hub.progress import PullProgress, SpeedMeter

if TYPE_CHECKING:  # pytest loads it
    from hub_server import FakeHub

HALF = 150_000


def test_the_files_of_the_record_are_pulled(hub: FakeHub, tmp_path: Path) -> None:
    """The record's files are pulled unchanged, the others are not, and none is fetched twice."""
    commit = hub.publish(REPO, FILES)
    files = model_files(tmp_path, hub.url)
    path = pull(files)

    assert contents(path) == PULLED
    assert path.name == commit
    assert files.locate(MODEL) == path
    assert hub.bytes_sent() == TOTAL_BYTES


def test_the_hubs_own_client_finds_what_was_pulled(hub: FakeHub, tmp_path: Path) -> None:
    """The layout is the client's: its own functions find the snapshot and single files in the folder, and
    download nothing.
    """
    from huggingface_hub import snapshot_download, try_to_load_from_cache

    hub.publish(REPO, FILES)
    path = pull(model_files(tmp_path, hub.url))
    patterns = list(MODEL.files)

    found = snapshot_download(REPO, cache_dir=tmp_path, allow_patterns=patterns, local_files_only=True)
    assert Path(found) == path
    assert try_to_load_from_cache(REPO, WEIGHTS, cache_dir=tmp_path) == str(path / WEIGHTS)
    hub.clear_requests()
    assert (
        Path(
            snapshot_download(
                REPO, cache_dir=tmp_path, allow_patterns=patterns, endpoint=hub.url, token=False
            )
        )
        == path
    )
    assert hub.downloads("*") == []


def test_progress_is_reported(hub: FakeHub, tmp_path: Path) -> None:
    """During a pull its callback gets the bytes and files done and to do, the speed, the remaining time and
    the file.
    """
    hub.publish(REPO, FILES)
    stall = hub.add_fault(WEIGHTS, stall_after=HALF)
    puller = PullThread(model_files(tmp_path, hub.url))
    wait_until(lambda: puller.progress and puller.progress[-1].done >= HALF, "half of it is there")
    seen = puller.progress[-1]

    assert (seen.model, seen.state, seen.file, seen.total) == ("toy", "pulling", WEIGHTS, TOTAL_BYTES)
    assert (seen.done, seen.files_done, seen.files_total) == (HALF + len(FILES["config.json"]), 1, 3)
    assert seen.speed > 0
    assert seen.eta is not None
    stall.resume.set()
    puller.join()
    assert puller.progress[-1] == PullProgress("toy", "done", TOTAL_BYTES, TOTAL_BYTES, 0.0, None, "", 3, 3)


def test_speed_is_that_of_the_last_seconds() -> None:
    """The speed follows the last seconds, and falls to zero in a stall."""
    now = 100.0
    meter = SpeedMeter(lambda: now)
    assert meter.speed() == 0
    for second in range(20):
        now = 100.0 + second
        meter.add(1000 * second)
    assert meter.speed() == pytest.approx(1000)
    for second in range(20, 30):
        now = 100.0 + second
        meter.add(19_000 + 10 * second)
    assert meter.speed() == pytest.approx(10, rel=0.2)
    now += 60
    assert meter.speed() == 0


def test_complete_models_are_not_pulled_again(hub: FakeHub, tmp_path: Path) -> None:
    """A second pull asks the hub, and fetches nothing; for a commit that is complete it does not even ask."""
    commit = hub.publish(REPO, FILES)
    files = model_files(tmp_path, hub.url)
    path = pull(files)
    hub.clear_requests()

    assert pull(files) == path
    assert [one.file for one in hub.requests] == [""]
    hub.clear_requests()
    assert pull(files, msgspec.structs.replace(MODEL, revision=commit)) == path
    assert hub.requests == []


def test_a_moved_branch_pulls_changed_files(hub: FakeHub, tmp_path: Path) -> None:
    """When a branch has moved only changed files are pulled, and the old snapshot is found until all are
    there.
    """
    hub.publish(REPO, FILES)
    files = model_files(tmp_path, hub.url)
    old = pull(files)
    changed = WEIGHT_BYTES[::-1]
    hub.publish(REPO, {**FILES, WEIGHTS: changed})
    hub.clear_requests()
    hub.add_fault(WEIGHTS, cut_after=HALF, times=1)
    hub.add_fault(WEIGHTS, cut_after=0)
    with pytest.raises(ModelUnreachable):
        pull(files)
    assert files.locate(MODEL) == old

    hub.clear_faults()
    new = pull(files)
    assert new != old
    assert contents(new) == {**PULLED, WEIGHTS: changed}
    assert {one.file for one in hub.downloads("*")} == {WEIGHTS}


def test_a_cut_is_resumed_within_the_pull(hub: FakeHub, tmp_path: Path) -> None:
    """After a broken connection the pull reconnects and continues there: no byte is sent twice."""
    hub.publish(REPO, FILES)
    hub.add_fault(WEIGHTS, cut_after=50_000, times=4)

    assert contents(pull(model_files(tmp_path, hub.url))) == PULLED
    assert [one.range for one in hub.downloads(WEIGHTS)] == [
        "",
        "bytes=50000-",
        "bytes=100000-",
        "bytes=150000-",
        "bytes=200000-",
    ]
    assert hub.bytes_sent(WEIGHTS) == len(WEIGHT_BYTES)


def test_an_ended_pull_is_resumed_by_the_next(hub: FakeHub, tmp_path: Path) -> None:
    """A pull ends when nothing more is received, keeps the received bytes, and the next continues from there."""
    hub.publish(REPO, FILES)
    hub.add_fault(WEIGHTS, cut_after=HALF, times=1)
    hub.add_fault(WEIGHTS, cut_after=0)
    files = model_files(tmp_path, hub.url)
    with pytest.raises(ModelUnreachable, match="pull it again"):
        pull(files)
    assert partial_bytes(tmp_path) == HALF
    assert files.locate(MODEL) is None

    hub.clear_faults()
    assert contents(pull(files)) == PULLED
    assert hub.bytes_sent(WEIGHTS) == len(WEIGHT_BYTES)


def test_a_killed_pull_is_resumed(hub: FakeHub, tmp_path: Path) -> None:
    """After kill -9 in the middle of a file, the next pull fetches only the missing bytes."""
    hub.publish(REPO, FILES)
    hub.add_fault(WEIGHTS, stall_after=HALF)
    process = PullProcess(tmp_path / "cache", hub.url)
    wait_until(
        lambda: partial_bytes(tmp_path / "cache") >= HALF - 8192, "half of it is there"
    )  # a buffer's worth may be in memory
    process.kill()
    kept = partial_bytes(tmp_path / "cache")
    hub.clear_faults()
    hub.clear_requests()

    assert contents(pull(model_files(tmp_path / "cache", hub.url))) == PULLED
    assert hub.bytes_sent(WEIGHTS) == len(WEIGHT_BYTES) - kept
    assert hub.bytes_sent("config.json") == 0


def test_a_pull_is_cancelled_at_once(hub: FakeHub, tmp_path: Path) -> None:
    """Cancelling ends a pull even during a stall, closes its connection and its files, and keeps the received
    bytes.
    """
    hub.publish(REPO, FILES)
    stall = hub.add_fault(WEIGHTS, stall_after=HALF)
    files = model_files(tmp_path, hub.url)
    puller = PullThread(files)
    wait_until(lambda: partial_bytes(tmp_path) >= HALF - 8192, "half of it is there")
    puller.cancel.set()
    puller.join(POLICY.stall_timeout / 2)
    assert isinstance(puller.error, PullCancelled)
    assert not stall.resume.is_set()

    kept = partial_bytes(tmp_path)
    hub.clear_requests()
    hub.clear_faults()
    assert contents(pull(files)) == PULLED
    assert hub.bytes_sent(WEIGHTS) == len(WEIGHT_BYTES) - kept


def test_a_pull_that_waits_for_the_hub_is_cancelled_at_once(hub: FakeHub, tmp_path: Path) -> None:
    """A pull that waits for the hub's Retry-After can be cancelled at once too."""
    hub.publish(REPO, FILES)
    hub.add_fault(hub.LISTING, status=429, headers={"Retry-After": "40"})
    puller = PullThread(model_files(tmp_path, hub.url, DownloadPolicy(max_delay=60.0)))
    wait_until(lambda: hub.requests, "the hub was asked")
    puller.cancel.set()
    puller.join(20.0)
    assert isinstance(puller.error, PullCancelled)


def test_a_callback_that_fails_ends_the_pull(hub: FakeHub, tmp_path: Path) -> None:
    """An exception of the callback ends the pull and is raised from it."""
    hub.publish(REPO, FILES)
    hub.add_fault(WEIGHTS, stall_after=HALF)
    files = model_files(tmp_path, hub.url)

    def fail(progress: PullProgress) -> None:
        raise KeyError(progress.model)

    with pytest.raises(KeyError):
        files.pull(MODEL, fail, threading.Event())
    wait_until(
        lambda: not any(thread.name == "pull toy" for thread in threading.enumerate()), "its thread has ended"
    )


def test_a_stall_is_an_error_that_can_be_resumed(hub: FakeHub, tmp_path: Path) -> None:
    """After repeated stalls the pull ends with an error, and the next continues."""
    hub.publish(REPO, FILES)
    hub.add_fault(WEIGHTS, stall_after=HALF, times=1)
    hub.add_fault(WEIGHTS, stall_after=0)
    with pytest.raises(PullStalled, match="stopped sending"):
        pull(model_files(tmp_path, hub.url, DownloadPolicy(stall_timeout=0.5, attempts=2, retry_delay=0.01)))
    kept = partial_bytes(tmp_path)
    hub.clear_requests()
    hub.clear_faults()
    assert contents(pull(model_files(tmp_path, hub.url))) == PULLED
    assert hub.bytes_sent(WEIGHTS) == len(WEIGHT_BYTES) - kept


def test_a_hub_without_ranges_begins_anew(hub: FakeHub, tmp_path: Path) -> None:
    """Where the hub ignores ranges the file is downloaded from its start, and is correct."""
    hub.publish(REPO, FILES)
    hub.add_fault(WEIGHTS, cut_after=HALF, times=1)
    hub.add_fault(WEIGHTS, ignore_range=True)
    assert contents(pull(model_files(tmp_path, hub.url))) == PULLED
    assert hub.bytes_sent(WEIGHTS) == HALF + len(WEIGHT_BYTES)


@pytest.mark.parametrize(
    "rubbish",
    [b"", b"rubbish", WEIGHT_BYTES, WEIGHT_BYTES + b"rubbish"],
    ids=["none", "other", "all", "more"],
)
def test_partial_files_of_any_content(hub: FakeHub, tmp_path: Path, rubbish: bytes) -> None:
    """A partial file of any length and content is completed, or reported as damaged and downloaded anew."""
    commit = hub.publish(REPO, FILES)
    files = model_files(tmp_path, hub.url)
    pull(files)
    blob = (tmp_path / "models--acme--toy/snapshots" / commit / WEIGHTS).resolve()
    blob.unlink()
    blob.with_name(f"{blob.name}{PARTIAL_SUFFIX}").write_bytes(rubbish)
    if rubbish == b"rubbish":
        with pytest.raises(ModelDamaged):
            pull(files)
    assert contents(pull(files)) == PULLED


def test_partial_files_of_the_hubs_own_client(hub: FakeHub, tmp_path: Path) -> None:
    """What another client of the hub has begun to download, in the same cache, is neither read nor changed."""
    commit = hub.publish(REPO, FILES)
    files = model_files(tmp_path, hub.url)
    pull(files)
    blob = (tmp_path / "models--acme--toy/snapshots" / commit / WEIGHTS).resolve()
    blob.unlink()
    others = [blob.with_name(f"{blob.name}{suffix}") for suffix in (".incomplete", ".0a1b2c3d.incomplete")]
    for other in others:
        other.write_bytes(b"of another")
    assert contents(pull(files)) == PULLED
    assert [other.read_bytes() for other in others] == [b"of another"] * 2
