"""`voicebox doctor`."""

from __future__ import annotations

from argparse import Namespace

from gateway.cli import checks, output

MARKS = {"ok": "ok", "note": "-", "missing": "MISSING"}


def run(args: Namespace) -> int:
    """Look at everything; 1 when something that is needed is missing."""
    found = list(checks.every(args.config))
    if args.json:
        output.show_json(found)
    else:
        rows = [(MARKS[check.state], check.area, check.name, check.found, check.mend) for check in found]
        output.show_table(("", "what", "which", "found", "mend it with"), rows)
    return int(any(check.state == "missing" for check in found))
