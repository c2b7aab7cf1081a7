"""The level of what is logged: what somebody should look at is a warning, what failed an error."""

from __future__ import annotations

import logging

from engines.fleet.retry_pause import GIVEN_UP

WORKER_LEVELS = {
    "worker did not start": logging.ERROR,
    "worker broke": logging.ERROR,
    "worker died": logging.WARNING,
    "worker does not answer": logging.WARNING,
    GIVEN_UP: logging.WARNING,
}
"""of what engines say; all else is information"""
OVERLOADED = 503


def worker_level(event: str) -> int:
    """Return the level of what is said of a worker."""
    return WORKER_LEVELS.get(event, logging.INFO)


def request_level(outcome: str, status: int, *, quiet: bool = False) -> int:
    """Return the level of a request's line: a refused one is its caller's affair, one that failed or broke is
    the server's; a probe that went well is `quiet`.
    """
    if outcome == "failed":
        return logging.WARNING if status == OVERLOADED else logging.ERROR
    if outcome == "broken":
        return logging.ERROR
    return logging.DEBUG if quiet and outcome == "ok" else logging.INFO
