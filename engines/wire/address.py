"""The address of a worker, and the lines that it reads and writes first: what it and its gateway need before
any request.
"""

from __future__ import annotations

import msgspec

from engines.api import Beat, EngineInfo
from engines.settings import Options


class WorkerAddress(msgspec.Struct, frozen=True):
    """The address of a worker: a Unix socket, or a loopback port with a secret."""

    url: str
    socket: str | None = None
    """path of the Unix socket"""
    secret: str = ""


class StartOrder(msgspec.Struct, frozen=True, omit_defaults=True):
    """The line of JSON that a worker is given on its standard input before anything else.

    What it holds may be secret: the command line and the environment of a process are for others to read.
    """

    options: Options = {}
    """of the settings and of the record: keyword arguments of the engine's class, and its device, dtype and
    threads
    """
    group: str = ""
    """the environment that it runs in, by name; empty for none"""
    cache_folder: str = ""
    """where pulled models lie; empty where it is not run from one"""
    secret: str = ""
    """what its callers must know; empty for none"""


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
