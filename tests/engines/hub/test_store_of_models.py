"""Tests of finding, checking, listing and deleting model files on this machine, in a cache that others use
too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from small_model import (
    FILES,
    MODEL,
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

from engines.catalogue.engines import Kind
from engines.catalogue.models import MODELS, find_model
from engines.catalogue.records import ModelRecord, Source
from engines.hub.errors import ModelDamaged, ModelNotFound, ModelUnreachable
from engines.hub.layout import default_cache_folder

if TYPE_CHECKING:  # pytest loads it
    from hub_server import FakeHub

HALF = 150_000
CODEC = ModelRecord(
    "codec",
    "Codec",
    TONE,
    "acme/codec",
    "MIT",
    ("speech",),
    files=("codec.bin",),
    extra_sources=(Source(REPO, "main", ("voices/*",)),),
)


def blobs(folder: Path, repo: str = REPO) -> set[str]:
    """Return the names of a repository's blobs."""
    return {path.name for path in (folder / f"models--{repo.replace('/', '--')}/blobs").iterdir()}


def test_incomplete_models_are_not_found(hub: FakeHub, tmp_path: Path) -> None:
    """A model is found once all its files have their lengths, and no more when one is missing or truncated."""
    hub.publish(REPO, FILES)
    files = model_files(tmp_path, hub.url)
    assert files.locate(MODEL) is None
    path = pull(files)
    assert files.locate(MODEL) == path
    (path / WEIGHTS).resolve().write_bytes(WEIGHT_BYTES[:-1])
    assert files.locate(MODEL) is None
    assert contents(pull(files)) == PULLED
    (path / "voices/a.pt").unlink()
    assert files.locate(MODEL) is None
    hub.clear_requests()
    assert contents(pull(files)) == PULLED
    assert hub.downloads("*") == []


def test_files_of_further_repositories(hub: FakeHub, tmp_path: Path) -> None:
    """Files of further repositories are pulled with a model, which is not complete without them."""
    hub.publish(REPO, FILES)
    hub.publish("acme/codec", {"codec.bin": b"codec"})
    files = model_files(tmp_path, hub.url)
    path = pull(files, CODEC)

    assert contents(path) == {"codec.bin": b"codec"}
    own, other = files.locate_all(CODEC)
    assert own == path
    assert contents(other) == {"voices/a.pt": FILES["voices/a.pt"]}
    assert files.locate(MODEL) is None
    (other / "voices/a.pt").unlink()
    assert files.locate(CODEC) is None
    assert files.locate_all(CODEC) == ()


def test_what_the_hubs_client_pulled_is_found(hub: FakeHub, tmp_path: Path) -> None:
    """Files that the hub's own client pulled are used, and can be checked, even those of an old client that
    leaves no listing.
    """
    from huggingface_hub import hf_hub_download, snapshot_download

    hub.publish(REPO, FILES)
    files = model_files(tmp_path, hub.url)
    path = Path(snapshot_download(REPO, cache_dir=tmp_path, endpoint=hub.url, token=False))
    assert files.locate(MODEL) == path
    (tmp_path / f"models--acme--toy/trees/{path.name}.json").unlink()
    assert files.locate(MODEL) == path
    files.verify(MODEL)

    (path / WEIGHTS).resolve().write_bytes(WEIGHT_BYTES[::-1])
    with pytest.raises(ModelDamaged, match=WEIGHTS):
        files.verify(MODEL)
    assert files.locate(MODEL) is None
    hf_hub_download(REPO, WEIGHTS, cache_dir=tmp_path, endpoint=hub.url, token=False)
    assert files.locate(MODEL) == path
    everything = ModelRecord("all", "", TONE, REPO, "", ("speech",))
    assert files.locate(everything) == path
    (tmp_path / "models--acme--toy/blobs/abc.incomplete").touch()
    assert files.locate(everything) is None


def test_damage_is_found_named_and_repaired(hub: FakeHub, tmp_path: Path) -> None:
    """A check reads every byte; damaged files are deleted, and named with the missing ones; a pull downloads
    just these.
    """
    hub.publish(REPO, FILES)
    files = model_files(tmp_path, hub.url)
    with pytest.raises(ModelNotFound, match="toy is not here"):
        files.verify(MODEL)
    path = pull(files)
    files.verify(MODEL)
    (path / WEIGHTS).resolve().write_bytes(WEIGHT_BYTES[::-1])
    (path / "config.json").resolve().write_bytes(b'{"a": 2}\n')
    (path / "voices/a.pt").unlink()
    assert files.listing([MODEL])[0].complete is False

    with pytest.raises(ModelDamaged) as caught:
        files.verify(MODEL)
    assert caught.value.files == ("config.json", WEIGHTS, "voices/a.pt")
    hub.clear_requests()
    assert contents(pull(files)) == PULLED
    assert {one.file for one in hub.downloads("*")} == {"config.json", WEIGHTS}
    files.verify(MODEL)


