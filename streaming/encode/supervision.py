"""What runs encoder processes, as their pool sees it: others do it, whom this package does not know."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol


class Answers(Protocol):
    """The replies that a process owes and has given."""

    def owed(self) -> object:
        """Return what tells the reply that is owed now from those before; None while none is owed."""
        ...

    def ask(self) -> None:
        """Ask for a sign of life, which is owed from now on."""
        ...


class ProcessRun(Protocol):
    """One run of an encoder process, whose process is stopped when the run ends."""

    async def start_module(
        self, module: str, *, stdin: int | None = None, stdout: int | None = None
    ) -> asyncio.subprocess.Process:
        """Start a module of ours in a process. Raises OSError."""
        ...

    def ready(self) -> None:
        """Note that the process is ready: the limit on its start no longer counts."""
        ...

    def watch(self, pid: int, answers: Answers, kill: Callable[[float], None]) -> None:
        """Call `kill` once the process owes a reply for too long, with the seconds."""
        ...


class Supervise(Protocol):
    """Runs something over and over, with back-off, until cancelled; `failed` gets what a run raised."""

    def __call__(
        self, run_once: Callable[[ProcessRun], Awaitable[None]], failed: Callable[[Exception], None]
    ) -> Awaitable[None]:
        """Run `run_once` over and over."""
        ...
