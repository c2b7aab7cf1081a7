"""First byte of an idle short request: from sending it to the first byte of the body, one request after
another.
"""

from __future__ import annotations

import asyncio
import time

import aiohttp

from bench.figures import Figure, spread
from bench.target import Target

FORMATS = ("pcm", "wav", "mp3", "opus", "flac", "aac")
TEXT = "Good morning, what can I do for you today?"
WARM_UP, REQUESTS, PAUSE = 5, 40, 0.02


async def run(target: Target) -> list[Figure]:
    """Measure each format."""
    figures: list[Figure] = []
    async with aiohttp.ClientSession(headers=target.headers()) as session:
        for format in FORMATS:
            times = [await _once(session, target, format) for _ in range(WARM_UP + REQUESTS)]
            figures += spread("first byte", format, times[WARM_UP:], "under 15")
    return figures


async def _once(session: aiohttp.ClientSession, target: Target, format: str) -> float:
    body = {"model": "tts-1", "voice": "alloy", "input": TEXT, "response_format": format}
    began = time.perf_counter()
    async with session.post(f"{target.base_url}/audio/speech", json=body) as answer:
        answer.raise_for_status()
        await answer.content.readany()
        first = time.perf_counter() - began
        await answer.read()
    await asyncio.sleep(PAUSE)
    return first
