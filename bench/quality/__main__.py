"""`python -m bench.quality`: speak, hear, compare; ends with status 1 where a promise is broken.

`--write` puts what was found into docs/quality.md.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from bench.quality import page, sentences, voices
from bench.quality.at_once import at_once
from bench.quality.findings import Section, markdown
from bench.quality.joins import joins
from bench.quality.listening import Extent, Listener
from bench.quality.speakers import speaking_engines
from bench.target import Target, own

MEASUREMENTS: dict[str, Callable[[Listener], Section]] = {
    "engines": sentences.engines,
    "formats": sentences.formats,
    "voices": sentences.voices,
    "speeds": sentences.speeds,
    "joins": joins,
    "at_once": at_once,
    "likeness": voices.likenesses,
    "loudness": voices.loudnesses,
    "own_ear": sentences.own_ear,
}
SETTINGS: dict[str, Any] = {"engines": {"hibari": {"enabled": True, "workers": 2}}}
"""two workers, since a voice must be itself whichever of them speaks"""


def main() -> int:
    """Measure, print, and return the exit status."""
    asked = _arguments()
    served: AbstractContextManager[Target] = (
        nullcontext(Target(asked.url.rstrip("/"), asked.api_key))
        if asked.url
        else own(_settings(asked.models))
    )
    extent = Extent(asked.lists, asked.long, asked.sentences, asked.streams)
    with served as target:
        found = speaking_engines(target)
        engines = [name for name in found if not asked.engine or name in asked.engine]
        print(f"engines: {', '.join(engines)}", file=sys.stderr)
        sections = _measured(Listener(target, engines, extent), asked.only or list(MEASUREMENTS))
    for section in sections:
        print(f"\n{markdown(section)}")
    if asked.write:
        page.write(sections, _circumstances(extent))
    broken = [check for section in sections for check in section.checks if not check.holds]
    for check in broken:
        print(f"broken: {check.promise}: {check.found}", file=sys.stderr)
    return bool(broken)


def _settings(models: Path | None) -> dict[str, Any]:
    """Return the settings of a server of our own, with the models in a folder."""
    return {**SETTINGS, "models": {"folder": str(models.resolve())}} if models else SETTINGS


def _arguments() -> argparse.Namespace:
    extent = Extent()
    parser = argparse.ArgumentParser(prog="bench.quality")
    parser.add_argument("--url", help="measure this server instead of one of our own; up to and with /v1")
    parser.add_argument("--api-key")
    parser.add_argument("--models", type=Path, help="a folder with model files, instead of the user's own")
    parser.add_argument("--only", choices=MEASUREMENTS, action="append")
    parser.add_argument(
        "--engine", action="append", help="only this one; hibari is what others are measured by"
    )
    parser.add_argument("--lists", type=int, default=extent.lists, help="Harvard lists, up to 72")
    parser.add_argument("--long", type=int, default=extent.long_texts, help="long texts")
    parser.add_argument("--sentences", type=int, default=extent.sentences, help="in a long text")
    parser.add_argument("--streams", type=int, default=extent.streams, help="at once")
    parser.add_argument("--write", action="store_true", help="put the findings into docs/quality.md")
    return parser.parse_args()


def _measured(listener: Listener, names: list[str]) -> list[Section]:
    sections = []
    for name in names:
        print(f"{name} …", end="", file=sys.stderr, flush=True)
        began = time.monotonic()
        sections.append(MEASUREMENTS[name](listener))
        print(f" {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return sections


def _circumstances(extent: Extent) -> str:
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"*{datetime.date.today():%d %B %Y}, {machine}; {extent.lists} Harvard lists.*"


if __name__ == "__main__":
    sys.exit(main())
