"""The bare loop: the same text spoken by eSpeak NG's C interface and encoded by PyAV, with nothing around it.

As many processes as there are cores, started and warm before the clock runs. Rate and codec settings are the gateway's.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event

from bench import texts

SECONDS = 3.0


def run(format: str) -> float:
    """Give how many seconds of audio all cores make in a second."""
    context = mp.get_context("spawn")
    results: Queue[float] = context.Queue()
    start = context.Event()
    count = os.cpu_count() or 1
    processes = [context.Process(target=_work, args=(format, results, start)) for _ in range(count)]
    for process in processes:
        process.start()
    for _ in processes:
        results.get()
    start.set()
    made = sum(results.get() for _ in processes)
    for process in processes:
        process.join()
    return made / SECONDS


def _work(format: str, results: Queue[float], start: Event) -> None:
    from engines.api import Audio, SpeechEvent, SpeechJob
    from engines.espeak import Espeak
    from streaming.chain import Chain, Order

    engine = Espeak()
    info = engine.load()
    rate = info.speech.sample_rate if info.speech else 0
    results.put(0.0)
    start.wait()
    end, made, number = time.monotonic() + SECONDS, 0.0, 0
    while time.monotonic() < end:
        number += 1
        chain, job = Chain(Order(format, rate)), SpeechJob(texts.paragraph(number), "en-us")  # type: ignore[arg-type]

        def emit(event: SpeechEvent, chain: Chain = chain) -> bool:
            nonlocal made
            if isinstance(event, Audio):
                made += chain.push(event.pcm).seconds
            return time.monotonic() < end

        engine.speak(job, emit)
        chain.push(b"", ends=True)
        chain.finish()
        chain.close()
    results.put(made)
