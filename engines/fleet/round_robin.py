"""A round-robin queue: its items are taken round and round over callers, and for each over its streams."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

Item = TypeVar("Item")
StreamNumber = int


class RoundRobin(Generic[Item]):
    """A queue in which a caller, or a stream, whose item was taken goes behind all others.

    The items of one stream keep their order.
    """

    def __init__(self) -> None:
        self._callers: OrderedDict[str, OrderedDict[StreamNumber, deque[Item]]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        """Return the number of items."""
        return self._count

    def add(self, caller: str, stream: StreamNumber, item: Item) -> None:
        """Put an item behind its stream's others."""
        self._callers.setdefault(caller, OrderedDict()).setdefault(stream, deque()).append(item)
        self._count += 1

    def peek(self) -> Item:
        """Return the next item, and leave it. Raises StopIteration when there is none."""
        streams = next(iter(self._callers.values()))
        return next(iter(streams.values()))[0]

    def pop(self) -> Item:
        """Remove and return the next item. Raises StopIteration when there is none."""
        caller, streams = next(iter(self._callers.items()))
        stream, items = next(iter(streams.items()))
        item = items.popleft()
        self._count -= 1
        streams.move_to_end(stream)
        self._callers.move_to_end(caller)
        self._drop_if_empty(caller, stream)
        return item

    def remove(self, caller: str, stream: StreamNumber, item: Item) -> bool:
        """Remove an item, wherever it is; return False when it is not there."""
        try:
            self._callers[caller][stream].remove(item)
        except (KeyError, ValueError):
            return False
        self._count -= 1
        self._drop_if_empty(caller, stream)
        return True

    def _drop_if_empty(self, caller: str, stream: StreamNumber) -> None:
        streams = self._callers[caller]
        if not streams[stream]:
            del streams[stream]
        if not streams:
            del self._callers[caller]
