"""Questions to a driver, which may never be answered: a GPU that hangs keeps whoever asks about it.

Each is asked in a thread of its own, which is waited for so long and then left alone. While one of them is
kept, no other is asked: they would be kept as well.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from engines.errors import EngineUnavailable

ANSWER_SECONDS = 10.0
"""for an answer, which takes milliseconds, or seconds where the driver has to wake a GPU first"""

Answer = TypeVar("Answer")


class DriverSilent(EngineUnavailable):
    """The driver of the GPUs does not answer."""


class _Question(Generic[Answer]):
    """One question, in its thread."""

    def __init__(self, ask: Callable[[], Answer]) -> None:
        self._ask = ask
        self._answers: list[Answer] = []
        self._errors: list[BaseException] = []
        # a daemon: the end of the program does not wait for it
        self.thread = threading.Thread(target=self._run, name="driver", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._answers.append(self._ask())
        except BaseException as exc:  # whatever it is, it is raised where the answer is waited for
            self._errors.append(exc)

    def answer(self, seconds: float) -> Answer:
        """Return the answer. Raises what the question raised, or DriverSilent."""
        self.thread.join(seconds)
        if self._errors:
            raise self._errors[0]
        if not self._answers:
            raise DriverSilent(f"The driver of the GPUs has not answered for {seconds:g} s.")
        return self._answers[0]


class DriverQuestions:
    """Asks a driver, and waits at most `seconds` for each answer."""

    def __init__(self, seconds: float = ANSWER_SECONDS) -> None:
        self._seconds = seconds
        self._overdue: threading.Thread | None = None
        """of the question that has no answer yet, though it should"""

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Return the answer to a question. Raises what it raises, or DriverSilent, at once where an earlier
        one still has no answer.
        """
        if self._overdue and self._overdue.is_alive():
            raise DriverSilent("The driver of the GPUs does not answer.")
        self._overdue = None
        asked = _Question(question)
        try:
            return asked.answer(self._seconds)
        except DriverSilent:
            self._overdue = asked.thread
            raise
