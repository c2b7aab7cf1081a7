"""Turns: over owners, then over their streams, in order within each."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from engines.fleet.round_robin import RoundRobin

ITEMS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=60)


def filled(items: list[tuple[str, int]]) -> RoundRobin[int]:
    """Put the items in, each numbered."""
    rotation: RoundRobin[int] = RoundRobin()
    for number, (owner, stream) in enumerate(items):
        rotation.add(owner, stream, number)
    return rotation


def drained(rotation: RoundRobin[int]) -> list[int]:
    return [rotation.pop() for _ in range(len(rotation))]


@given(ITEMS)
def test_all_come_out_once_in_their_streams_order(items: list[tuple[str, int]]) -> None:
    """Nothing is lost or doubled, and a stream's items keep their order."""
    order = drained(filled(items))

    assert sorted(order) == list(range(len(items)))
    for stream in set(items):
        mine = [number for number in order if items[number] == stream]
        assert mine == sorted(mine)


@given(ITEMS)
def test_no_owner_waits_for_two_turns_of_another(items: list[tuple[str, int]]) -> None:
    """Between two turns of one owner every other that waits has had one; so it is for an owner's streams."""
    order = [items[number] for number in drained(filled(items))]
    for start, (owner, _) in enumerate(order):
        rest = Counter(other for other, _ in order[start:])
        next_turn = next((index for index in range(start + 1, len(order)) if order[index][0] == owner), None)
        if next_turn is not None:
            between = [other for other, _ in order[start + 1 : next_turn]]
            assert sorted(between) == sorted(other for other in rest if other != owner)


@given(ITEMS, st.data())
def test_removing(items: list[tuple[str, int]], data: st.DataObject) -> None:
    """What is taken out does not come, what is not there cannot be taken out, and the count stays true."""
    rotation = filled(items)
    gone = data.draw(st.sets(st.sampled_from(range(len(items))))) if items else set()
    for number in gone:
        assert rotation.remove(*items[number], number)
        assert not rotation.remove(*items[number], number)

    assert len(rotation) == len(items) - len(gone)
    assert set(drained(rotation)) == set(range(len(items))) - gone
