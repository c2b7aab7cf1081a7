"""The status of an engine and of its workers, for health, metrics and lists."""

from __future__ import annotations

from typing import Literal

import msgspec

WorkerState = Literal["resting", "starting", "ready", "failed", "stopped"]
"""a worker that rests starts when it is wanted"""


class WorkerStatus(msgspec.Struct, frozen=True):
    """The status of one worker."""

    state: WorkerState
    pid: int | None
    restarts: int
    reason: str = ""
    """why it does not run"""
    starting: float = 0.0
    """seconds since its start began; 0 unless it is starting"""
    retry_in: float = 0.0
    """seconds until a model that failed may be tried again; 0 where it is not left alone"""


class EngineStatus(msgspec.Struct, frozen=True):
    """The status of one engine."""

    ready: bool
    """some worker can take a job now"""
    running: int
    """jobs that run"""
    queued: int
    """jobs and streams that wait"""
    streams: int
    """streams that are admitted"""
    workers: tuple[WorkerStatus, ...]
    wait: float = 0.0
    """seconds that a new request would wait, about"""
    capacity: float = 0.0
    """seconds of audio that can be made in a second, about; 0 while nothing is known"""
    cancelled: int = 0
    """jobs that were cancelled"""
    retried: int = 0
    """jobs that were tried again"""
    on_demand: bool = msgspec.field(default=False, name="lazy")
    """its workers start when they are wanted; `lazy` is its public name at /health"""
    usable: bool = True
    """some worker is ready, or will be when it is wanted"""
    known: bool = True
    """it has said what it is, now or when it last ran, or its record and files tell"""
    presumed: bool = False
    """what is known of it is from its record and files: it has never run"""
