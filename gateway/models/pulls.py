"""Pulls of models: those under way in this process, and the last that ended."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from engines.catalogue.records import ModelRecord, SourceName
from engines.errors import NotFound, SpeechError
from engines.hub.progress import PullProgress
from engines.toolkit.error_text import telling_line


class PullStatus(msgspec.Struct, frozen=True):
    """How far a pull is, and how it ended."""

    progress: PullProgress
    number: int
    """of the pull; they are numbered from 1"""
    ended: bool = False
    error: str = ""
    """why it failed, where it did"""
    code: str = ""
    """of the error"""


class Pull:
    """One pull, with its task and what cancels it."""

    def __init__(self, name: str, number: int, sources: Sequence[SourceName] = ()) -> None:
        self.sources = tuple(sources)
        """those to try; none means those of the settings"""
        self.cancel = threading.Event()
        self.status = PullStatus(PullProgress(name), number)
        self.task: asyncio.Task[None] | None = None

    def update(self, progress: PullProgress) -> None:
        """Set how far it is."""
        self.status = PullStatus(progress, self.status.number)


Work = Callable[[ModelRecord, Pull], Awaitable[None]]
"""pulls a model, updates the pull, and stops when its `cancel` is set; raises SpeechError"""


class Pulls:
    """All pulls, by model: two of one model are one. `work` does one."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._pulls: dict[str, Pull] = {}
        self._previous: dict[str, PullStatus] = {}
        """how the pull before the last ended, by model: somebody may still follow it"""
        self._numbers = itertools.count(1)

    def begin(self, record: ModelRecord, sources: Sequence[SourceName] = ()) -> PullStatus:
        """Begin to pull a model, or join a pull that is under way; return its status.

        `sources` are those to try; none means those of the settings.
        """
        last = self._pulls.get(record.name)
        if last and not last.status.ended:
            return last.status
        if last:
            self._previous[record.name] = last.status
        pull = self._pulls[record.name] = Pull(record.name, next(self._numbers), sources)
        pull.task = asyncio.create_task(self._run(record, pull))
        return pull.status

    def status(self, name: str, number: int = 0) -> PullStatus:
        """Return the status of a model's pull by its number, or of the last where that is long past.

        Raises NotFound.
        """
        previous = self._previous.get(name)
        return previous if previous and previous.number == number else self._find(name).status

    def all(self) -> dict[str, PullStatus]:
        """Return the status of the last pull of every model."""
        return {name: pull.status for name, pull in self._pulls.items()}

    async def cancel(self, name: str) -> PullStatus:
        """Cancel the pull of a model, wait until it has ended, and return its status. Raises NotFound."""
        pull = self._find(name)
        pull.cancel.set()
        if pull.task:
            await asyncio.wait([pull.task])
        return pull.status

    def break_off(self) -> None:
        """Cancel all pulls; what has come is kept."""
        for pull in self._pulls.values():
            pull.cancel.set()

    async def close(self) -> None:
        """Cancel all pulls, and wait until they have ended."""
        self.break_off()
        await asyncio.gather(
            *(pull.task for pull in self._pulls.values() if pull.task), return_exceptions=True
        )

    def _find(self, name: str) -> Pull:
        """Return the last pull of a model. Raises NotFound."""
        if name not in self._pulls:
            raise NotFound(f"`{name}` is not being pulled.")
        return self._pulls[name]

    async def _run(self, record: ModelRecord, pull: Pull) -> None:
        error: SpeechError | None = None
        try:
            await self._work(record, pull)
        except SpeechError as exc:
            error = exc
        except Exception as exc:  # whatever ends a pull, its status says so
            error = SpeechError(f"It ended unexpectedly: {type(exc).__name__}: {telling_line(exc)}")
        finally:
            pull.status = msgspec.structs.replace(
                pull.status,
                ended=True,
                error=error.message if error else "",
                code=(error and error.code) or "",
            )
