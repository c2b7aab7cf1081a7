"""The command `voicebox doctor`: what is wrong comes first, with what to do about it."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence

from gateway.cli import checks, output, tables
from gateway.cli.check import Check
from gateway.config.command_name import as_called_here

MARKS = {"missing": "MISSING", "note": "-", "ok": "ok"}
"""of a check's state, the worst first"""
ORDER = tuple(MARKS)
COLUMNS = ("", "what", "which", "found", "mend it with")


def run(args: Namespace) -> int:
    """Print the results of all checks; return 1 when something that is needed is missing."""
    with output.waiting("looking at this machine"):
        results = sorted(checks.run_checks(args.config), key=lambda check: ORDER.index(check.state))
    if args.json:
        output.print_json(results)
    elif sys.stdout.isatty():
        _print_report(results)
    else:
        rows = [(MARKS[check.state], check.area, check.name, check.found, check.mend) for check in results]
        tables.print_table(COLUMNS, rows)
    return int(any(check.state == "missing" for check in results))


def _print_report(results: Sequence[Check]) -> None:
    """Print what is wrong, what could be better, what is in order, and what comes next."""
    from rich.console import Console

    console = Console(highlight=False)
    wrong, better, good = ([check for check in results if check.state == state] for state in ORDER)
    if wrong:
        console.print("Wrong, and needed:", style="bold red")
        _print_remedies(wrong)
    if better:
        console.print("Could be better:", style="bold")
        _print_remedies(better)
    console.print("In order:", style="bold")
    for check in good:
        label = f"  {check.area} {check.name}: "
        tables.print_text(console, f"{label}{check.found}", hanging="    ")
    console.print()
    tables.print_text(console, _next(wrong, results), hanging="  ")


def _print_remedies(found: Sequence[Check]) -> None:
    """Print what was found, each with what mends it on a line of its own."""
    from rich.console import Console

    console = Console(highlight=False)
    for check in found:
        for line in f"{check.area} {check.name}: {check.found}".splitlines():
            tables.print_text(console, f"  {line.strip()}", hanging="    ")
        if check.mend:
            console.print(f"    -> {as_called_here(check.mend)}", markup=False, soft_wrap=True)
    console.print()


def _next(wrong: Sequence[Check], results: Sequence[Check]) -> str:
    """Return what to do next."""
    if wrong:
        return (
            f"Next: mend the first of these, {wrong[0].area} {wrong[0].name}, and run voicebox doctor again."
        )
    if any(check.area == "server" and check.found != "none" for check in results):
        return 'All is in order, and a server runs. Next: voicebox say "Good morning." --play'
    return "All is in order. Next: voicebox serve"
