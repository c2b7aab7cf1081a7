"""`python -m conformance --base-url URL`: measure any server against OpenAI's audio contract.

The exit status is 0 when nothing failed, 1 when something did, 2 for wrong usage, 3 when nobody answers.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from rich.console import Console

from conformance import checks, report
from conformance.addresses import find_base_url
from conformance.context import CLIP, Target
from conformance.registry import REGISTRY, Result
from conformance.runner import run_all

assert checks.__all__  # noqa: S101 - importing them is what registers them


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="conformance", description="Measure a server against OpenAI's audio contract."
    )
    parser.add_argument(
        "--base-url", help="as an SDK gets it: http://localhost:8000/v1; /v1 is added where it is left out"
    )
    parser.add_argument("--api-key", help="the key to send, where one is wanted")
    parser.add_argument("--format", choices=("table", "json", "markdown"), default="table")
    parser.add_argument("--quiet", action="store_true", help="print the report alone, and no progress")
    parser.add_argument("--only", default="*", metavar="GLOB", help="checks whose id fits, as in 'speech.*'")
    parser.add_argument("--list", action="store_true", help="list the checks, and run none")
    parser.add_argument("--tts-model", default="tts-1")
    parser.add_argument("--stt-model", default="whisper-1")
    parser.add_argument("--voice", default="alloy")
    parser.add_argument(
        "--audio",
        type=Path,
        default=CLIP,
        help="the recording to transcribe; English speech of a few seconds",
    )
    parser.add_argument(
        "--timeout", type=float, default=60.0, metavar="S", help="seconds that one answer may take"
    )
    asked = parser.parse_args()
    if not asked.list and not asked.base_url:
        parser.error("--base-url is needed")
    if not REGISTRY.chosen(asked.only):
        parser.error(f"no check's id fits {asked.only!r}; --list shows them")
    if not asked.audio.is_file():
        parser.error(f"there is no recording {str(asked.audio)!r}")
    return asked


def main() -> int:
    """Run the checks, and print what they saw."""
    asked = arguments()
    chosen = REGISTRY.chosen(asked.only)
    if asked.list:
        for check in chosen:
            print(f"{check.id}\t{check.clause}\t{check.promise}")
        return 0
    base_url = find_base_url(asked.base_url, asked.api_key)
    if base_url is None:
        print(f"conformance: nobody answers at {asked.base_url}", file=sys.stderr)
        return 3
    if base_url != asked.base_url.rstrip("/"):
        print(f"conformance: the server's base URL is {base_url}", file=sys.stderr)
    target = Target(
        base_url,
        asked.api_key,
        asked.tts_model,
        asked.stt_model,
        asked.voice,
        asked.audio,
        asked.timeout,
    )
    progress = (lambda _: None) if asked.quiet else Progress(len(chosen))
    results = asyncio.run(run_all(target, chosen, progress))
    _print(asked.format, target.base_url, results)
    return 1 if any(result.verdict == "fail" for result in results) else 0


class Progress:
    """Prints each check's result as soon as it is there, beside the report."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0

    def __call__(self, result: Result) -> None:
        """Print one more result, with what was seen where it is a failure."""
        self._done += 1
        seen = f": {result.seen}" if result.verdict == "fail" else ""
        print(
            f"{self._done:{len(str(self._total))}}/{self._total} {result.verdict:11} {result.id}"
            f" ({result.seconds:.1f} s){seen}",
            file=sys.stderr,
            flush=True,
        )


def _print(format: str, base_url: str, results: list[Result]) -> None:
    if format == "json":
        print(report.as_json(base_url, results))
    elif format == "markdown":
        print(report.as_markdown(base_url, results))
    else:
        report.table(results, Console(width=None if sys.stdout.isatty() else 160))


if __name__ == "__main__":
    sys.exit(main())
