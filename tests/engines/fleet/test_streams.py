"""Property tests of a stream's slack: the response that plays it and the schedule that orders it compute the
same number.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.fleet.streams import LEAST_LEFT, RequestTerms, StreamNeed
from streaming.pacing import Pacing


def report(need: StreamNeed, pacing: Pacing) -> None:
    need.report(pacing.made, pacing.ahead, pacing.dry_at)


def test_slack_agrees_after_a_stall() -> None:
    """The time that a player lost in an underrun does not count against its stream afterwards."""
    pacing, need = Pacing(), StreamNeed(RequestTerms())
    pacing.record_made(1.0, 0.0)
    pacing.record_read(1.0)
    pacing.record_made(2.0, 11.0)
    pacing.record_read(2.0)
    report(need, pacing)

    assert pacing.underruns == 1
    assert need.slack(11.5) == pacing.slack(11.5) == pytest.approx(1.5)
    assert pacing.slack(14.0) == pytest.approx(-1.0)
    assert need.slack(14.0) == 0.0


def test_what_is_left() -> None:
    """What is still to be made is what the request will come to less what is made; a second at least, since a
    stream that goes on was underestimated.
    """
    need = StreamNeed(RequestTerms(seconds=10.0))
    assert need.left() == 10.0
    need.report(made=4.0, ahead=0.0, dry_at=None)
    assert need.left() == 6.0
    need.report(made=40.0, ahead=0.0, dry_at=None)
    assert need.left() == LEAST_LEFT > 0


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 1), st.floats(0, 1)), max_size=40), st.floats(0, 5))
def test_slack_agrees_at_any_time(steps: list[tuple[float, float, float]], later: float) -> None:
    """However audio is produced and read, and with whatever gaps, both numbers are the same, also a while
    later; but that a dry player has 0 in hand to the engine, while the response counts how late it is.
    """
    pacing, need, now = Pacing(), StreamNeed(RequestTerms()), 0.0
    for gap, produced, share in steps:
        now += gap
        pacing.record_made(produced, now)
        pacing.record_read(share * pacing.ahead)
        report(need, pacing)
        assert need.slack(now + later) == pytest.approx(max(0.0, pacing.slack(now + later)), abs=1e-5)
