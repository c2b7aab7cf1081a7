"""A thousand requests at once with 32 voices and texts: whether each answer is its own, to the sample."""

from __future__ import annotations

import asyncio

from bench.figures import Figure
from bench.target import Target, own
from bench.wire import fetched, speech

REQUESTS, VOICES = 1000, 32


async def run(target: Target) -> list[Figure]:
    """Measure on a server of our own, with the test engine, whose answers are the same each time."""
    if not target.pid:
        return []
    with own({"engines": {"tone": {"enabled": True, "workers": 2}}}) as toned:
        fields = [
            speech(f"Word{n} and other{7 * n} things here.", "pcm", f"tone-{n}", "tone")
            for n in range(VOICES)
        ]
        alone = [await fetched(toned, one) for one in fields]
        answers = await asyncio.gather(
            *(fetched(toned, fields[number % VOICES]) for number in range(REQUESTS)), return_exceptions=True
        )
    wrong = sum(answer != alone[number % VOICES] for number, answer in enumerate(answers))
    return [
        Figure("many voices", "different answers to 32 different requests", len(set(alone)), "", "32"),
        Figure("many voices", "of 1,000 at once, answers that are not their own", wrong, "", "0"),
    ]
