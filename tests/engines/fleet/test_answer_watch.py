"""Tests of the rule for every child: who owes an answer for too long is found, and who is merely busy is not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from engines.fleet.answer_watch import AnswerTerms, Debt, wait_until_overdue
from engines.fleet.child_process import is_stopped
from engines.memory.measure import processor_seconds

TERMS = AnswerTerms(asked_every=1.0, within=5.0, busy_within=60.0)


class Child:
    """A child that answers when it is told to, and uses `share` of a processor."""

    def __init__(
        self, *, answers: bool, share: float = 0.0, stopped: Callable[[float], bool] = lambda _now: False
    ) -> None:
        self.answers = answers
        self.stopped = stopped
        self.share = share
        self.now = 0.0
        self.asked = 0
        self.answered = 0

    def owed(self) -> object:
        """Return the number of answers so far while one is owed."""
        if self.answers:
            self.answered = self.asked
        return self.answered if self.asked > self.answered else None

    def ask(self) -> None:
        """Ask for an answer."""
        self.asked += 1

    def used(self) -> float:
        """Return the processor time used."""
        return self.share * self.now

    async def sleep(self, seconds: float) -> None:
        """Let time pass, up to ten minutes."""
        self.now += seconds
        if self.now > 600:
            raise TimeoutError("never overdue")

    def seconds_until_overdue(self, terms: AnswerTerms = TERMS) -> float:
        """Return after how long it was found."""
        asyncio.run(
            wait_until_overdue(
                self,
                terms,
                self.used,
                is_stopped=lambda: self.stopped(self.now),
                clock=lambda: self.now,
                sleep=self.sleep,
            )
        )
        return self.now


def test_who_does_nothing_is_found_soon() -> None:
    """A child that gives no answer and uses no processor is overdue within the first limit and two looks."""
    assert Child(answers=False).seconds_until_overdue() <= TERMS.asked_every + TERMS.within + 2 * TERMS.period


def test_who_is_busy_has_the_second_limit() -> None:
    """A child that works is given the longer limit, and no more than that."""
    found = Child(answers=False, share=0.1).seconds_until_overdue()
    assert TERMS.busy_within <= found <= TERMS.asked_every + TERMS.busy_within + 2 * TERMS.period


def test_who_is_stopped_is_found_sooner() -> None:
    """A child that the system has stopped is overdue within its own limit and a look, whether it owes or not."""
    assert Child(answers=False, stopped=lambda _now: True).seconds_until_overdue() <= (
        TERMS.stopped_within + TERMS.period
    )
    later = Child(answers=True, stopped=lambda now: now > 100).seconds_until_overdue()
    assert 100 < later <= 100 + TERMS.stopped_within + TERMS.period


def test_who_is_stopped_for_a_moment_goes_on() -> None:
    """A child that is stopped again and again, each time for less than the limit, is never overdue."""
    child = Child(answers=True, stopped=lambda now: now % 5 < TERMS.stopped_within - TERMS.period)
    with pytest.raises(TimeoutError, match="never overdue"):
        child.seconds_until_overdue()


def test_who_answers_is_asked_on() -> None:
    """A child that answers is never overdue, and asked at its interval."""
    child = Child(answers=True)
    with pytest.raises(TimeoutError, match="never overdue"):
        child.seconds_until_overdue()
    assert 500 <= child.asked <= 600


def test_progress_pays_a_debt() -> None:
    """Many answers, each of which was owed for most of the limit, are no debt of their sum."""
    debt = Debt(TERMS, lambda: 0.0)
    assert not any(debt.count(number, 1.0) for number in range(20) for _ in range(4))


def test_time_in_which_we_did_not_run_does_not_count() -> None:
    """Where the watch itself was kept from running, for an hour, nobody is overdue for that."""
    debt = Debt(TERMS, lambda: 0.0)
    debt.count(1, 1.0)
    assert not debt.count(1, 3600.0)
    assert debt.seconds < TERMS.within


def test_processor_time_tells_a_stopped_process_from_a_busy_one() -> None:
    """The processor time of a process grows while it works, and stands still while it is stopped."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        deadline = time.monotonic() + 30
        while processor_seconds(busy.pid) < 0.2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert not is_stopped(busy.pid)
        os.kill(busy.pid, signal.SIGSTOP)
        time.sleep(0.2)
        assert is_stopped(busy.pid)
        before = processor_seconds(busy.pid)
        time.sleep(0.3)
        assert processor_seconds(busy.pid) == before > 0
    finally:
        busy.kill()
        busy.wait()
    assert processor_seconds(busy.pid) == 0.0
    assert not is_stopped(busy.pid)
