"""The command `voicebox doctor`."""

from __future__ import annotations

from argparse import Namespace

from gateway.cli import checks, output, tables

MARKS = {"ok": "ok", "note": "-", "missing": "MISSING"}


def run(args: Namespace) -> int:
    """Print the result of every check; return 1 when something that is needed is missing."""
    results = list(checks.run_checks(args.config))
    if args.json:
        output.print_json(results)
    else:
        rows = [(MARKS[check.state], check.area, check.name, check.found, check.mend) for check in results]
        tables.print_table(("", "what", "which", "found", "mend it with"), rows)
    return int(any(check.state == "missing" for check in results))
