"""`python -m engines.worker --engine NAME --socket PATH`: load one engine and serve it until its
parent stops it.

Before any engine code is imported, standard output becomes standard error: a library that prints cannot break
the handshake, which is one line of JSON on what was standard output (`engines.wire.address.Handshake`).
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from engines.api import Engine, EngineInfo
from engines.catalogue import engines
from engines.errors import SpeechError
from engines.toolkit.error_text import telling_line
from engines.wire.address import SECRET_VARIABLE, Handshake, StartFailure
from engines.worker.malloc_trim import find_malloc_trim
from engines.worker.parent import die_with_parent, ignore_group_signals
from engines.worker.warm_up import warm_up

LOAD_FAILED = 3
"""exit status of a worker whose engine cannot be loaded"""


class ParentPipe:
    """The pipe to the parent, which was standard output; what is printed goes to standard error instead."""

    def __init__(self) -> None:
        self._pipe = os.dup(1)
        os.set_inheritable(self._pipe, False)
        os.dup2(2, 1)

    def send(self, handshake: Handshake) -> None:
        """Write the handshake, and close the pipe."""
        os.write(self._pipe, msgspec.json.encode(handshake) + b"\n")
        os.close(self._pipe)


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
        "--options",
        type=msgspec.json.decode,
        default={},
        help="JSON: keyword arguments of the engine's class",
    )
    parser.add_argument("--warm", action="store_true", help="do a first job before it is ready")
    parser.add_argument("--parent", type=int, default=os.getppid())
    return parser.parse_args()


def load(adapter: str, options: dict[str, Any]) -> tuple[Engine, EngineInfo]:
    """Import and load an engine, `module:class`."""
    module, _, name = adapter.partition(":")
    engine = getattr(importlib.import_module(module), name)(**options)
    return engine, engine.load()


def prepare(adapter: str, options: dict[str, Any], *, warm: bool) -> tuple[Engine, EngineInfo]:
    """Load an engine, and have it do a first job if `warm`.

    In a thread that ends: OpenMP keeps a team of threads for each thread that ever had work for one, and once
    there are more of them than cores, none waits awake for more work, and each of a network's layers has to
    wake its team up.
    """
    engine, info = load(adapter, options)
    if warm:
        warm_up(engine, info)
    if malloc_trim := find_malloc_trim():
        malloc_trim()  # what loading left; what a model needs is measured once it is ready
    return engine, info


def _reason(exc: Exception) -> str:
    """Return why an engine could not be loaded, in one line."""
    return exc.message if isinstance(exc, SpeechError) else f"{type(exc).__name__}: {telling_line(exc)}"


def main() -> int:
    """Run the worker, and return its exit status."""
    ignore_group_signals()
    arguments = parse_arguments()
    pipe = ParentPipe()
    die_with_parent(arguments.parent)
    try:
        adapter = arguments.adapter or engines.find_engine(arguments.engine).import_path
        with ThreadPoolExecutor(1, thread_name_prefix="loading") as executor:
            loading = executor.submit(prepare, adapter, arguments.options, warm=arguments.warm)
            engine, info = loading.result()
    except Exception as exc:  # whatever keeps an engine from loading is reported to the gateway
        permanent = isinstance(exc, ImportError | KeyError | AttributeError | TypeError)
        if "\n" in str(exc.__cause__ or exc):
            traceback.print_exception(exc)  # the log gets all that the library said
        pipe.send(Handshake(failed=StartFailure(_reason(exc), permanent)))
        return LOAD_FAILED
    from engines.worker.server import serve

    return serve(engine, info, arguments.socket, os.environ.get(SECRET_VARIABLE, ""), pipe.send)


if __name__ == "__main__":
    sys.exit(main())
