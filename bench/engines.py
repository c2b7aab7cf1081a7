"""The engines that run models, through the gateway against their bare libraries, on the same machine in the
same run.

Checkpoints are full-size, of random weights (`checkpoints`). Both sides do the same work in turn, each while
the other rests; a figure is the median over the rounds, a ratio the median of the rounds' own.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import wave
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import numpy as np
import psutil

from bench import checkpoints, texts
from bench.figures import Figure
from bench.libraries import VOICE, Bare, Done, bare, prepare
from bench.target import PATIENCE, Target, own
from bench.wire import Connection, fetched, speech

PROGRAM = "engines"
NEEDED = ("torch", "kokoro", "transformers", "faster_whisper")
MODELS = ("kokoro", "whisper-base", "faster-whisper-base")
ROUNDS, LONG_ROUNDS, ROUNDS_OF_MANY, ROUNDS_OF_BATCHES = 7, 3, 2, 3
STREAMS = {"cpu": (8,), "cuda": (8, 32)}
AIMS = {8: "at least 1.5", 32: "at least 5"}
RECORDING = 25
"""seconds"""
REST = 0.25
"""seconds between two measurements: threads that wait for more work turn in circles for a while"""
Side = Callable[[int], Awaitable[Done]]
"""does the work of a round"""


async def run(target: Target) -> list[Figure]:
    """Measure on servers of our own; nothing where the libraries are not installed."""
    if not target.pid or not all(map(find_spec, NEEDED)):
        return []
    print(" (weights are random, sizes are real)", end="", file=sys.stderr, flush=True)
    await asyncio.to_thread(prepare)
    device = await asyncio.to_thread(_device)
    figures = [await part(device) for part in (_speaking_models, _speaking_at_once, _batches)]
    return [figure for part in figures for figure in part] + await _transcribing_models(target, device)


def _device() -> str:
    command = [sys.executable, "-c", "import torch; print('cuda' if torch.cuda.is_available() else 'cpu')"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


# Kokoro...


async def _speaking_models(device: str) -> list[Figure]:
    """One stream: a line, and two in a row."""
    figures: list[Figure] = []
    with _serving("kokoro") as served, bare("kokoro", device) as library:
        for what, count, sentences in (("a line", ROUNDS, 1), ("two lines", LONG_ROUNDS, 2)):
            work = partial(_paragraph, sentences=sentences)
            figures += _compared(
                f"kokoro, {what}", await _rounds(count, _spoken(served, work), _done(library, work))
            )
    return figures


def _paragraph(number: int, sentences: int) -> list[str]:
    return [texts.paragraph(number, sentences)]


def _lines(number: int, count: int) -> list[str]:
    return [texts.line(number * count + one) for one in range(count)]


async def _speaking_at_once(device: str) -> list[Figure]:
    """Many streams in batches, against the library with one text after another."""
    figures: list[Figure] = []
    for count in STREAMS[device]:
        with _serving("kokoro", batch=count) as served, bare("kokoro", device) as library:
            lines = partial(_lines, count=count)
            pairs = await _rounds(ROUNDS_OF_MANY, _spoken(served, lines), _done(library, lines))
        what = f"kokoro, {count} streams, batch={count}"
        faster = statistics.median(
            (ours.audio / ours.wall) / (bare.audio / bare.wall) for ours, bare in pairs
        )
        figures += [
            *_figures(f"{what}, gateway", [ours for ours, _ in pairs]),
            Figure(PROGRAM, f"{what}, throughput, of the bare library's", round(faster, 2), "x", AIMS[count]),
        ]
    return figures


async def _batches(device: str) -> list[Figure]:
    """What a batch brings the network by itself: time for an utterance, alone and with others."""
    with bare("kokoro, batched", device) as network:
        found: dict[int, list[Done]] = {count: [] for count in (1, *STREAMS[device])}
        for _ in range(1 + ROUNDS_OF_BATCHES):
            for count, done in found.items():
                done.append(await asyncio.to_thread(network.ask, str(count)))
    return [
        figure
        for count, done in found.items()
        for figure in (
            Figure(
                PROGRAM, f"kokoro, network alone, {count} at once, each", _milliseconds(done[1:], count), "ms"
            ),
            Figure(PROGRAM, f"kokoro, network alone, {count} at once, cores busy", _busy(done[1:]), "%"),
        )
    ]


# Whisper...


async def _transcribing_models(target: Target, device: str) -> list[Figure]:
    """One recording after another, of eSpeak NG's voice, so that voice detection hears somebody."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.wav"
        path.write_bytes(
            _recording(await fetched(target, {**speech(texts.paragraph(0, 8), "pcm"), "model": "espeak"}))
        )
        for name, model in (("whisper", "whisper-base"), ("faster-whisper", "faster-whisper-base")):
            with _serving(model) as served, bare(name, device) as library:
                through = _transcription_of(served, model, path)
                pairs = await _rounds(ROUNDS, through, _done(library, lambda _: [str(path)]))
                figures += _compared(f"{model}, {RECORDING} s", pairs)
    return figures


