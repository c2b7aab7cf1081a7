"""A text of 100,000 characters: how fast it is made, and what memory it takes against a short one."""

from __future__ import annotations

import time

import aiohttp

from bench.figures import Figure
from bench.target import Target

SENTENCE = "The quick brown fox jumps over the lazy dog, and then it rests for a while. "
LENGTHS = (1_000, 10_000, 100_000)
PCM_BYTES_PER_SECOND = 48_000


async def run(target: Target) -> list[Figure]:
    """Stream texts of growing length as PCM, to a reader that takes all at once."""
    figures: list[Figure] = []
    if target.start_seconds is not None:
        figures.append(Figure("process", "start to ready", round(target.start_seconds, 2), "s", "under 2"))
    if (idle := target.resident()) is not None:
        figures.append(Figure("process", "idle gateway, resident", round(idle, 1), "MB", "under 90"))
    async with aiohttp.ClientSession(
        headers=target.headers(), timeout=aiohttp.ClientTimeout(total=600)
    ) as session:
        for length in LENGTHS:
            figures += await _one(session, target, length)
    return figures


async def _one(session: aiohttp.ClientSession, target: Target, length: int) -> list[Figure]:
    text = (SENTENCE * (length // len(SENTENCE) + 1))[:length]
    body = {"model": "tts-1", "voice": "alloy", "input": text, "response_format": "pcm"}
    began, size, peak = time.perf_counter(), 0, target.resident() or 0.0
    async with session.post(f"{target.base_url}/audio/speech", json=body) as answer:
        answer.raise_for_status()
        async for chunk in answer.content.iter_any():
            size += len(chunk)
            peak = max(peak, target.resident() or 0.0)
    speed = size / PCM_BYTES_PER_SECOND / (time.perf_counter() - began)
    figures = [Figure("long text", f"{length:,} characters, times real time", round(speed, 1), "x")]
    if peak:
        figures.append(Figure("long text", f"{length:,} characters, highest resident", round(peak, 1), "MB"))
    return figures
