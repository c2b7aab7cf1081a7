"""A speech job in a worker: from the request to its end, whatever runs it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import msgspec

from engines.api import Prompt, SpeechJob
from engines.worker.outputs import JobOutput
from engines.worker.prompt_cache import HeldPrompt


def take_no_note(_error: BaseException) -> None:
    """Take no note of an error."""


class QueuedJob(msgspec.Struct, frozen=True, eq=False):
    """A job that waits for the engine, or that the engine has."""

    job: SpeechJob
    prompt: HeldPrompt | None
    out: JobOutput
    done: asyncio.Future[None]
    """done when the job is, with its error if it failed"""
    note: Callable[[BaseException], None] = take_no_note
    """is told what the engine raised, in its thread, whether anybody wants the job still or not"""

    @property
    def unwanted(self) -> bool:
        """Whether nobody wants it any more."""
        return self.out.events.cancelled

    def prepare(self) -> SpeechJob:
        """Return the job as the engine takes it, its prompt opened; called in the engine's thread.

        Raises Stop or BadInput.
        """
        self.out.begin()
        if self.prompt is None:
            return self.job
        prompt = Prompt(self.prompt.id, opened=self.prompt.open())
        return msgspec.structs.replace(self.job, prompt=prompt)

    def end(self, error: Exception | None) -> None:
        """End the job, on the loop, with its error if it failed."""
        self.out.events.finish()
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)

    def ender(self) -> Callable[[Exception | None], None]:
        """Return a function that ends the job once, from whichever thread calls it first."""
        loop = self.done.get_loop()
        lock = threading.Lock()
        ended = False

        def end(error: Exception | None) -> None:
            nonlocal ended
            with lock:
                ended_before, ended = ended, True
            if error is not None:
                self.note(error)
            if not ended_before:
                loop.call_soon_threadsafe(self.end, error)

        return end
