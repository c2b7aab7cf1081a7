"""The address of a worker, and the lines it writes first: what it and its gateway need before any request."""

from __future__ import annotations

import msgspec

from engines.api import Beat, EngineInfo

SECRET_VARIABLE = "VOICEBOX_WORKER_SECRET"  # noqa: S105 - a variable's name
"""the environment variable that gives a worker the secret its callers must know; empty for none"""


class WorkerAddress(msgspec.Struct, frozen=True):
    """The address of a worker: a Unix socket, or a loopback port with a secret."""

    url: str
    socket: str | None = None
    """path of the Unix socket"""
    secret: str = ""


class StartFailure(msgspec.Struct, frozen=True):
    """Why a worker could not start."""

    message: str
    permanent: bool = False
    """it would fail again in the same way"""


class Handshake(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of JSON that a worker writes to its parent: it still starts, or is ready, or has failed."""

    beat: Beat | None = None
    """further lines follow"""
    ready: EngineInfo | None = None
    failed: StartFailure | None = None
    port: int = 0
    """of 127.0.0.1; 0 where the worker serves at a Unix socket"""
