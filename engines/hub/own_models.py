"""What the models of one's own are, by their files: on this machine, or as the hub lists them before anything
is pulled.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engines.catalogue.families import CONFIG, UnfitModel, fit_model, presumed_record
from engines.catalogue.family import CheckpointFacts
from engines.catalogue.records import ModelRecord, Source
from engines.hub.layout import RepoFolder, size_of, walk_files

if TYPE_CHECKING:
    from engines.hub.client import HubClient
    from engines.hub.download import Downloader

MOST_FILES = 10_000
"""of a folder that are looked at: somebody may name the root of a disk"""
MOST_CONFIG_BYTES = 4 * 1024 * 1024


def fitted(cache: Path, record: ModelRecord) -> ModelRecord:
    """Return the record of a model as its files on this machine show it to be; one that is not one's own, or
    whose files are not here, as it is.
    """
    own = record.own
    facts = disk_facts(cache, record) if own else None
    if own is None or facts is None:
        return record
    try:
        return fit_model(record.name, own, facts)
    except UnfitModel as exc:
        return presumed_record(record.name, own, exc.message.rstrip("."))


def disk_facts(cache: Path, record: ModelRecord) -> CheckpointFacts | None:
    """Return what is known of a model from the disk; None where that is not enough."""
    if record.folder:
        folder = Path(record.folder).expanduser()
        return CheckpointFacts(_names(folder), _read_config(folder / CONFIG))
    repo = RepoFolder(cache, record.repo)
    commit = repo.commit(record.revision) if record.repo else None
    if commit is None:
        return None
    folder = repo.snapshot(commit)
    tree = repo.tree(commit)
    files = tuple(tree.files) if tree else _names(folder)
    if not files or (CONFIG in files and size_of(folder / CONFIG) is None):
        return None  # it is still being pulled
    return CheckpointFacts(files, _read_config(folder / CONFIG))


def fit_before_pull(record: ModelRecord, hub: HubClient, lister: Downloader) -> ModelRecord:
    """Return the record of a model of one's own as the hub's list and its config.json show it to be.

    Nothing else of it is downloaded. Raises UnfitModel where no engine fits, and ModelError.
    """
    if record.own is None:
        return record
    source = Source(record.repo, record.revision)
    commit, tree = lister.retry(lambda: hub.list_files(source))
    config: Mapping[str, Any] = {}
    if CONFIG in tree.files and tree.files[CONFIG].size <= MOST_CONFIG_BYTES:
        config = _decode(lister.retry(lambda: _download(hub, source, commit)))
    return fit_model(record.name, record.own, CheckpointFacts(tuple(tree.files), config))


def _download(hub: HubClient, source: Source, commit: str) -> bytes:
    """Return the bytes of a repository's config.json."""
    with hub.open_file(source, commit, CONFIG, 0) as response:
        return b"".join(response.chunks())


def _names(folder: Path) -> tuple[str, ...]:
    """Return the paths of the files in a folder."""
    files = islice(walk_files(folder), MOST_FILES)
    return tuple(file.relative_to(folder).as_posix() for file in files)


def _read_config(file: Path) -> Mapping[str, Any]:
    size = size_of(file)
    try:
        return _decode(file.read_bytes()) if size and size <= MOST_CONFIG_BYTES else {}
    except OSError:
        return {}


def _decode(data: bytes) -> Mapping[str, Any]:
    """Return the object that a file of JSON holds; an empty one where it holds none."""
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}
