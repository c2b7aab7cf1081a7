"""Tests that a job's work ends once nobody wants the rest."""

from __future__ import annotations

import pytest

from engines.toolkit.stopping import Stop, StopCheck, stop_unless, stoppable


def test_false_becomes_stop() -> None:
    """Events are passed on until `emit` returns False, which ends the block without an error."""
    seen: list[int] = []

    def emit(event: int) -> bool:
        seen.append(event)
        return event < 3

    with stoppable(emit) as send:
        for number in range(10):
            send(number)

    assert seen == [0, 1, 2, 3]


def test_other_errors_pass() -> None:
    """Other exceptions in the block are raised from it."""
    with pytest.raises(ValueError, match="broken"), stoppable(bool):
        raise ValueError("broken")
    with pytest.raises(Stop):
        stop_unless(wanted=False)


def test_a_check_belongs_to_a_job() -> None:
    """Checks are made during their job only."""
    calls: list[str] = []
    check = StopCheck()
    check("a hook's argument")
    with check.during_job(lambda: calls.append("one")):
        check()
        check()
    check()
    with pytest.raises(Stop), check.during_job(lambda: stop_unless(wanted=False)):
        check()
    check()

    assert calls == ["one", "one"]


def test_a_check_now_and_then() -> None:
    """With an interval a check is made at the first call of each job, and again only after the interval."""
    calls: list[int] = []
    check = StopCheck(interval=60)
    for job in range(2):
        with check.during_job(lambda job=job: calls.append(job)):  # type: ignore[misc]
            check()
            check()

    assert calls == [0, 1]
