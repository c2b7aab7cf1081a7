"""A client that leaves mid-stream: how long until its worker is free for the next."""

from __future__ import annotations

import asyncio
import time

import aiohttp

from bench.figures import Figure, spread
from bench.target import Target

ROUNDS = 30
TEXT = "This goes on for a long time. " * 2000


async def run(target: Target) -> list[Figure]:
    """Leave streams in the middle, and ask /health until nothing runs."""
    times: list[float] = []
    async with aiohttp.ClientSession(headers=target.headers()) as session:
        for _ in range(ROUNDS):
            body = {"model": "tts-1", "voice": "alloy", "input": TEXT, "response_format": "mp3"}
            answer = await session.post(f"{target.base_url}/audio/speech", json=body)
            if await _running(session, target) is None:
                answer.close()
                return []
            await answer.content.readany()
            began = time.perf_counter()
            answer.close()
            while await _running(session, target):  # noqa: ASYNC110 - the state is in another process
                await asyncio.sleep(0.001)
            times.append(time.perf_counter() - began)
    return spread("disconnect", "disconnect to nothing running", times, "under 200")


async def _running(session: aiohttp.ClientSession, target: Target) -> int | None:
    async with session.get(target.base_url.removesuffix("/v1") + "/health") as answer:
        if answer.status != 200:
            return None
        engines = (await answer.json()).get("engines")
    return sum(state["running"] + state["queued"] for state in engines.values()) if engines else None
