"""What the server says of itself: what it is, that it runs, whether it can serve, and how its engines are."""

from __future__ import annotations

from typing import Literal

import msgspec

from engines.fleet.status import EngineStatus


class ServerInfo(msgspec.Struct, frozen=True):
    """What this server is, and where to learn more."""

    name: str
    version: str
    schema: str
    """the path of the API's description"""
    health: str
    """the path of its health"""


class Liveness(msgspec.Struct, frozen=True):
    """That the process runs."""

    status: Literal["ok"] = "ok"


class Readiness(msgspec.Struct, frozen=True):
    """Whether requests can be served."""

    status: Literal["ok", "starting", "closing"]


class Health(msgspec.Struct, frozen=True):
    """How the engines are."""

    status: Literal["ok", "starting"]
    version: str
    engines: dict[str, EngineStatus]