def test_the_listing_has_what_is_on_disk(hub: FakeHub, tmp_path: Path) -> None:
    """The listing has each model's bytes on disk, of partial files too, its commit, and whether it is
    complete.
    """
    commit = hub.publish(REPO, FILES)
    hub.add_fault(WEIGHTS, cut_after=HALF, times=1)
    hub.add_fault(WEIGHTS, cut_after=0)
    files = model_files(tmp_path, hub.url)
    assert [(one.size, one.complete, one.commit) for one in files.listing([MODEL])] == [(0, False, None)]
    with pytest.raises(ModelUnreachable):
        pull(files)
    assert [(one.size, one.complete) for one in files.listing([MODEL])] == [
        (HALF + len(FILES["config.json"]), False)
    ]
    hub.clear_faults()
    path = pull(files)
    (stored,) = files.listing([MODEL])
    assert (stored.size, stored.complete, stored.commit, stored.path) == (TOTAL_BYTES, True, commit, path)
    assert len(files.listing()) == len(MODELS)


def test_deleting_a_model(hub: FakeHub, tmp_path: Path) -> None:
    """Deleting removes a repository's blobs and refs, returns the bytes, and leaves the other repositories as
    they were.
    """
    hub.publish(REPO, FILES)
    hub.publish("acme/codec", {"codec.bin": b"codec"})
    other = msgspec.structs.replace(CODEC, extra_sources=())
    files = model_files(tmp_path, hub.url)
    pull(files)
    pull(files, other)

    assert files.delete(MODEL) >= TOTAL_BYTES
    assert not (tmp_path / "models--acme--toy").exists()
    assert files.locate(MODEL) is None
    assert contents(files.locate(other) or tmp_path) == {"codec.bin": b"codec"}
    assert files.delete(MODEL) == 0
    assert contents(pull(files)) == PULLED


def test_deleting_partial_files_and_old_commits(hub: FakeHub, tmp_path: Path) -> None:
    """Deleting removes what earlier commits left, and partial blobs."""
    hub.publish(REPO, FILES)
    files = model_files(tmp_path, hub.url)
    pull(files)
    hub.publish(REPO, {**FILES, WEIGHTS: WEIGHT_BYTES[::-1]})
    hub.add_fault(WEIGHTS, cut_after=HALF, times=1)
    hub.add_fault(WEIGHTS, cut_after=0)
    with pytest.raises(ModelUnreachable):
        pull(files)
    assert partial_bytes(tmp_path) == HALF

    assert files.delete(MODEL) >= TOTAL_BYTES + HALF
    assert not (tmp_path / "models--acme--toy").exists()


def test_shared_files_stay(hub: FakeHub, tmp_path: Path) -> None:
    """Files that another model shares, and files of no model, stay when a model is deleted; with the last
    model, all are deleted.
    """
    from huggingface_hub import hf_hub_download

    hub.publish(REPO, FILES)
    hub.publish("acme/codec", {"codec.bin": b"codec"})
    (tmp_path / "link").symlink_to(tmp_path)
    files = model_files(tmp_path / "link", hub.url)
    pull(files)
    pull(files, CODEC)
    hf_hub_download(REPO, "README.md", cache_dir=tmp_path, endpoint=hub.url, token=False)

    freed = files.delete(MODEL, [MODEL, CODEC])
    assert len(WEIGHT_BYTES) <= freed < TOTAL_BYTES
    _, shared = files.locate_all(CODEC)
    assert contents(shared) == {"README.md": FILES["README.md"], "voices/a.pt": FILES["voices/a.pt"]}
    assert len(blobs(tmp_path)) == 2
    files.delete(CODEC, [MODEL, CODEC])
    assert len(blobs(tmp_path)) == 1
    assert not (tmp_path / "models--acme--codec").exists()


def test_one_model_for_two_engines_is_deleted(hub: FakeHub, tmp_path: Path) -> None:
    """A model whose files two engines run, torch and MLX, is deleted by either name."""
    hub.publish(REPO, FILES)
    twin = msgspec.structs.replace(MODEL, name="toy-mlx")
    for deleted in (MODEL, twin):
        files = model_files(tmp_path, hub.url)
        pull(files)
        assert files.delete(deleted, [MODEL, twin]) >= len(WEIGHT_BYTES)
        assert files.find(MODEL) is files.find(twin) is None


def test_shared_blobs_are_deleted_with_the_last_model(hub: FakeHub, tmp_path: Path) -> None:
    """Blobs that the hub's client keeps once for several repositories (Xet) are freed when the last of these
    is deleted.
    """
    from huggingface_hub.utils._shared_blobs import publish_blob_to_shared_store, try_link_from_shared_store

    twin = msgspec.structs.replace(MODEL, name="twin", repo="acme/twin")
    hub.publish(REPO, FILES)
    hub.publish("acme/twin", FILES)
    files = model_files(tmp_path, hub.url)
    paths, xet = (pull(files), pull(files, twin)), "ab" * 32
    first, second = ((path / WEIGHTS).resolve() for path in paths)
    assert publish_blob_to_shared_store(
        blob_path=str(first), xet_hash=xet, cache_dir=tmp_path, expected_size=len(WEIGHT_BYTES)
    )
    second.unlink()
    assert try_link_from_shared_store(
        blob_path=str(second), xet_hash=xet, cache_dir=tmp_path, expected_size=len(WEIGHT_BYTES)
    )
    payload = (paths[1] / WEIGHTS).resolve()
    assert payload == (paths[0] / WEIGHTS).resolve() == tmp_path / "blobs" / "ab" / xet
    files.verify(twin)

    assert files.delete(MODEL, [twin]) < len(WEIGHT_BYTES)
    assert contents(files.locate(twin) or tmp_path) == PULLED
    config = msgspec.structs.replace(twin, name="config", files=("config.json",))
    assert files.delete(config, [twin]) == 0
    assert files.delete(msgspec.structs.replace(twin, files=(WEIGHTS,)), [config]) >= len(WEIGHT_BYTES)
    assert not payload.exists()


