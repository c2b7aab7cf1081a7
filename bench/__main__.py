"""`python -m bench [--url URL] [--api-key KEY] [--only NAME]`: one table, and bench/out/figures.json."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from bench import (
    added_latency,
    chaos,
    cpu,
    disconnect,
    engines,
    first_byte,
    first_packet,
    head_of_line,
    long_text,
    loop_gap,
    many_voices,
    overload,
    realtime_players,
    throughput,
    verified_speech,
)
from bench.figures import Figure
from bench.target import ESPEAK, Target, own

PROGRAMS = {
    "long_text": long_text.run,
    "first_byte": first_byte.run,
    "first_packet": first_packet.run,
    "disconnect": disconnect.run,
    "throughput": throughput.run,
    "cpu": cpu.run,
    "realtime_players": realtime_players.run,
    "added_latency": added_latency.run,
    "head_of_line": head_of_line.run,
    "many_voices": many_voices.run,
    "overload": overload.run,
    "loop_gap": loop_gap.run,
    "engines": engines.run,
    "verified_speech": verified_speech.run,
    "chaos": chaos.run,
}
"""the first needs a server that has done nothing yet"""
ASKED_FOR = {"engines", "verified_speech", "chaos"}
"""these take longer than all others, and need what only some have installed: they are run only when they are
named
"""
OUT = Path(__file__).parent / "out" / "figures.json"


def main() -> None:
    """Run the programs, print the table, write the file."""
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--url", help="measure this server instead of one of our own; up to and with /v1")
    parser.add_argument("--api-key")
    parser.add_argument("--only", choices=PROGRAMS, action="append")
    asked = parser.parse_args()
    served: AbstractContextManager[Target] = (
        nullcontext(Target(asked.url.rstrip("/"), asked.api_key)) if asked.url else own(ESPEAK)
    )
    with served as target:
        figures = asyncio.run(
            _run(target, asked.only or [name for name in PROGRAMS if name not in ASKED_FOR])
        )
    _print(figures)
    OUT.parent.mkdir(exist_ok=True)
    system = f"{platform.system()} {platform.machine()}"
    machine = f"{system}, {os.cpu_count()} cores, Python {platform.python_version()}"
    OUT.write_bytes(msgspec.json.format(msgspec.json.encode({"machine": machine, "figures": figures})))


async def _run(target: Target, names: list[str]) -> list[Figure]:
    figures: list[Figure] = []
    for name in names:
        print(f"{name} …", end="", file=sys.stderr, flush=True)
        began = time.monotonic()
        made = await PROGRAMS[name](target)
        print(f" {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        if not made:
            print(
                f"{name} needs a server of its own, or libraries that are not installed, and was left out",
                file=sys.stderr,
            )
        figures += made
    return figures


def _print(figures: list[Figure]) -> None:
    table = Table("program", "what", "value", "unit", "aim", "of several runs")
    for figure in figures:
        runs = f"{min(figure.runs):,g} to {max(figure.runs):,g}" if figure.runs else ""
        table.add_row(figure.program, figure.what, f"{figure.value:,g}", figure.unit, figure.aim, runs)
    Console().print(table)


if __name__ == "__main__":
    main()
