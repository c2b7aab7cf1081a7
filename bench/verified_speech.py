"""Verified speech: what each transcriber finds in damaged speech, what it costs, and the first byte.

Speech is hibari's, whose word times are exact: a word is cut out of each sentence, said twice, or has a hole,
and the decision is that of the server (`streaming.text.attempts`).
"""

from __future__ import annotations

import asyncio
import io
import statistics
import time
import wave
from collections.abc import Callable
from importlib.util import find_spec

import aiohttp
import msgspec

from bench.figures import Figure
from bench.outputs import Hearing
from bench.quality.corpus import harvard_lists
from bench.target import Target, own
from bench.texts import paragraph
from engines.api import BYTES_PER_SAMPLE, Place, SpeechJob
from streaming.text.attempts import Attempts

PROGRAM = "verified speech"
NEEDED = ("hibari", "onnxruntime")
RATE = 24_000
LISTS = 3
"""of ten sentences"""
HOLE_SECONDS = 0.2
SHORT_TEXT = "Good morning, what can I do for you today?"
ROUNDS = 9
VOICE = "alloy"


class Spoken(msgspec.Struct, frozen=True):
    """A sentence and where its longest inner word lies in its speech, in bytes."""

    text: str
    pcm: bytes
    start: int
    end: int


async def run(target: Target) -> list[Figure]:
    """Measure on a server of our own; nothing where hibari is not installed."""
    if not target.pid or not all(map(find_spec, NEEDED)):
        return []
    spoken = await asyncio.to_thread(_speak_all)
    figures: list[Figure] = []
    with own({"engines": {"hibari": {"enabled": True}}}) as served:
        async with aiohttp.ClientSession(headers=served.headers()) as session:
            for name in await _transcribers(session, served):
                figures += await _found(session, served, name, spoken)
            figures += await _costs(session, served)
    return figures


DAMAGES: dict[str, Callable[[Spoken], bytes]] = {
    "clean sentences doubted": lambda one: one.pcm,
    "dropped words found": lambda one: one.pcm[: one.start] + one.pcm[one.end :],
    "doubled words found": lambda one: one.pcm[: one.end] + one.pcm[one.start :],
    f"holes of {HOLE_SECONDS:g} s in a word found": lambda one: _with_hole(one),
}


def _with_hole(one: Spoken) -> bytes:
    half = BYTES_PER_SAMPLE * round(RATE * HOLE_SECONDS / 2)
    middle = (one.start + one.end) // (2 * BYTES_PER_SAMPLE) * BYTES_PER_SAMPLE
    return one.pcm[: middle - half] + bytes(2 * half) + one.pcm[middle + half :]


def _speak_all() -> list[Spoken]:
    """Speak the sentences, and find the word of each that is to be damaged."""
    from engines.adapters.hibari.engine import Hibari

    engine = Hibari()
    engine.load(Place(), Hearing())
    spoken = []
    for text in [sentence for one in harvard_lists()[:LISTS] for sentence in one]:
        pcm = bytearray()
        out = Hearing(pcm.extend)
        engine.speak(SpeechJob(text, VOICE, seed=1), out)
        words = out.words
        lost = max(range(1, len(words) - 1), key=lambda number: words[number].end - words[number].start)
        start, end = (BYTES_PER_SAMPLE * round(RATE * words[place].time) for place in (lost, lost + 1))
        spoken.append(Spoken(text, bytes(pcm), start, end))
    return spoken


async def _transcribers(session: aiohttp.ClientSession, target: Target) -> list[str]:
    """Return the engines and models that transcribe, by their own names."""
    async with session.get(f"{target.base_url}/models") as answer:
        listed = (await answer.json())["data"]
    return [
        one["id"]
        for one in listed
        if one["owned_by"] == "voicebox" and one["task"] == "automatic-speech-recognition"
    ]


async def _found(
    session: aiohttp.ClientSession, target: Target, name: str, spoken: list[Spoken]
) -> list[Figure]:
    """Measure what a transcriber finds, and how long it takes, one recording after another."""
    await _transcript(session, target, name, spoken[0].pcm)  # loads it
    figures = []
    took = audio = 0.0
    for what, damage in DAMAGES.items():
        found = 0
        for one in spoken:
            pcm = damage(one)
            seconds = len(pcm) / BYTES_PER_SAMPLE / RATE
            began = time.perf_counter()
            transcript = await _transcript(session, target, name, pcm)
            took += time.perf_counter() - began
            audio += seconds
            takes = Attempts(one.text)
            takes.add(seconds, transcript)
            found += takes.result() == "doubtful"
        figures.append(Figure(PROGRAM, f"{name}: {what}", round(100 * found / len(spoken)), "%"))
    figures.append(Figure(PROGRAM, f"{name}: time for a second of audio", round(took / audio, 3), "s"))
    return figures


async def _transcript(session: aiohttp.ClientSession, target: Target, name: str, pcm: bytes) -> str:
    recording = io.BytesIO()
    with wave.open(recording, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(BYTES_PER_SAMPLE)
        file.setframerate(RATE)
        file.writeframes(pcm)
    form = aiohttp.FormData({"model": name, "language": "en"})
    form.add_field("file", recording.getvalue(), filename="speech.wav")
    async with session.post(f"{target.base_url}/audio/transcriptions", data=form) as answer:
        answer.raise_for_status()
        return str((await answer.json())["text"])


async def _costs(session: aiohttp.ClientSession, target: Target) -> list[Figure]:
    """Measure requests with and without verifying in turn: a short one's first byte, a long one's time."""
    texts = {"first byte of a short request": SHORT_TEXT, "whole of 24 s of speech": paragraph(1)}
    figures = []
    for what, text in texts.items():
        times: dict[bool, list[float]] = {False: [], True: []}
        for number in range(2 * ROUNDS + 2):
            verify = bool(number % 2)
            first, whole = await _once(session, target, text, verify=verify)
            times[verify].append(first if text == SHORT_TEXT else whole)
        for verify, values in times.items():
            how = "verified" if verify else "not verified"
            median = statistics.median(values[1:])  # the first of each is the slow one
            figures.append(Figure(PROGRAM, f"{what}, {how}", round(1000 * median), "ms"))
    return figures


async def _once(
    session: aiohttp.ClientSession, target: Target, text: str, *, verify: bool
) -> tuple[float, float]:
    """Return the seconds to the first byte and to the last."""
    body = {"model": "hibari", "voice": VOICE, "input": text, "response_format": "mp3", "verify": verify}
    began = time.perf_counter()
    async with session.post(f"{target.base_url}/audio/speech", json=body) as answer:
        answer.raise_for_status()
        await answer.content.readany()
        first = time.perf_counter() - began
        await answer.read()
    return first, time.perf_counter() - began
