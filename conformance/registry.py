"""What a check is, and the list of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from conformance.context import Context

Verdict = Literal["pass", "fail", "not offered"]
Run = Callable[[Context], Awaitable[str]]
"""gives what was seen; raises Failed, NotOffered, or anything else, which fails too"""


class Failed(AssertionError):
    """The server does not do what the contract says; the message is what was seen."""


class NotOffered(Exception):
    """The server does without something that it may do without, and says so properly."""


class Check(msgspec.Struct, frozen=True):
    """One promise of the contract, and how it is looked at."""

    id: str
    clause: str
    """where the contract says it"""
    promise: str
    run: Run


class Result(msgspec.Struct, frozen=True):
    """The result of one check."""

    id: str
    clause: str
    promise: str
    verdict: Verdict
    seen: str
    seconds: float


class Registry:
    """A register of checks, by id."""

    def __init__(self) -> None:
        self.checks: dict[str, Check] = {}

    def add(self, id: str, clause: str) -> Callable[[Run], Run]:
        """Return a decorator that registers a check; its promise is the first paragraph of its docstring."""

        def register(run: Run) -> Run:
            if id in self.checks:
                raise ValueError(f"two checks are named {id}")
            promise = " ".join((run.__doc__ or id).strip().partition("\n\n")[0].split())
            self.checks[id] = Check(id, clause, promise, run)
            return run

        return register

    def chosen(self, pattern: str) -> list[Check]:
        """Return the checks whose id fits a pattern."""
        return [check for check in self.checks.values() if fnmatchcase(check.id, pattern)]


REGISTRY = Registry()
check = REGISTRY.add


def expect(true: object, seen: str) -> None:
    """Fail with what was seen, unless it is true."""
    if not true:
        raise Failed(seen)
