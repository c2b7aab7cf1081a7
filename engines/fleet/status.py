"""How an engine and its workers are, for health, metrics and lists."""

from __future__ import annotations

import msgspec

from engines.fleet.supervised_worker import WorkerState


class WorkerStatus(msgspec.Struct, frozen=True):
    """One worker, for health and metrics."""

    state: WorkerState
    pid: int | None
    restarts: int
    reason: str = ""
    starting: float = 0.0
    """seconds since its start began; 0 unless it is starting"""


class EngineStatus(msgspec.Struct, frozen=True):
    """One engine, for health and metrics. `queued` counts segments and streams that wait, `streams` those let
    in.
    """

    ready: bool
    running: int
    queued: int
    streams: int
    workers: tuple[WorkerStatus, ...]
    wait: float = 0.0
    """seconds that a new request would wait, about"""
    capacity: float = 0.0
    """seconds of audio that can be made in a second, about; 0 while nothing is known"""
    cancelled: int = 0
    retried: int = 0
    on_demand: bool = msgspec.field(default=False, name="lazy")
    """its workers start when they are wanted; `lazy` is its public name at /health"""
    usable: bool = True
    """some worker is ready, or will be when it is wanted"""
    known: bool = True
    """it has said what it is, now or when it last ran"""
