"""The command `voicebox serve`."""

from __future__ import annotations

import os
import signal
import threading
from argparse import Namespace

from gateway import serve
from gateway.config import load


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
    if settings.server.processes > 1:
        from gateway.cluster import supervisor

        return supervisor.run(settings, ready_file=args.ready_file)
    return serve.run(settings, ready_file=args.ready_file)


def _stop_with_stdin() -> None:
    """Stop the server once standard input ends: a parent that died, even by kill -9, has closed it."""
    while os.read(0, 4096):
        pass
    signal.raise_signal(signal.SIGTERM)
