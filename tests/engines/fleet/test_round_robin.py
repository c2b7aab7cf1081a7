"""Property tests of the round-robin queue: over callers, then over their streams, in order within each
stream.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

from hypothesis import given
from hypothesis import strategies as st

from engines.fleet.round_robin import RoundRobin

ITEMS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=60)


def filled(items: list[tuple[str, int]]) -> RoundRobin[int]:
    """Return a queue with the items, each with its number."""
    queue: RoundRobin[int] = RoundRobin()
    for number, (caller, stream) in enumerate(items):
        queue.add(caller, stream, number)
    return queue


def drained(queue: RoundRobin[int]) -> list[int]:
    return [queue.pop() for _ in range(len(queue))]


@given(ITEMS)
def test_each_item_comes_once_in_its_streams_order(items: list[tuple[str, int]]) -> None:
    """No item is lost or doubled, and a stream's items keep their order."""
    order = drained(filled(items))

    assert sorted(order) == list(range(len(items)))
    for stream in set(items):
        own_numbers = [number for number in order if items[number] == stream]
        assert own_numbers == sorted(own_numbers)


@given(ITEMS)
def test_callers_and_their_streams_alternate(items: list[tuple[str, int]]) -> None:
    """Between two items of one caller comes one of every other caller that waits; the same holds for a
    caller's streams.
    """
    order = [items[number] for number in drained(filled(items))]
    assert_alternates([caller for caller, _ in order])
    for one in {caller for caller, _ in items}:
        assert_alternates([stream for caller, stream in order if caller == one])


def assert_alternates(order: list[Hashable]) -> None:
    """Demand that one of each other kind that is left comes between two of a kind."""
    for start, kind in enumerate(order):
        rest = Counter(order[start:])
        following = next((index for index in range(start + 1, len(order)) if order[index] == kind), None)
        if following is not None:
            assert Counter(order[start + 1 : following]) == Counter(other for other in rest if other != kind)


@given(ITEMS, st.data())
def test_removing(items: list[tuple[str, int]], data: st.DataObject) -> None:
    """A removed item does not come, an item that is not there cannot be removed, and the count stays right."""
    queue = filled(items)
    gone = data.draw(st.sets(st.sampled_from(range(len(items))))) if items else set()
    for number in gone:
        assert queue.remove(*items[number], number)
        assert not queue.remove(*items[number], number)

    assert len(queue) == len(items) - len(gone)
    assert set(drained(queue)) == set(range(len(items))) - gone
