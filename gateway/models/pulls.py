"""Pulls of models: those under way in this process, and the last that ended."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Awaitable, Callable

import msgspec

from engines.catalogue.records import ModelRecord
from engines.errors import NotFound, SpeechError
from engines.hub.progress import Progress


class PullStatus(msgspec.Struct, frozen=True):
    """How far a pull is; `error` and its `code` say why it failed, where it did. Pulls are numbered from 1."""

    progress: Progress
    number: int
    ended: bool = False
    error: str = ""
    code: str = ""


class Pull:
    """One pull."""

    def __init__(self, name: str, number: int) -> None:
        self.cancel = threading.Event()
        self.pull_status = PullStatus(Progress(name), number)
        self.task: asyncio.Task[None] | None = None

    def tell(self, progress: Progress) -> None:
        """Take down how far it is."""
        self.pull_status = PullStatus(progress, self.pull_status.number)


Work = Callable[[ModelRecord, Pull], Awaitable[None]]
"""pulls a model, tells how far it is, and stops when `cancel` is set. Raises SpeechError"""


class Pulls:
    """All of them, by model: two of one model are one. `work` does one."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._pulls: dict[str, Pull] = {}
        self._before: dict[str, PullStatus] = {}
        """how the pull before the last ended, by model: there may be some who follow it still"""
        self._numbers = itertools.count(1)

    def begin(self, record: ModelRecord) -> PullStatus:
        """Begin to pull a model, or join a pull that is under way."""
        known = self._pulls.get(record.name)
        if known and not known.pull_status.ended:
            return known.pull_status
        if known:
            self._before[record.name] = known.pull_status
        pull = self._pulls[record.name] = Pull(record.name, next(self._numbers))
        pull.task = asyncio.create_task(self._pull(record, pull))
        return pull.pull_status

    def pull_status(self, name: str, number: int = 0) -> PullStatus:
        """Tell how far a pull of a model is, or the last where that is long past. Raises NotFound."""
        before = self._before.get(name)
        return before if before and before.number == number else self._find(name).pull_status

    def all(self) -> dict[str, PullStatus]:
        """Tell how far all are, by model."""
        return {name: pull.pull_status for name, pull in self._pulls.items()}

    async def cancel(self, name: str) -> PullStatus:
        """Stop a pull, and wait until it has. Raises NotFound."""
        pull = self._find(name)
        pull.cancel.set()
        if pull.task:
            await asyncio.wait([pull.task])
        return pull.pull_status

    async def close(self) -> None:
        """Stop them all."""
        for pull in self._pulls.values():
            pull.cancel.set()
        await asyncio.gather(
            *(pull.task for pull in self._pulls.values() if pull.task), return_exceptions=True
        )

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
            pull.pull_status = msgspec.structs.replace(
                pull.pull_status,
                ended=True,
                error=error.message if error else "",
                code=(error and error.code) or "",
            )
