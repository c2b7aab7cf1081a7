"""One rule for every child process: it owes answers, and a child that owes one for too long is killed.

A child that is busy is not dead: one long call into a library may hold its interpreter, and on a machine with
too much to do everything takes long. So time counts against a child only while it uses no processor, as one
that is stopped or deadlocked uses none, until a second, longer limit that holds whatever it does. One that
the system itself reports as stopped need not be asked, and has less time. Time in which we ourselves did not
run, stopped or suspended, counts against nobody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

LOOKS = 4
"""looks at a child in its shortest limit"""
LONGEST_LOOK = 2
"""looks that a late one counts for at most: what kept us from running may have kept the child too"""


class Answers(Protocol):
    """The answers that a child owes and has given."""

    def owed(self) -> object:
        """Return what tells the answer that is owed now from those before; None while none is owed."""
        ...

    def ask(self) -> None:
        """Ask for a sign of life, which is owed from now on; called while nothing is owed."""
        ...


class AnswerTerms(msgspec.Struct, frozen=True):
    """How long a child may owe an answer, in seconds."""

    asked_every: float = 2.0
    """between two questions to a child of which nothing else is wanted"""
    within: float = 5.0
    """for a child that uses no processor meanwhile"""
    busy_within: float = 60.0
    """for one that does"""
    stopped_within: float = 2.0
    """for one that is stopped, as by SIGSTOP: longer than a debugger or a checkpoint takes"""

    @property
    def period(self) -> float:
        """The seconds between two looks at the child."""
        return min(self.asked_every, self.within / LOOKS, self.stopped_within / LOOKS)


class Debt:
    """Counts how long a child has owed the same answer.

    `used` returns the seconds of processor time that the child has used so far, `is_stopped` whether the
    system has stopped it.
    """

    def __init__(
        self, terms: AnswerTerms, used: Callable[[], float], is_stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self._terms = terms
        self._used = used
        self._is_stopped = is_stopped
        self._stopped_seconds = 0.0
        self._owed: object = None
        self._last_used = 0.0
        self.seconds = 0.0
        """for which the answer has been owed"""
        self._idle_seconds = 0.0

    def count(self, owed: object, elapsed: float) -> bool:
        """Count so many seconds in which `owed` may have been owed; return whether that is too long."""
        elapsed = min(elapsed, LONGEST_LOOK * self._terms.period)
        self._stopped_seconds = self._stopped_seconds + elapsed if self._is_stopped() else 0.0
        if self._stopped_seconds >= self._terms.stopped_within:
            self.seconds = max(self.seconds, self._stopped_seconds)
            return True
        if owed is None or owed != self._owed:
            self._owed = owed
            self.seconds = self._idle_seconds = 0.0
            self._last_used = self._used() if owed is not None else 0.0
            return False
        used = self._used()
        self.seconds += elapsed
        self._idle_seconds = 0.0 if used > self._last_used else self._idle_seconds + elapsed
        self._last_used = used
        return self._idle_seconds >= self._terms.within or self.seconds >= self._terms.busy_within


async def wait_until_overdue(
    answers: Answers,
    terms: AnswerTerms,
    used: Callable[[], float],
    *,
    is_stopped: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> float:
    """Ask a child again and again, until it owes an answer for too long; return for how many seconds."""
    debt = Debt(terms, used, is_stopped)
    looked = asked = clock()
    while True:
        await sleep(terms.period)
        now = clock()
        owed = answers.owed()
        if debt.count(owed, now - looked):
            return debt.seconds
        looked = now
        if owed is None and now - asked >= terms.asked_every:
            asked = now
            answers.ask()
