"""Pulls of models: those under way in this process, and the last that ended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import msgspec

from engines.api import NotFound, SpeechError
from engines.models.progress import Progress
from engines.models.records import ModelRecord

KEPT = 50


class Told(msgspec.Struct, frozen=True):
    """How far a pull is; `error` and its `code` say why it failed, where it did."""

    progress: Progress
    ended: bool = False
    error: str = ""
    code: str = ""


class Pull:
    """One pull."""

    def __init__(self, name: str) -> None:
        self.cancel = threading.Event()
        self.told = Told(Progress(name))
        self.task: asyncio.Task[None] | None = None

    def tell(self, progress: Progress) -> None:
        """Take down how far it is."""
        self.told = Told(progress)


Work = Callable[[ModelRecord, Pull], Awaitable[None]]
"""pulls a model, tells how far it is, and stops when `cancel` is set. Raises SpeechError"""


class Pulls:
    """All of them, by model: two of one model are one. `work` does one."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._pulls: dict[str, Pull] = {}

    def begin(self, record: ModelRecord) -> Told:
        """Begin to pull a model, or join a pull that is under way."""
        known = self._pulls.get(record.name)
        if known and not known.told.ended:
            return known.told
        while len(self._pulls) > KEPT:
            self._pulls.pop(next(name for name, one in self._pulls.items() if one.told.ended))
        pull = self._pulls[record.name] = Pull(record.name)
        pull.task = asyncio.create_task(self._pull(record, pull))
        return pull.told

    def told(self, name: str) -> Told:
        """Tell how far the last pull of a model is. Raises NotFound."""
        return self._find(name).told

    def all(self) -> dict[str, Told]:
        """Tell how far all are, by model."""
        return {name: pull.told for name, pull in self._pulls.items()}

    async def cancel(self, name: str) -> Told:
        """Stop a pull, and wait until it has. Raises NotFound."""
        pull = self._find(name)
        pull.cancel.set()
        if pull.task:
            await asyncio.wait([pull.task])
        return pull.told

    async def close(self) -> None:
        """Stop them all."""
        for pull in self._pulls.values():
            pull.cancel.set()
        await asyncio.gather(*(pull.task for pull in self._pulls.values() if pull.task), return_exceptions=True)

    def _find(self, name: str) -> Pull:
        if name not in self._pulls:
            raise NotFound(f"`{name}` is not being pulled.")
        return self._pulls[name]

    async def _pull(self, record: ModelRecord, pull: Pull) -> None:
        error: SpeechError | None = None
        try:
            await self._work(record, pull)
        except SpeechError as exc:
            error = exc
        except Exception as exc:  # whatever ends a pull, who follows it is told
            error = SpeechError(f"It ended unexpectedly: {type(exc).__name__}: {exc}")
        finally:
            pull.told = Told(
                pull.told.progress, ended=True, error=error.message if error else "", code=(error and error.code) or ""
            )
