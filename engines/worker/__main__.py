"""`python -m engines.worker --engine NAME --socket PATH`: load one engine and serve it until its parent stops
it.

Before any engine code is imported, standard output becomes standard error: a library that prints cannot break
the handshake, which is lines of JSON on what was standard output (`engines.wire.address.Handshake`): signs
that the start goes on, and at last that it is ready, or has failed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
import traceback

import msgspec

from engines.api import Beat, Engine, EngineInfo, Output, Threads
from engines.catalogue import engines
from engines.errors import SpeechError
from engines.toolkit.error_text import telling_line
from engines.wire.address import Handshake, StartFailure, StartOrder
from engines.wire.exit_status import LOAD_FAILED
from engines.worker.contract_check import BrokenContract, check_engine
from engines.worker.engine_threads import EngineThreads
from engines.worker.malloc_trim import find_malloc_trim
from engines.worker.memory_meter import MemoryMeter
from engines.worker.outputs import BEAT_SECONDS
from engines.worker.parent import die_with_parent, ignore_group_signals
from engines.worker.place_of_engine import check_place, take_place
from engines.worker.warm_up import FirstJobFailed, warm_up


class ParentPipe:
    """The pipe to the parent, which was standard output; what is printed goes to standard error instead.

    It is the output of the start: its signs go to the parent, at most one a second.
    """

    def __init__(self) -> None:
        self._pipe = os.dup(1)
        os.set_inheritable(self._pipe, False)
        os.dup2(2, 1)
        self._last_sent = time.monotonic()

    def beat(self, progress: float | None = None) -> None:
        """Say that the start goes on."""
        if time.monotonic() - self._last_sent >= BEAT_SECONDS:
            self._last_sent = time.monotonic()
            self._write(Handshake(beat=Beat(progress)))

    def send(self, handshake: Handshake) -> None:
        """Write the end of the start, and close the pipe."""
        self._write(handshake)
        os.close(self._pipe)

    def _write(self, handshake: Handshake) -> None:
        line = memoryview(msgspec.json.encode(handshake) + b"\n")
        while line:
            line = line[os.write(self._pipe, line) :]


def parse_arguments() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(prog="engines.worker")
    parser.add_argument("--engine", required=True)
    parser.add_argument("--adapter", help="module:class, for an engine that is not in the catalogue")
    address = parser.add_mutually_exclusive_group(required=True)
    address.add_argument("--socket", help="path of a Unix socket")
    address.add_argument(
        "--loopback", action="store_true", help="a free TCP port of 127.0.0.1, with a secret"
    )
    parser.add_argument(
        "--ordered",
        action="store_true",
        help="the first line of standard input is JSON: the engine's options, and the secret of callers",
    )
    parser.add_argument("--warm", action="store_true", help="do a first job before it is ready")
    parser.add_argument("--parent", type=int, default=os.getppid())
    return parser.parse_args()


def read_order() -> StartOrder:
    """Return the order on standard input: one line, behind which the parent writes nothing.

    Raises EOFError where the parent has gone before it was written.
    """
    line = bytearray()
    while not line.endswith(b"\n"):
        piece = os.read(0, 2**16)
        if not piece:
            raise EOFError
        line += piece
    return msgspec.json.decode(line, type=StartOrder)


def prepare(adapter: str, order: StartOrder, out: Output, *, warm: bool) -> tuple[Engine, EngineInfo]:
    """Import and load an engine, `module:class`, as it was ordered, and have it do a first job if `warm`."""
    module, _, name = adapter.partition(":")
    place, options = take_place(order.options, group=order.group, cache_folder=order.cache_folder)
    engine = getattr(importlib.import_module(module), name)(**options)
    info = engine.load(place, out)
    check_engine(engine, info)
    check_place(place, info)
    if warm:
        warm_up(engine, info, out)
    if malloc_trim := find_malloc_trim():
        malloc_trim()  # what loading left; what a model needs is measured once it is ready
    return engine, info


def _reason(exc: Exception) -> str:
    """Return why an engine could not be loaded, in one line."""
    if isinstance(exc, FirstJobFailed):
        return str(exc)
    return exc.message if isinstance(exc, SpeechError) else f"{type(exc).__name__}: {telling_line(exc)}"


def _needs_trace(exc: Exception) -> bool:
    """Return whether one line does not tell why an engine could not be loaded: a library said more, or
    nobody has put into words what its adapter raised.
    """
    raised = exc.__cause__ if isinstance(exc, FirstJobFailed) and exc.__cause__ else exc
    in_words = isinstance(raised, SpeechError | BrokenContract | ImportError | OSError)
    return not in_words or "\n" in str(exc.__cause__ or exc)


def main() -> int:
    """Run the worker, and return its exit status."""
    ignore_group_signals()
    arguments = parse_arguments()
    pipe = ParentPipe()
    try:
        order = read_order() if arguments.ordered else StartOrder()
    except EOFError:
        return LOAD_FAILED
    die_with_parent(arguments.parent)
    threads = EngineThreads(1)
    memory = MemoryMeter()
    try:
        adapter = arguments.adapter or engines.find_engine(arguments.engine).import_path
        loading = threads.submit(prepare, adapter, order, pipe, warm=arguments.warm)
        memory.watch_loading(loading)
        engine, info = loading.result()
    except Exception as exc:  # whatever keeps an engine from loading is reported to the gateway
        permanent = isinstance(exc, ImportError | KeyError | AttributeError | TypeError)
        if _needs_trace(exc):
            traceback.print_exception(exc)  # the log gets all that the library said, and where it did
        pipe.send(Handshake(failed=StartFailure(_reason(exc), permanent)))
        return LOAD_FAILED
    if isinstance(info.concurrency, Threads):
        threads.shutdown()  # it declares that any thread will do
        threads = EngineThreads(info.concurrency.count)
    from engines.worker.server import serve

    return serve(engine, info, threads, memory, arguments.socket, order.secret, pipe.send)


if __name__ == "__main__":
    sys.exit(main())