def test_without_symbolic_links(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without symbolic links the same holds: complete, checked, not pulled twice, deleted."""
    monkeypatch.setenv("HF_HUB_DISABLE_SYMLINKS", "1")
    hub.publish(REPO, FILES)
    files = model_files(tmp_path, hub.url)
    path = pull(files)
    assert not (path / WEIGHTS).is_symlink()
    assert files.locate(MODEL) == path
    hub.clear_requests()
    assert contents(pull(files)) == PULLED
    assert hub.downloads("*") == []
    assert files.listing([MODEL])[0].size == TOTAL_BYTES
    (path / WEIGHTS).write_bytes(WEIGHT_BYTES[::-1])
    with pytest.raises(ModelDamaged, match=WEIGHTS):
        files.verify(MODEL)
    assert files.delete(MODEL) >= TOTAL_BYTES - len(WEIGHT_BYTES)
    assert partial_blobs(tmp_path) == []


FOLDERS: list[dict[str, str]] = [
    {},
    {"HF_HOME": "~/hf"},
    {"XDG_CACHE_HOME": "/tmp/xdg"},
    {"HF_HUB_CACHE": "$HOME/models", "HF_HOME": "/nowhere"},
    {"HUGGINGFACE_HUB_CACHE": "/old"},
]


@pytest.mark.parametrize("environ", FOLDERS)
def test_the_folder_is_the_clients(environ: dict[str, str]) -> None:
    """By default the files are in the folder of the hub's own client."""
    whole = {"HOME": "/home/me", "PATH": os.environ["PATH"], **environ}
    script = "from huggingface_hub import constants; from engines.hub.layout import default_cache_folder as d; print(constants.HF_HUB_CACHE, d())"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=whole,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=60,
    )
    theirs, ours = done.stdout.split()
    assert ours == theirs
    assert default_cache_folder({"HF_HUB_CACHE": "/a"}) == Path("/a")


def test_the_client_is_loaded_by_pulls_alone(hub: FakeHub, tmp_path: Path) -> None:
    """Finding, checking and listing do not import the hub's client; a pull does, and it contacts nobody but
    the hub.
    """
    hub.publish(REPO, FILES)
    script = (
        "import sys, pathlib; sys.path.insert(0, 'tests/support'); import small_model;"
        f" files = small_model.model_files(pathlib.Path({str(tmp_path)!r}), {hub.url!r});"
        " print(files.locate(small_model.MODEL), files.listing()[0].size, 'huggingface_hub' in sys.modules);"
        " small_model.pull(files); files.verify(small_model.MODEL); print('huggingface_hub' in sys.modules, 'hf_xet' in sys.modules)"
    )
    environ = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "AI_AGENT": "tester"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=60,
    )
    assert done.stdout.split() == ["None", "0", "False", "True", "False"]
    assert all(REPO in one.url for one in hub.requests)


def test_records_are_complete() -> None:
    """Every model has a unique name, its files and its kinds, and is found by its name."""
    kinds: set[Kind] = {"speech", "transcription"}
    assert len({record.name for record in MODELS}) == len(MODELS)
    for record in MODELS:
        assert find_model(record.name) is record
        assert record.licence
        assert set(record.kinds) <= kinds
        assert record.kinds
        assert record.sources or record.packaged
        assert all(source.files and source.repo.count("/") == 1 for source in record.sources)
        assert ("speech" in record.kinds) == bool(record.voice_types)
    with pytest.raises(KeyError):
        find_model("nothing")


def test_the_order_of_models() -> None:
    """Better models come before lesser ones, of those that know the language of a request."""
    order = {record.name: record.total_rank for record in MODELS}
    sizes = ["tiny", "base", "small", "medium", "large-v3", "large-v3-turbo"]

    assert order["kokoro"] > order["pocket-tts-english"] > order["pocket-tts-german"] > order["voxcpm2"] > 10
    assert sorted(sizes, key=lambda size: order[f"whisper-{size}"]) == sizes
    assert order["faster-whisper-small"] > order["whisper-small"] < order["whisper-medium"]
    assert order["whisper-distil-large-v3"] < order["whisper-tiny"]
    for english in ("tiny.en", "base.en", "small.en", "medium.en"):
        assert 10 < order[f"whisper-{english}"] < order[f"faster-whisper-{english}"] < order["whisper-tiny"]
