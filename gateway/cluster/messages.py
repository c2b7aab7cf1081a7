"""The messages between gateway processes and the engine server: one JSON object a line, each way."""

from __future__ import annotations

from typing import Literal

import msgspec

from engines.api import EngineInfo
from engines.catalogue.engines import Kind
from engines.catalogue.records import SourceName
from engines.fleet.slots import UNTRIED, JobOutcome, TriedWorkers
from engines.fleet.status import EngineStatus
from engines.fleet.streams import RequestTerms
from engines.wire.address import WorkerAddress
from gateway.config.settings import Settings
from gateway.models.pulls import PullStatus

ModelAction = Literal["pull", "pull_status", "cancel", "pulls", "delete", "load", "unload", "look_again"]
"""the methods of `gateway.models.manager.ModelManager`"""
STATE_CHANGING: tuple[ModelAction, ...] = ("pull_status", "delete", "load", "unload", "look_again")
"""actions after which a model has another status"""
UNEXPECTED = "unexpected"
"""stands for an error's class in Refused: a fault in the program, with its traceback"""

# Requests of a gateway process...


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """A gateway process has connected."""

    pid: int


class Accepting(msgspec.Struct, frozen=True, tag="accepting"):
    """A gateway process accepts connections."""


class CannotStart(msgspec.Struct, frozen=True, tag="cannot_start"):
    """A gateway process cannot serve, and ends; the reason in words."""

    reason: str


class Alive(msgspec.Struct, frozen=True, tag="alive"):
    """The answer to AreYouAlive."""

    encoding: float
    """seconds of audio that the process can encode in a second; 0 while it does not know"""


class AcquirePermit(msgspec.Struct, frozen=True, tag="acquire_permit"):
    """Ask for a request's permit; answered by PermitAcquired or Refused."""

    id: int
    caller: str
    model: str
    seconds: float


class ReleasePermit(msgspec.Struct, frozen=True, tag="release_permit"):
    """A request with a permit has ended, after so many seconds of audio."""

    permit: int
    seconds: float


class OpenStream(msgspec.Struct, frozen=True, tag="open_stream"):
    """Ask to open a stream; answered by StreamOpened or Refused."""

    id: int
    engine: str
    terms: RequestTerms


class StreamProgress(msgspec.Struct, frozen=True):
    """How far a stream is: see `engines.fleet.streams.StreamNeed`. Its moments are of the machine's clock."""

    made: float = 0.0
    ahead: float = 0.0
    dry_at: float | None = None


class CloseStream(msgspec.Struct, frozen=True, tag="close_stream"):
    """A stream has ended; `need` is its number."""

    need: int


class AcquireSlot(msgspec.Struct, frozen=True, tag="acquire_slot"):
    """Ask for a slot for a job of a stream; answered by SlotAcquired or Refused."""

    id: int
    need: int
    progress: StreamProgress
    prompt: str = ""
    """id of the job's voice prompt"""
    tried: TriedWorkers = UNTRIED


class ReleaseSlot(msgspec.Struct, frozen=True, tag="release_slot"):
    """A job has ended, and its slot is free."""

    slot: int
    outcome: JobOutcome
    progress: StreamProgress


class ManageModel(msgspec.Struct, frozen=True, tag="manage_model"):
    """Run an action of the model manager; answered by ModelManaged or Refused."""

    id: int
    action: ModelAction
    model: str = ""
    pull: int = 0
    """the number of the pull that is asked about"""
    sources: tuple[SourceName, ...] = ()
    """those to pull from; none means those of the settings"""


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Nobody waits for the response to `id` any more."""

    id: int


Request = (
    Hello
    | Accepting
    | CannotStart
    | Alive
    | AcquirePermit
    | ReleasePermit
    | OpenStream
    | CloseStream
    | AcquireSlot
    | ReleaseSlot
    | ManageModel
    | Cancel
)

# Responses of the engine server...


class Welcome(msgspec.Struct, frozen=True, tag="welcome"):
    """The settings and the address of a gateway process; the first message that it gets."""

    settings: Settings
    host: str
    port: int


class AreYouAlive(msgspec.Struct, frozen=True, tag="are_you_alive"):
    """Ask a gateway process for a sign of life; answered by Alive."""


class EngineState(msgspec.Struct, frozen=True):
    """The status of an engine; its EngineInfo comes with EngineStates when that has changed."""

    state: EngineStatus
    kinds: tuple[Kind, ...]
    usable: bool


class EngineStates(msgspec.Struct, frozen=True, tag="engine_states"):
    """The state of all engines; `infos` holds those that have changed since the last such message."""

    engines: dict[str, EngineState]
    infos: dict[str, EngineInfo]


class PermitAcquired(msgspec.Struct, frozen=True, tag="permit_acquired"):
    """A request may begin, by the number of its permit."""

    id: int
    permit: int
    headers: dict[str, str]


class StreamOpened(msgspec.Struct, frozen=True, tag="stream_opened"):
    """A stream has been opened, by the number of its need."""

    id: int
    need: int


class SlotAcquired(msgspec.Struct, frozen=True, tag="slot_acquired"):
    """A job has a slot, of the worker at this address."""

    id: int
    slot: int
    address: WorkerAddress


class ModelManaged(msgspec.Struct, frozen=True, tag="model_managed"):
    """An action is done: the status of pulls, by model, and the bytes that were freed."""

    id: int
    pulls: dict[str, PullStatus] = {}
    freed: int = 0


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """A request has failed; `kind` names the error's class, or its nearest base in `engines.errors`."""

    id: int
    kind: str
    message: str
    param: str | None = None
    code: str | None = None
    retry_after: float = 1.0
    rate: str = ""
    headers: dict[str, str] = {}


Response = (
    Welcome
    | AreYouAlive
    | EngineStates
    | PermitAcquired
    | StreamOpened
    | SlotAcquired
    | ModelManaged
    | Refused
)

request_decoder: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
response_decoder: msgspec.json.Decoder[Response] = msgspec.json.Decoder(Response)


def encode_line(message: Request | Response) -> bytes:
    """Return a message as a line of JSON."""
    return msgspec.json.encode(message) + b"\n"
