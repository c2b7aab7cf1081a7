"""The entry point of the command line.

Exit status: 0 done, 1 failed, 2 wrong usage or settings, 3 no server, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence

from gateway.cli.arguments import parse
from gateway.cli.output import Failure
from gateway.cli.parser import make_parser
from gateway.cli.server_address import server_url
from gateway.config.command_name import as_called_here
from gateway.config.load import ConfigError
from gateway.security.keys import KeyChoiceError, KeyFileError

FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130
BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    args = parse(make_parser(), sys.argv[1:] if argv is None else argv)
    if args is None:
        return 0
    try:
        if "url" in args:
            args.url = args.url or server_url(args.config)
        return _command(args)(args)
    except ConfigError as exc:
        return _print_error(exc, WRONG_USAGE)
    except (KeyFileError, KeyChoiceError) as exc:
        return _print_error(exc, FAILED)
    except Failure as exc:
        return _print_error(exc, exc.status)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has gone. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as exc:
        if not exc.errno:
            raise
        return _print_error(f"{exc.strerror}: {exc.filename}" if exc.filename else exc.strerror, FAILED)


def _command(args: Namespace) -> Callable[[Namespace], int]:
    """Import the one command that is to run, and return it: `serve` should not load what `say` needs, nor the
    other way round.
    """
    module, _, function = args.command.partition(":")
    command: Callable[[Namespace], int] = getattr(importlib.import_module(module), function)
    return command


def _print_error(exc: object, status: int) -> int:
    """Print an error, and return the exit status."""
    print(f"voicebox: {as_called_here(str(exc))}", file=sys.stderr)
    return status
