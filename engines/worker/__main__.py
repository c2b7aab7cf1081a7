"""`python -m engines.worker --engine NAME --socket PATH`: load one engine and serve it until told to stop.

Before any engine code is imported, standard output becomes standard error: a library that prints cannot break
the handshake, which is one JSON line on what was standard output: `{"ready": EngineInfo, "port": N}` or
`{"failed": {"message", "permanent"}}`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from engines.api import Engine, EngineInfo
from engines.catalogue import engines
from engines.worker.malloc_trim import giver
from engines.worker.parent import die_with_parent
from engines.worker.warming import warm_up

SECRET = "VOICEBOX_WORKER_SECRET"  # noqa: S105 - a variable's name


class Handshake:
    """The pipe to the parent."""

    def __init__(self) -> None:
        self._pipe = os.dup(1)
        os.set_inheritable(self._pipe, False)
        os.dup2(2, 1)

    def say(self, message: dict[str, Any]) -> None:
        """Say the one thing that is said, and close the pipe."""
        os.write(self._pipe, msgspec.json.encode(message) + b"\n")
        os.close(self._pipe)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="engines.worker")
    parser.add_argument("--engine", required=True)
    parser.add_argument("--adapter", help="module:class, for an engine that is not in the catalogue")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket", help="path of a Unix socket")
    where.add_argument("--loopback", action="store_true", help="a free TCP port of 127.0.0.1, with a secret")
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
    """Import and load an engine."""
    module, _, name = adapter.partition(":")
    engine = getattr(importlib.import_module(module), name)(**options)
    return engine, engine.load()


def prepared(adapter: str, options: dict[str, Any], warm: bool) -> tuple[Engine, EngineInfo]:
    """Load an engine, and have it do a first job if `warm`.

    In a thread that ends: OpenMP keeps a team of threads for each thread that ever had work for one, and once
    there are more of them than cores, none waits awake for more work, and each of a network's layers has to
    wake its team up.
    """
    engine, info = load(adapter, options)
    if warm:
        warm_up(engine, info)
    if give := giver():
        give()  # what loading left; what a model takes is looked at once it is ready
    return engine, info


def main() -> int:
    """Run the worker; the exit status is 3 when the engine cannot be loaded."""
    asked = arguments()
    handshake = Handshake()
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C in a terminal goes to the gateway, which stops us in order
    die_with_parent(asked.parent)
    try:
        adapter = asked.adapter or engines.find(asked.engine).adapter
        with ThreadPoolExecutor(1, thread_name_prefix="loading") as loading:
            engine, info = loading.submit(prepared, adapter, asked.options, asked.warm).result()
    except Exception as exc:  # whatever keeps an engine from loading, the gateway is told in words
        permanent = isinstance(exc, ImportError | KeyError | AttributeError | TypeError)
        handshake.say({"failed": {"message": f"{type(exc).__name__}: {exc}", "permanent": permanent}})
        return 3
    from engines.worker.server import serve

    return serve(engine, info, asked.socket, os.environ.get(SECRET, ""), handshake.say)


if __name__ == "__main__":
    sys.exit(main())