def _recording(pcm: bytes) -> bytes:
    """Make a WAV file of 16 kHz of PCM of 24 kHz."""
    samples = np.frombuffer(pcm, "<i2")
    places = np.arange(RECORDING * 16_000) * 1.5
    assert len(samples) > places[-1], "the recording is too short"  # noqa: S101
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(np.interp(places, np.arange(len(samples)), samples).astype("<i2").tobytes())
    return made.getvalue()


# Both sides...


@contextmanager
def _serving(model: str, **options: int) -> Iterator[Target]:
    """Run a server with one model, loaded."""
    each = {other: {"enabled": False} for other in MODELS} | {model: {"preload": True, "options": options}}
    with own({"models": {"folder": str(checkpoints.CACHE), "each": each}}) as served:
        deadline = time.monotonic() + PATIENCE
        while _state(served, model) != "ready":
            if time.monotonic() > deadline:
                raise TimeoutError(f"{model} did not become ready")
            time.sleep(0.1)
        yield served


def _state(served: Target, model: str) -> str:
    with urllib.request.urlopen(f"{served.base_url}/voicebox/models/{model}", timeout=PATIENCE) as answer:
        return str(json.load(answer)["state"])


async def _rounds(count: int, through: Side, without: Side) -> list[tuple[Done, Done]]:
    """Let both sides work in turn, and give their rounds, the gateway's first; one round warms up."""
    made = []
    for number in range(1 + count):
        sides = (through, without) if number % 2 else (without, through)
        done = {}
        for side in sides:
            await asyncio.sleep(REST)
            done[side] = await side(number)
        made.append((done[through], done[without]))
    return made[1:]


def _spoken(served: Target, text: Callable[[int], list[str]]) -> Side:
    """Return the gateway's side: all texts of a round at once."""

    async def side(number: int) -> Done:
        connections = [await Connection(served).open() for _ in text(number)]
        began, before, sizes = time.perf_counter(), _spent(served), []
        asked = [
            connection.ask(speech(one, "pcm", VOICE, "kokoro"), lambda part: sizes.append(len(part)))
            for connection, one in zip(connections, text(number), strict=True)
        ]
        await asyncio.gather(*asked)
        wall, cpu = time.perf_counter() - began, _spent(served) - before
        assert all(connection.status == 200 for connection in connections)  # noqa: S101
        for connection in connections:
            connection.close()
        return Done(sum(sizes) / 48_000, wall, cpu)

    return side


def _transcription_of(served: Target, model: str, path: Path) -> Side:
    """Return the gateway's side: a recording to transcribe."""

    async def side(number: int) -> Done:
        began, before = time.perf_counter(), _spent(served)
        said = await asyncio.to_thread(_transcribed, served, model, path)
        wall, cpu = time.perf_counter() - began, _spent(served) - before
        words = len(said.split())
        assert words == checkpoints.WORDS, f"{words} words were transcribed"  # noqa: S101
        return Done(RECORDING, wall, cpu)

    return side


def _transcribed(served: Target, model: str, path: Path) -> str:
    mark = uuid4().hex
    fields = {"model": model, "language": "en", "response_format": "text"}
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    file = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n\r\n'
    body = "".join([*parts, file]).encode() + path.read_bytes() + f"\r\n--{mark}--\r\n".encode()
    headers = {"content-type": f"multipart/form-data; boundary={mark}"}
    request = urllib.request.Request(f"{served.base_url}/audio/transcriptions", body, headers)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return str(answer.read().decode())


def _done(library: Bare, work: Callable[[int], list[str]]) -> Side:
    """Return the library's side: one piece of work of a round after another."""

    async def side(number: int) -> Done:
        done = [await asyncio.to_thread(library.ask, one) for one in work(number)]
        return Done(*(sum(getattr(one, name) for one in done) for name in ("audio", "wall", "cpu")))

    return side


def _spent(served: Target) -> float:
    """Return the seconds of processor time that all processes of a server have used."""
    gateway = psutil.Process(served.pid)
    times = [process.cpu_times() for process in (gateway, *gateway.children(recursive=True))]
    return sum(one.user + one.system for one in times)


# Figures...


def _compared(what: str, pairs: list[tuple[Done, Done]]) -> list[Figure]:
    ratio = statistics.median((ours.wall / ours.audio) / (bare.wall / bare.audio) for ours, bare in pairs)
    return [
        *_figures(f"{what}, gateway", [ours for ours, _ in pairs]),
        *_figures(f"{what}, bare library", [bare for _, bare in pairs]),
        Figure(PROGRAM, f"{what}, of the bare library's time", round(ratio, 3), "x", "at most 1.05"),
    ]


def _figures(what: str, rounds: list[Done]) -> list[Figure]:
    pace = statistics.median(done.wall / done.audio for done in rounds)
    return [
        Figure(PROGRAM, f"{what}, time for a second of audio", round(1000 * pace, 1), "ms"),
        Figure(PROGRAM, f"{what}, cores busy", _busy(rounds), "%"),
    ]


def _busy(rounds: Iterable[Done]) -> float:
    return round(100 * statistics.median(done.cpu / done.wall for done in rounds) / (os.cpu_count() or 1))


def _milliseconds(rounds: Iterable[Done], count: int) -> float:
    return round(1000 * statistics.median(done.wall for done in rounds) / count)
