"""What a gateway process says to the one that runs the engines, and what it hears: one JSON object a line."""

from __future__ import annotations

from typing import Literal

import msgspec

from engines.api import EngineInfo
from engines.catalogue.engines import Kind
from engines.wire.address import WorkerAddress
from engines.fleet.slots import JobOutcome
from engines.fleet.status import EngineStatus
from engines.fleet.streams import RequestTerms
from gateway.config.settings import Settings
from gateway.models.pulls import PullStatus

ModelAction = Literal["pull", "told", "cancel", "pulls", "delete", "load", "unload"]
"""what `gateway.managing.Manager` does"""
CHANGING: tuple[ModelAction, ...] = ("delete", "load", "unload")
"""those after which a model stands otherwise"""
UNEXPECTED = "unexpected"
"""in place of an error's class: a fault in the program, with its traceback"""

# From a gateway process...


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """It has come up."""

    pid: int


class Accepting(msgspec.Struct, frozen=True, tag="listening"):
    """It takes connections."""


class AcquirePermit(msgspec.Struct, frozen=True, tag="admit"):
    """A request asks to begin; answered by Admitted or Refused."""

    id: int
    caller: str
    model: str
    seconds: float


class ReleasePermit(msgspec.Struct, frozen=True, tag="depart"):
    """A request that was admitted has ended, and came to so many seconds of audio."""

    permit: int
    seconds: float


class OpenStream(msgspec.Struct, frozen=True, tag="enter"):
    """A stream asks to be let in; answered by Entered or Refused. `patience` is its deadline in seconds from
    now.
    """

    id: int
    engine: str
    terms: RequestTerms


class StreamProgress(msgspec.Struct, frozen=True):
    """How far a stream is: see `engines.fleet.streams.StreamNeed`. Its moments are of the machine's clock."""

    made: float = 0.0
    ahead: float = 0.0
    dry_at: float | None = None


class CloseStream(msgspec.Struct, frozen=True, tag="leave"):
    """A stream has ended."""

    need: int


class AcquireSlot(msgspec.Struct, frozen=True, tag="acquire"):
    """A stream's job asks for a worker; answered by Acquired or Refused."""

    id: int
    need: int
    progress: StreamProgress


class ReleaseSlot(msgspec.Struct, frozen=True, tag="release"):
    """A job has ended."""

    slot: int
    outcome: JobOutcome
    progress: StreamProgress


class Manage(msgspec.Struct, frozen=True, tag="manage"):
    """Something is to be done to a model; answered by Managed or Refused."""

    id: int
    action: ModelAction
    model: str = ""
    pull: int = 0
    """the number of the pull that is asked about"""


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Nobody waits for the answer to `id` any more."""

    id: int


Request = (
    Hello
    | Accepting
    | AcquirePermit
    | ReleasePermit
    | OpenStream
    | CloseStream
    | AcquireSlot
    | ReleaseSlot
    | Manage
    | Cancel
)

# To a gateway process...


class Welcome(msgspec.Struct, frozen=True, tag="welcome"):
    """What it is to be; the first thing it hears."""

    settings: Settings
    host: str
    port: int


class EngineState(msgspec.Struct, frozen=True):
    """How one engine is; its own account comes when that has changed."""

    state: EngineStatus
    kinds: tuple[Kind, ...]
    usable: bool


class EngineStates(msgspec.Struct, frozen=True, tag="news"):
    """How all engines are; `infos` holds those whose account has changed."""

    engines: dict[str, EngineState]
    infos: dict[str, EngineInfo]


class PermitAcquired(msgspec.Struct, frozen=True, tag="admitted"):
    """A request may begin."""

    id: int
    permit: int
    headers: dict[str, str]


class StreamOpened(msgspec.Struct, frozen=True, tag="entered"):
    """A stream is let in."""

    id: int
    need: int


class SlotAcquired(msgspec.Struct, frozen=True, tag="acquired"):
    """A job has a worker, at this address."""

    id: int
    slot: int
    address: WorkerAddress


class Managed(msgspec.Struct, frozen=True, tag="managed"):
    """It is done: how far pulls are, by model, where one was asked about, and the bytes that were freed."""

    id: int
    pulls: dict[str, PullStatus] = {}
    freed: int = 0


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """Something asked for cannot be had; `kind` names the error's class, or the next above it that every
    floor knows.
    """

    id: int
    kind: str
    message: str
    param: str | None = None
    code: str | None = None
    retry_after: float = 1.0
    rate: str = ""
    headers: dict[str, str] = {}


Answer = Welcome | EngineStates | PermitAcquired | StreamOpened | SlotAcquired | Managed | Refused

requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def line(message: Request | Answer) -> bytes:
    """Write a message."""
    return msgspec.json.encode(message) + b"\n"
