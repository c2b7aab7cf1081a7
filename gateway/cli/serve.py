"""The command `voicebox serve`."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from engines.fleet.launched_workers import LaunchedWorkers
from gateway.config import load
from gateway.config.settings import Settings


def run(args: Namespace) -> int:
    """Run the server with the settings of file, environment and flags; return the exit status."""
    flags = {
        "server.host": args.host,
        "server.port": args.port,
        "server.processes": args.workers,
        "server.no_auth": args.no_auth,
        "log.level": args.log_level,
        "log.format": args.log_format,
    }
    settings = load.load(args.config, os.environ, flags)
    if args.stop_with_stdin:
        threading.Thread(target=_stop_with_stdin, daemon=True, name="stdin").start()
    with asyncio.Runner(loop_factory=_loop_factory(settings)) as runner:
        launched = LaunchedWorkers()
        try:
            runner.run(launched.launch(settings.engines))
            return _serve(settings, runner, launched, args.ready_file)
        finally:
            runner.run(launched.close())


def _serve(
    settings: Settings, runner: asyncio.Runner, launched: LaunchedWorkers, ready_file: Path | None
) -> int:
    """Load the server, which takes about as long as the workers that start meanwhile, and run it."""
    if settings.server.processes > 1:
        from gateway.cluster import supervisor

        return supervisor.run(settings, runner, launched, ready_file=ready_file)
    from gateway import serve

    return serve.run(settings, runner, launched, ready_file=ready_file)


def _loop_factory(settings: Settings) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the event loop; asyncio's own where none serves HTTP in it, or uvloop is not here."""
    if settings.server.processes > 1:
        return None
    try:
        import uvloop
    except ImportError:  # as on Windows
        return None
    return uvloop.new_event_loop


def _stop_with_stdin() -> None:
    """Stop the server once standard input ends: a parent that died, even by kill -9, has closed it."""
    while os.read(0, 4096):
        pass
    signal.raise_signal(signal.SIGTERM)
