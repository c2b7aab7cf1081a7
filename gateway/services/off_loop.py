"""Work on what a caller sent, kept off the event loop where it would hold it.

What takes time in proportion to a text or a body is done on the loop while that is short, since a thread
costs more then; and in a thread where it is long, where the interpreter lets the loop go on every few
milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
SHORT = 20_000
"""bytes or code points that take a few milliseconds at most"""


async def off_loop(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a function makes of something of that size. Raises what it raises."""
    if size <= SHORT:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)
