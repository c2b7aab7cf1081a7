"""The bare libraries, as their own documentation uses them, in a process of their own: what the gateway is
compared with.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing as mp
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import msgspec
import numpy as np

from bench import checkpoints, texts
from bench.outputs import Hearing

Work = Callable[[str], float]
"""does one piece of work, and gives the seconds of audio in it"""
VOICE = "af_heart"


class Done(msgspec.Struct):
    """The result of one task: seconds of audio in it, seconds that it took, and seconds of processor time."""

    audio: float
    wall: float
    cpu: float


class Bare:
    """A library in a process of its own."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def ask(self, work: str) -> Done:
        """Run one task, a text to speak or the path of a recording, and return its result."""
        self._pipe.send(work)
        done: Done = self._pipe.recv()
        return done


@contextmanager
def bare(name: str, device: str = "cpu") -> Iterator[Bare]:
    """Start a library, ready: its name in LIBRARIES."""
    context = mp.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(name, device, theirs))
    process.start()
    theirs.close()
    try:
        ours.recv()  # once it is loaded
        yield Bare(ours)
    finally:
        ours.close()
        process.join()


def _serve(name: str, device: str, pipe: Connection) -> None:
    logging.disable(logging.WARNING)
    work = LIBRARIES[name](device)
    gc.collect()
    pipe.send(None)
    while True:
        try:
            asked = pipe.recv()
        except EOFError:
            return
        wall, cpu = time.perf_counter(), time.process_time()
        audio = work(asked)
        pipe.send(Done(audio, time.perf_counter() - wall, time.process_time() - cpu))


# What they are asked...


def _kokoro(device: str) -> Work:
    """Return a speaker by KPipeline over KModel. Its English has our tags: it would fetch a model for its
    own, which the gateway does without.
    """
    from kokoro import KModel, KPipeline

    from engines.adapters.kokoro.english import English

    folder = checkpoints.kokoro()
    weights = str(folder / "kokoro-v1_0.pth")
    model = (
        KModel(repo_id=checkpoints.KOKORO_REPO, config=str(folder / "config.json"), model=weights)
        .to(device)
        .eval()
    )
    pipeline = KPipeline("e", repo_id=checkpoints.KOKORO_REPO, model=model)
    pipeline.lang_code, pipeline.g2p = "a", English(british=False)
    voice = str(folder / "voices" / f"{VOICE}.pt")
    return lambda text: sum(len(made.audio) for made in pipeline(text, voice=voice)) / 24_000


def _batch(device: str) -> Work:
    """The engine's own network over as many utterances at once as it is told, without anything around it."""
    import torch

    from engines.adapters.kokoro.engine import Kokoro
    from engines.adapters.kokoro.forward import Noise, Utterance, synthesise
    from engines.api import Place, SpeechJob

    engine: Any = Kokoro(path=str(checkpoints.kokoro()))
    engine.load(Place(device=device), Hearing())
    network, where = engine._network.network, torch.device(device)

    def work(count: str) -> float:
        given = []
        for number in range(int(count)):
            chunk, voice = next(engine._read(SpeechJob(texts.line(number), VOICE)))
            ids = [network.vocab[symbol] for symbol in chunk.phonemes if symbol in network.vocab]
            row = torch.from_numpy(voice[len(ids) - 1])
            given.append(Utterance(ids, row, 1.0, Noise(number, where), reproducible=False))
        return sum(len(one.audio) for one in synthesise(network, given, int(count), lambda _: None)) / 24_000

    return work


def _whisper(device: str) -> Work:
    """Return a transcriber by transformers' own `generate`."""
    import torch
    from transformers import WhisperForConditionalGeneration, WhisperProcessor
    from transformers.utils import logging as library_logging

    library_logging.disable_progress_bar()
    library_logging.set_verbosity(logging.ERROR)
    folder = checkpoints.whisper()
    dtype = torch.float16 if device == "cuda" else torch.float32
    model = WhisperForConditionalGeneration.from_pretrained(folder, dtype=dtype).to(device).eval()
    processor = WhisperProcessor.from_pretrained(folder)

    def work(path: str) -> float:
        with wave.open(path) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / np.float32(32768)
        features = processor(samples, sampling_rate=16_000, return_tensors="pt").input_features.to(
            device, dtype
        )
        made = model.generate(features, language="en", task="transcribe", return_timestamps=True)
        _checked(processor.batch_decode(made, skip_special_tokens=True)[0])
        return len(samples) / 16_000

    return work


def _faster_whisper(device: str) -> Work:
    """Return a transcriber by WhisperModel's own `transcribe`, with as many threads as the engine takes."""
    from faster_whisper import WhisperModel

    from engines.toolkit.threads import usable_cores

    compute = "int8" if device == "cpu" else "float16"
    folder = str(checkpoints.faster_whisper())
    model = WhisperModel(folder, device=device, compute_type=compute, cpu_threads=usable_cores())

    def work(path: str) -> float:
        segments, info = model.transcribe(path, language="en")
        _checked("".join(segment.text for segment in segments))
        return float(info.duration)

    return work


def _checked(text: str) -> None:
    """Raise AssertionError where the work was not what the other side does."""
    words = len(text.split())
    assert words == checkpoints.WORDS, f"{words} words were transcribed"  # noqa: S101


LIBRARIES: dict[str, Callable[[str], Work]] = {
    "kokoro": _kokoro,
    "kokoro, batched": _batch,
    "whisper": _whisper,
    "faster-whisper": _faster_whisper,
}
"""a function each that loads one, for a device"""
MAKERS = (checkpoints.kokoro, checkpoints.whisper, checkpoints.faster_whisper)


def prepare() -> None:
    """Make the checkpoints, in a process of its own: torch is not to stay in the caller's."""
    for make in MAKERS:
        process = mp.get_context("spawn").Process(target=partial(_made, make))
        process.start()
        process.join()
        if process.exitcode:
            raise RuntimeError(f"{make.__name__} could not be made")


def _made(make: Callable[[], object]) -> None:
    make()
