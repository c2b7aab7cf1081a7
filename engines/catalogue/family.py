"""What is known of a checkpoint before it is pulled, and what a family of them is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import msgspec

from engines.catalogue.own import EngineName, OwnModel
from engines.catalogue.records import ModelRecord


class CheckpointFacts(msgspec.Struct, frozen=True):
    """What is known of a checkpoint without its weights."""

    files: tuple[str, ...]
    """paths in the repository or the folder"""
    config: Mapping[str, Any] = {}
    """its config.json; empty where it has none that is an object"""

    def has(self, *patterns: str) -> bool:
        """Return whether some file has a path that one of these patterns matches."""
        return any(fnmatchcase(file, pattern) for file in self.files for pattern in patterns)


class Family(NamedTuple):
    """Checkpoints of one kind of files, and what runs them."""

    engine: EngineName
    title: str
    fits: Callable[[CheckpointFacts], bool]
    lacks: Callable[[CheckpointFacts, OwnModel], str]
    """what is missing or wrong, in words that go on "It is a …, but "; empty where nothing is"""
    record: Callable[[str, OwnModel, CheckpointFacts], ModelRecord]
