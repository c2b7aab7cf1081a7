"""Run checks, a few at a time, each on its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from conformance.context import Context, Target
from conformance.registry import Check, Failed, NotOffered, Result, Verdict

PARALLEL = 3
"""checks at once: enough to be quick, too few to be taken for a flood"""
RUN_ALONE = ("speech.streaming", "speech.concurrency")
"""checks that measure how a server works under a load of their own"""
TIMEOUTS_PER_CHECK = 10
"""times the target's timeout that a whole check may take: a server that never ends an answer does not hold
the program
"""


async def run_all(
    target: Target, checks: Sequence[Check], done: Callable[[Result], None] = lambda _: None
) -> list[Result]:
    """Run the checks against a target, and give their results in the checks' order."""
    context = Context(target)
    gate = asyncio.Semaphore(PARALLEL)
    alone = [check for check in checks if check.id.startswith(RUN_ALONE)]

    async def gated(check: Check) -> Result:
        async with gate:
            result = await run_one(context, check)
        done(result)
        return result

    try:
        results = await asyncio.gather(*(gated(check) for check in checks if check not in alone))
        for check in alone:
            results.append(await gated(check))
    finally:
        await context.close()
    order = {check.id: number for number, check in enumerate(checks)}
    return sorted(results, key=lambda result: order[result.id])


async def run_one(context: Context, check: Check) -> Result:
    """Run one check. Whatever it raises is its verdict."""
    began = time.monotonic()
    verdict: Verdict = "pass"
    try:
        async with asyncio.timeout(TIMEOUTS_PER_CHECK * context.target.timeout):
            seen = await check.run(context)
    except NotOffered as exc:
        verdict, seen = "not offered", str(exc)
    except Failed as exc:
        verdict, seen = "fail", str(exc)
    except TimeoutError:
        verdict, seen = "fail", f"no end within {time.monotonic() - began:.0f} s"
    except Exception as exc:  # a broken server may raise anything in a client
        verdict, seen = "fail", f"{type(exc).__name__}: {exc}"[:300]
    return Result(
        check.id,
        check.clause,
        check.promise,
        verdict,
        " ".join(seen.split()),
        round(time.monotonic() - began, 3),
    )
