"""How engines and their workers are run; part of the one settings file."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Positive = Annotated[float, Meta(gt=0)]
Options = dict[str, bool | int | float | str]


class EngineSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of one engine."""

    enabled: bool = True
    workers: Annotated[int, Meta(ge=0, le=64)] = 0
    """worker processes; 0: the catalogue's number"""
    options: Options = {}
    """options of the engine itself; its documentation names them"""


class ModelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of one model."""

    enabled: bool = True
    preload: bool = False
    """loaded when the server starts, and kept"""
    workers: Annotated[int, Meta(ge=0, le=64)] = 0
    """processes that run it, each with a copy of its own; 0: one"""
    options: Options = {}
    """options of its engine, such as {device: cuda}"""


class WorkerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of all workers; times in seconds."""

    start_timeout: Positive = 60.0
    """a worker that is not ready by then is killed"""
    health_interval: Positive = 5.0
    """between two health checks of a worker"""
    health_timeout: Positive = 10.0
    """a worker that does not answer within this is killed and started again"""
    stall_timeout: Positive = 120.0
    """a job that sends nothing for so long has hung: its worker is killed"""
    stop_timeout: Positive = 3.0
    """between asking a worker to stop and killing it"""
    restart_delay: Positive = 0.2
    """before the first restart after a crash; doubles with each crash that follows"""
    restart_delay_max: Positive = 30.0
    """the longest wait between restarts"""
    queue: Annotated[int, Meta(ge=1)] = 1024
    """requests and segments that may wait for one engine; above it the answer is 503"""
