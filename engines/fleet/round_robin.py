"""Taking turns: things that wait, handed out round and round over owners, and for each owner over its
streams.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

Item = TypeVar("Item")
Stream = int


class RoundRobin(Generic[Item]):
    """Items of one owner's one stream keep their order; who has had a turn goes behind all others."""

    def __init__(self) -> None:
        self._owners: OrderedDict[str, OrderedDict[Stream, deque[Item]]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        """Count the items."""
        return self._count

    def add(self, owner: str, stream: Stream, item: Item) -> None:
        """Put an item behind its stream's others."""
        self._owners.setdefault(owner, OrderedDict()).setdefault(stream, deque()).append(item)
        self._count += 1

    def peek(self) -> Item:
        """Give the item whose turn it is, and leave it. Raises StopIteration when there is none."""
        streams = next(iter(self._owners.values()))
        return next(iter(streams.values()))[0]

    def pop(self) -> Item:
        """Take the item whose turn it is. Raises StopIteration when there is none."""
        owner, streams = next(iter(self._owners.items()))
        stream, items = next(iter(streams.items()))
        item = items.popleft()
        self._count -= 1
        streams.move_to_end(stream)
        self._owners.move_to_end(owner)
        self._tidy(owner, stream)
        return item

    def remove(self, owner: str, stream: Stream, item: Item) -> bool:
        """Take an item out of its place; False when it is not there."""
        try:
            self._owners[owner][stream].remove(item)
        except (KeyError, ValueError):
            return False
        self._count -= 1
        self._tidy(owner, stream)
        return True

    def _tidy(self, owner: str, stream: Stream) -> None:
        streams = self._owners[owner]
        if not streams[stream]:
            del streams[stream]
        if not streams:
            del self._owners[owner]
