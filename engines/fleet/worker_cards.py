"""Which GPU a worker computes on: it is shown that one and no other, so its engine only ever sees "cuda".

Libraries that are told a number count from another card than each other, or start a context on the first one
all the same; with one card in sight there is nothing to confuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from engines.memory.amd_gpus import hip_names
from engines.memory.measure import gpu_names
from engines.settings import Options

CARDS = ("cuda", "rocm")
"""kinds of device whose cards the variables of CUDA and HIP choose among"""
INTEL = "xpu"


class OneCard(NamedTuple):
    """What shows a worker one card: its environment variables, and its engine's options without a number."""

    variables: dict[str, str]
    options: Options


def show_one_card(options: Options, card: int | None, environ: Mapping[str, str]) -> OneCard:
    """Return how a worker with some options is shown a card, the one that its option `device` names or else
    `card`; without either it is shown all. May ask a driver, and wait for it.

    Cards are counted as the gateway's environment, `environ`, has them. One that is not there is left to the
    engine, whose error names it.
    """
    kind, _, number = str(options.get("device", "auto")).partition(":")
    if kind not in (*CARDS, INTEL, "auto") or (number and not number.isdecimal()):
        return OneCard({}, options)
    index = int(number) if number.isdecimal() else card
    if index is None:
        return OneCard({}, options)
    shown = {"ZE_AFFINITY_MASK": _entry(environ.get("ZE_AFFINITY_MASK"), index)} if kind == INTEL else None
    shown = shown or _variables(index, environ)
    if None in shown.values():
        return OneCard({}, options)
    variables = {name: value for name, value in shown.items() if value is not None}
    return OneCard(variables, {**options, "device": kind} if number else options)


def _variables(index: int, environ: Mapping[str, str]) -> dict[str, str | None]:
    """Return the variables for NVIDIA's cards, whose driver tells their names, for AMD's, which Linux counts,
    or for whatever there is.
    """
    if names := gpu_names(environ):
        return {"CUDA_VISIBLE_DEVICES": names[index] if index < len(names) else None}
    if names := hip_names(environ):  # HIP looks at the other variable only without this one
        return {"HIP_VISIBLE_DEVICES": names[index] if index < len(names) else None}
    chosen = environ.get("CUDA_VISIBLE_DEVICES")
    return {
        "CUDA_VISIBLE_DEVICES": _entry(chosen, index),
        "HIP_VISIBLE_DEVICES": _entry(environ.get("HIP_VISIBLE_DEVICES", chosen), index),
    }


def _entry(chosen: str | None, index: int) -> str | None:
    """Return what a variable that lists cards has for one of them; None where it lets fewer through."""
    if chosen is None:
        return str(index)
    entries = [entry.strip() for entry in chosen.split(",")]
    return entries[index] if index < len(entries) and entries[index] else None
