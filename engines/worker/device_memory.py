"""Running out of memory in a job, and what is given back to a GPU: torch keeps what nothing is in any more.

A job that found too little memory is none of the engine's faults, nor of the request's: others took it. What
can be given back is, and the answer is that of a server with too much to do, with the figures.
"""

from __future__ import annotations

import gc
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress

from engines.errors import EngineBroken, Overloaded
from engines.worker.fatal_errors import OUT_OF_MEMORY, chain, said_by_library

CPU_ALLOCATOR = re.compile(r"can't allocate memory|not enough memory: you tried to allocate", re.IGNORECASE)
"""what torch says of the machine's own memory"""
WANTED = re.compile(r"tried to allocate (([\d.]+) ?([KMGT]?)i?(?:B|bytes))\b", re.IGNORECASE)
LEFT = re.compile(r"of which ([\d.]+ ?[KMGT]?i?(?:B|bytes)) is free", re.IGNORECASE)
UNITS = " KMGT"
"""the first letters of units, each 1024 times the one before"""
RETRY_SECONDS = 5.0
"""after which jobs that have memory now may have ended"""


def is_out_of_memory(error: BaseException | None) -> bool:
    """Return whether an error came of too little memory."""
    return error is not None and _library_error(error) is not None


def as_overloaded(error: BaseException | None) -> BaseException | None:
    """Return an error, as Overloaded with the figures where it came of too little memory."""
    cause = _library_error(error) if error else None
    if error is None or cause is None:
        return error
    text = str(cause)
    wanted, left = WANTED.search(text), LEFT.search(text)
    figures = f": it needs {wanted[1]} more" if wanted else ""
    figures += f", and {left[1]} is free" if wanted and left else ""
    overloaded = Overloaded(
        f"There is too little memory for this job now{figures}. Please try again, or with a shorter text.",
        retry_after=RETRY_SECONDS,
        elsewhere=True,
        detail=f"{type(cause).__name__}: {text.partition(chr(10))[0]}",
    )
    overloaded.__cause__ = error
    return overloaded


def missing_bytes(error: BaseException | None) -> int:
    """Return how many bytes more a job wanted that found too little memory; 0 where that is not known."""
    cause = _library_error(error) if error else None
    wanted = WANTED.search(str(cause)) if cause else None
    if wanted is None:
        return 0
    factor: int = 1024 ** UNITS.index(wanted[3].upper() or " ")
    return round(float(wanted[2]) * factor)


def give_back(error: BaseException | None = None) -> None:
    """Give back what torch or MLX keeps of its devices' memory; first what the frames of an error hold.

    A device that is lost gives nothing back, which the next job will tell.
    """
    if error is not None:
        for one in chain(error):
            traceback.clear_frames(one.__traceback__)
        gc.collect()
    if mlx := sys.modules.get("mlx.core"):
        with suppress(RuntimeError):
            mlx.clear_cache()
    torch = sys.modules.get("torch")
    if torch is None:
        return  # none of this engine's memory is torch's
    for kind in ("cuda", "xpu"):
        device = getattr(torch, kind, None)
        if device is not None and device.is_available() and device.is_initialized():
            with suppress(RuntimeError):
                device.empty_cache()
    if torch.backends.mps.is_available():
        with suppress(RuntimeError):
            torch.mps.empty_cache()


def _library_error(error: BaseException) -> BaseException | None:
    """Return the error of a library that came of too little memory, in the chain of causes of an error."""
    if isinstance(error, Overloaded | EngineBroken):
        return None
    return next(_out_of_memory(error), None)


def _out_of_memory(error: BaseException) -> Iterator[BaseException]:
    for one in chain(error):
        text = said_by_library(one)
        if isinstance(one, MemoryError) or OUT_OF_MEMORY.search(text) or CPU_ALLOCATOR.search(text):
            yield one
