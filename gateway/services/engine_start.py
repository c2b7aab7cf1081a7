"""Engines that must run before a request can be decided: of a model that has never run only its record and
its files speak, and a model that came a moment ago is not known yet.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engines.catalogue.engines import Kind
from engines.errors import EngineUnavailable, SpeechError, UnknownVoice
from engines.fleet.streams import RequestTerms
from gateway.services.container import Services
from gateway.services.engine_snapshot import EngineSnapshot

POLL_SECONDS = 0.02
"""between two looks at what another process tells"""
T = TypeVar("T")


async def select_started(
    services: Services,
    engines: EngineSnapshot,
    select: Callable[[EngineSnapshot], Awaitable[T]],
    engine_of: Callable[[T], str],
    model: str,
    kind: Kind,
    terms: RequestTerms,
    *,
    is_asked: bool = True,
) -> tuple[EngineSnapshot, T, RequestTerms]:
    """Return what `select` chooses among engines, and these, once the chosen one has said itself what it
    can do; and the terms, with the deadline later by the time that this took.

    `engine_of` names the engine of a choice; `model` is what the caller named. One that has never run is
    started, unless nothing is asked of it; that takes at most the time for which requests may wait for it.
    Where it does not start, and another can do the work, that is chosen. Raises what `select` raises,
    DeadlineExceeded, Overloaded, or EngineUnavailable.
    """
    began = time.monotonic()
    looked = False
    failed: set[str] = set()
    while True:
        try:
            chosen = await select(engines)
            name = engine_of(chosen)
            if name not in engines.presumed or not is_asked:
                return engines, chosen, terms.later(time.monotonic() - began)
        except UnknownVoice:
            name = _engine_of(engines, model, kind)
            if name not in engines.presumed:  # else its voices may be more than its files tell
                raise
        except EngineUnavailable as exc:
            if looked or type(exc) is not EngineUnavailable:
                raise
            looked = True
            await services.look_for_models()
            engines = services.engine_snapshot()
            continue
        await _start(services, name, terms, failed)
        engines = services.engine_snapshot()


async def _start(services: Services, name: str, terms: RequestTerms, failed: set[str]) -> None:
    """Have an engine start, and wait until what it said of itself is known here.

    One that cannot start is added to `failed`; another attempt raises EngineUnavailable.
    """
    pool = services.engines.pool(name)
    try:
        async with pool.open(terms) as stream:
            await stream.wait_ready()
    except EngineUnavailable:
        if name in failed:
            raise
        failed.add(name)
        return
    while pool.status().presumed:  # noqa: ASYNC110 - what the process that runs it tells
        await asyncio.sleep(POLL_SECONDS)


def _engine_of(engines: EngineSnapshot, model: str, kind: Kind) -> str:
    """Return the engine that a model's name means; nothing where it means none."""
    try:
        return engines.resolver.model(model, kind).engine
    except SpeechError:
        return ""
