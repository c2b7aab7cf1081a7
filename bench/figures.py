"""Figures that measurements return, with their units, and how lists of times become some."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec


class Figure(msgspec.Struct):
    """A measured figure: its name, value and unit."""

    program: str
    what: str
    value: float
    unit: str
    aim: str = ""
    runs: tuple[float, ...] = ()
    """the value of each run, where it was measured several times because it missed its aim: `value` is the
    median
    """


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median_figures(runs: Sequence[Sequence[Figure]]) -> list[Figure]:
    """Return the figures of several runs of the same measurement as one, each with the values of all runs."""
    if len(runs) == 1:
        return list(runs[0])
    return [
        msgspec.structs.replace(
            same[0],
            value=statistics.median(figure.value for figure in same),
            runs=tuple(figure.value for figure in same),
        )
        for same in zip(*runs, strict=True)
    ]


def spread(program: str, what: str, seconds: Sequence[float], aim: str = "") -> list[Figure]:
    """Return median, 95th and 99th percentile of some times, in milliseconds."""
    marks = {"median": 0.5, "p95": 0.95, "p99": 0.99}
    return [
        Figure(
            program,
            f"{what}, {name}",
            round(1000 * quantile(seconds, share), 2),
            "ms",
            aim if name == "median" else "",
        )
        for name, share in marks.items()
    ]
