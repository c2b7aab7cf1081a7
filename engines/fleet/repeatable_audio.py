"""Audio that a worker gets and that can be read again from its begin, where that worker was lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable


class RepeatableAudio:
    """Audio that `read` yields, as often as it is called."""

    def __init__(self, read: Callable[[], AsyncIterator[bytes]]) -> None:
        self._read = read

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Read it from its begin."""
        return self._read()
