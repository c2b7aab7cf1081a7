"""Models and their files, as /v1/voicebox has them."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from compat.openai.models import ModelSetting
from engines.api import SeedWorth

FilesState = Literal["absent", "pulling", "incomplete", "unusable", "disabled"]
WorkerState = Literal["resting", "starting", "ready", "failed", "stopped"]


class ModelObject(msgspec.Struct, frozen=True):
    """A model, and how it stands on this machine."""

    id: str
    name: str
    engine: str
    repo: str
    revision: str
    licence: str
    kinds: tuple[str, ...]
    languages: tuple[str, ...]
    sample_rate: int
    voice_types: tuple[str, ...]
    streaming: bool
    instruct: bool
    cloning: bool
    requires: tuple[str, ...]
    tier: str
    gated: bool
    sources: tuple[str, ...]
    """where it may be pulled from: hub, packages"""
    size: int
    """bytes to pull, about; 0 where nobody has measured"""
    size_on_disk: int
    settings: tuple[ModelSetting, ...]
    """its own, that `settings` of a request may change"""
    marks: tuple[str, ...]
    """patterns of what in a text is a sign to it, and not read as words"""
    longest_text: int
    """code points that it speaks at once; texts are cut accordingly. 0: any"""
    longest_seconds: float
    """the same, in seconds of audio"""
    state: FilesState | WorkerState
    """what there is of its files, or, once all are here, what its worker does"""
    runs_here: bool
    """whether this machine can run it once its files are here; `reason` tells what keeps it from that"""
    source: str | UnsetType = UNSET
    """where its files are from, once all are here: hub, packages, or installed, for a package that is"""
    seed: SeedWorth | UnsetType = UNSET
    """what the `seed` of a request is worth on the device that it runs on: `exact`, the same audio each time,
    on the same machine and versions; `similar`, as a GPU adds up in another order each time; `none`. Absent
    for one that does not speak, or has never run
    """
    reason: str | UnsetType = UNSET
    loading_seconds: float | UnsetType = UNSET
    """how long it has been starting"""
    usual_seconds: float | UnsetType = UNSET
    """how long that took the last time"""
    object: Literal["voicebox.model"] = "voicebox.model"


class ModelObjects(msgspec.Struct, frozen=True):
    """All models that this version knows."""

    data: tuple[ModelObject, ...]
    object: Literal["list"] = "list"


class PullObject(msgspec.Struct, frozen=True):
    """How far a pull is; sizes in bytes."""

    model: str
    state: Literal["looking", "waiting", "pulling", "done", "failed"]
    done: int
    total: int
    speed: float
    """bytes a second"""
    eta: float | None
    """seconds"""
    file: str
    files_done: int
    files_total: int
    error: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    object: Literal["voicebox.pull"] = "voicebox.pull"


class Freed(msgspec.Struct, frozen=True):
    """The answer to the deletion of a model's files."""

    id: str
    freed: int
    """bytes"""
    object: Literal["voicebox.model"] = "voicebox.model"
    deleted: bool = True


class Verified(msgspec.Struct, frozen=True):
    """The files are what they should be."""

    id: str
    whole: bool = True
    object: Literal["voicebox.model"] = "voicebox.model"
