"""What eSpeak NG really speaks: the library's own trace of phonemes, written while it makes their sound."""

from __future__ import annotations

import ctypes as c
from collections.abc import Iterator
from contextlib import contextmanager

from engines.toolkit.espeak_library import PHONEMES_IN_IPA, Library

_SYSTEM = c.CDLL(None)
_SYSTEM.open_memstream.restype = c.c_void_p
_SYSTEM.open_memstream.argtypes = [c.POINTER(c.c_void_p), c.POINTER(c.c_size_t)]
_SYSTEM.fclose.argtypes = [c.c_void_p]
_SYSTEM.free.argtypes = [c.c_void_p]


@contextmanager
def traced(library: Library) -> Iterator[list[str]]:
    """Trace what is spoken meanwhile; the list has its clauses once that has ended, each with its phonemes."""
    trace = library._lib.espeak_SetPhonemeTrace
    trace.restype, trace.argtypes = None, [c.c_int, c.c_void_p]
    written, size, clauses = c.c_void_p(), c.c_size_t(), list[str]()
    file = _SYSTEM.open_memstream(c.byref(written), c.byref(size))
    trace(PHONEMES_IN_IPA, file)
    try:
        yield clauses
    finally:
        trace(0, None)
        _SYSTEM.fclose(file)
        clauses += c.string_at(written, size.value).decode().splitlines()
        _SYSTEM.free(written)
