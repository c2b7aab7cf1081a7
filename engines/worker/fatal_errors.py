"""Errors after which a process can compute nothing more: those of a GPU whose context is lost.

CUDA reports such an error again at every later call, whatever that is about. Libraries raise them by many
classes, and adapters wrap them; what they say is the same everywhere. So they are recognised here, in one
place, by what any error in the chain of causes says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engines.errors import BadInput, EngineBroken

FATAL = re.compile(
    r"device-side assert|illegal memory access|illegal instruction|illegal address|misaligned address"
    r"|invalid program counter|unspecified launch failure|launch timed out"
    r"|uncorrectable ECC|hardware stack error"
    r"|(?:CUDA|HIP) error: (?:unknown error|context is destroyed|an exception occurred)"
    r"|device is lost|DEVICE_LOST|GPU has fallen off the bus"
    r"|CUBLAS_STATUS_(?:EXECUTION_FAILED|INTERNAL_ERROR|MAPPING_ERROR|NOT_INITIALIZED)"
    r"|(?:rocblas|hipblas)_status_(?:internal_error|execution_failed)|HIPBLAS_STATUS_(?:INTERNAL_ERROR|EXECUTION_FAILED)"
    r"|CUDNN_STATUS_(?:EXECUTION_FAILED|INTERNAL_ERROR|MAPPING_ERROR)|CUFFT_(?:EXEC_FAILED|INTERNAL_ERROR)",
    re.IGNORECASE,
)
"""what CUDA, HIP, Intel's Level Zero and their libraries say of an error that stays; running out of memory is
none
"""
OUT_OF_MEMORY = re.compile(
    r"out of memory|CUBLAS_STATUS_ALLOC_FAILED"
    r"|OUT_OF_(?:DEVICE|HOST)_MEMORY"  # Level Zero
    r"|Failed to allocate memory for requested buffer"  # onnxruntime
    r"|ErrorOutOfMemory|Unable to allocate \d+ bytes",  # Metal, and MLX on it
    re.IGNORECASE,
)
MESSAGE = "The engine broke and is started anew; please try again."


def diagnosed(error: BaseException | None) -> BaseException | None:
    """Return an error, as EngineBroken where nothing can be computed after it."""
    if error is None or isinstance(error, EngineBroken):
        return error
    for cause in chain(error):
        if isinstance(cause, EngineBroken):
            return cause
        text = said_by_library(cause)
        if FATAL.search(text) and not OUT_OF_MEMORY.search(text):
            broken = EngineBroken(MESSAGE, detail=f"{type(cause).__name__}: {text.partition(chr(10))[0]}")
            broken.__cause__ = error
            return broken
    return error


def said_by_library(error: BaseException) -> str:
    """Return what an error says, if it may be a library that says so: what is wrong with a request is told
    with the caller's own words, and these mean nothing.
    """
    return "" if isinstance(error, BadInput) else str(error)


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and those that it came of."""
    seen: set[int] = set()
    rest: list[BaseException] = [error]
    while rest:
        one = rest.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        rest += [cause for cause in (one.__cause__, one.__context__) if cause is not None]
        if isinstance(one, BaseExceptionGroup):
            rest += one.exceptions
