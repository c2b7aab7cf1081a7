"""Tests of pacing: growing chunks, and underruns as a player has them. Time is a number here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.pacing import FIRST_CHUNK_SECONDS, MAX_CHUNK_SECONDS, MIN_CHUNK_SECONDS, Pacing


def test_the_first_chunks_are_short_and_later_ones_grow() -> None:
    """The first chunk is as short as the codec can use; with a reader that keeps up chunks grow to two
    seconds.
    """
    pacing, sizes = Pacing(), []
    for step in range(12):
        least, most = pacing.next_chunk(0.01 * step)
        sizes.append(most)
        pacing.record_made(most, 0.01 * step)
        pacing.record_read(pacing.ahead)
        assert least <= most

    assert sizes[0] == FIRST_CHUNK_SECONDS["opus"]
    assert sizes == sorted(sizes)
    assert sizes[-1] == MAX_CHUNK_SECONDS


@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=50))
def test_no_chunk_keeps_the_reader_waiting(gaps: list[float]) -> None:
    """However the audio comes, the minimum that is gathered before encoding is a quarter of the slack, or
    next to nothing.
    """
    pacing, now = Pacing(), 0.0
    for gap in gaps:
        now += gap
        least, _ = pacing.next_chunk(now)
        assert least <= max(FIRST_CHUNK_SECONDS["opus"], MIN_CHUNK_SECONDS, 0.25 * pacing.slack(now)) + 1e-9
        pacing.record_made(0.2, now)
        pacing.record_read(pacing.ahead)


@pytest.mark.parametrize(("pace", "underruns"), [(0.5, 0), (0.99, 0), (1.5, 16)])
def test_underruns(pace: float, underruns: int) -> None:
    """A stream synthesised faster than it is played never runs dry; a slower one does at every chunk, once
    its initial slack is played.
    """
    pacing = Pacing()
    for number in range(20):
        pacing.record_made(0.1, 0.1 * pace * number)
        pacing.record_read(pacing.ahead)

    assert pacing.underruns == underruns


def test_a_reader_that_lags_is_no_underrun() -> None:
    """A client that has not yet read all available audio has no underrun."""
    pacing = Pacing()
    pacing.record_made(1.0, 0.0)
    pacing.record_made(1.0, 50.0)

    assert pacing.underruns == 0
    assert pacing.slack(60.0) == 2.0


def test_a_stall_is_lost_once() -> None:
    """What the player lost in an underrun shifts all that is played later, and is no underrun again."""
    pacing = Pacing()
    pacing.record_made(1.0, 0.0)
    pacing.record_read(1.0)
    pacing.record_made(2.0, 11.0)
    pacing.record_read(2.0)
    assert pacing.dry_at == 13.0
    pacing.record_made(1.0, 12.5)

    assert pacing.underruns == 1
    assert pacing.dry_at == 14.0
