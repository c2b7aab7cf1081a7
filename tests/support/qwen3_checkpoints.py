"""The tests' checkpoints of Qwen3-TTS, workers of them, and the audio that the library itself makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from made_checkpoints import made_checkpoint
from model_worker import ModelWorker, hum, model_worker, run_in_environment, wav_file
from numpy.typing import NDArray

from engines.api import Sample, SpeechJob

GROUP = "legacy457"
RATE = 24_000
"""Hertz, of recordings and speech"""
FRAME = 1920
"""samples"""
TEXT = "Hello there, my friend."
WORDS = "Some words that were said."
LAST_BITS = 2
"""by which samples may differ: what is computed together is rounded otherwise"""
MADE = (
    {"name": "base", "kind": "base"},
    {"name": "custom", "kind": "custom_voice"},
    {"name": "small", "kind": "custom_voice", "size": "0b6"},
    {"name": "design", "kind": "voice_design"},
    {"name": "endless", "kind": "custom_voice", "ends": False},
    {
        "name": "other",
        "kind": "base",
        "width": 48,
        "layers": 3,
        "heads": 3,
        "detail_width": 64,
        "detail_layers": 2,
        "groups": 6,
        "codes": 512,
        "codec_width": 64,
        "window": 5,
    },
    {"name": "own", "kind": "custom_voice", "codes": 2048, "speakers": {"zoe": 900}},
)
RECORDS = {
    "base": "qwen3-tts-1.7b",
    "other": "qwen3-tts-0.6b",
    "small": "qwen3-tts-custom-0.6b",
    "design": "qwen3-tts-design-1.7b",
}
"""the catalogue's models by checkpoint; the others are run as CustomVoice of 1.7B"""
CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
MOST_WORKERS = 4
"""that run at a time, of half a gigabyte each"""
KINDS = ("base", "custom_voice", "voice_design")
LAYOUT_TOLD = {"wide": True}
"""shapes of checkpoints that mlx-audio reads too"""


def recording(hertz: float, words: str = "", seconds: float = 2.0) -> Sample:
    """Return a sample of a voice."""
    return hum(hertz, RATE, seconds, words)


def library_audio(place: Path, calls: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    """Return what the library makes of calls (`library_qwen3_tts.Call`), by name; a call's `sample` is put into
    a file.
    """
    place.mkdir()
    orders = []
    for call in calls:
        order = dict(call)
        sample: Sample | None = order.pop("sample", None)
        if sample:
            file = place / f"{call['name']}.wav"
            file.write_bytes(wav_file(sample.pcm, RATE))
            order |= {"recording": str(file), "words": sample.transcript}
        orders.append(order)
    out = place / "found.npz"
    run_in_environment(GROUP, CHECKPOINTS / "library_qwen3_tts.py", str(out), json.dumps(orders))
    with np.load(out) as found:
        return {name: found[name] for name in found.files}


def as_pcm(sound: NDArray[Any]) -> NDArray[np.int16]:
    """Return float samples as PCM."""
    pcm: NDArray[np.int16] = np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2")
    return pcm


def made_checkpoints(*shapes: dict[str, Any]) -> Path:
    """Return a folder with checkpoints of these shapes (`tiny_qwen3_tts.Shapes`), each by its name."""
    return made_checkpoint(GROUP, "tiny_qwen3_tts.py", shapes)


def checkpoints() -> Path:
    """Return the folder of the checkpoints in MADE."""
    return made_checkpoints(*MADE)


def mlx_checkpoints() -> Path:
    """Return a folder with a checkpoint of each kind that mlx-audio reads too, by its name."""
    return made_checkpoints(*({"name": kind, "kind": kind, **LAYOUT_TOLD} for kind in KINDS))


class Workers:
    """Workers of the checkpoints, started when they are first asked for; few at a time, as each takes memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: dict[str, tuple[ModelWorker, ExitStack]] = {}

    def get(self, name: str) -> ModelWorker:
        """Return the worker of a checkpoint."""
        if name not in self._running:
            while len(self._running) >= MOST_WORKERS:
                self._running.pop(next(iter(self._running)))[1].close()
            stack = ExitStack()
            model = RECORDS.get(name, "qwen3-tts-custom-1.7b")
            self._running[name] = (stack.enter_context(model_worker(model, [self.folder / name])), stack)
        return self._running[name][0]

    def stop(self) -> None:
        """Stop all of them."""
        for _, stack in self._running.values():
            stack.close()


@contextmanager
def running_workers() -> Iterator[Workers]:
    """Run workers of the checkpoints for the block."""
    workers = Workers(checkpoints())
    try:
        yield workers
    finally:
        workers.stop()


def assert_alike(ours: NDArray[np.int16], theirs: NDArray[np.int16]) -> None:
    """Check that two recordings are the same but for their last bits; the library cuts its own behind a recording
    by a share of the whole, which may round to a sample before.
    """
    assert 0 <= len(theirs) - len(ours) <= 1
    theirs = theirs[len(theirs) - len(ours) :]
    assert np.abs(ours.astype(int)).max() > 500, "it is silent"
    assert int(np.abs(ours.astype(int) - theirs).max()) <= LAST_BITS


def job_of(worker: ModelWorker, fields: dict[str, Any], text: str = TEXT, seed: int = 5) -> SpeechJob:
    """Return a job with a prompt that is made of its sample."""
    fields = dict(fields)
    sample = fields.pop("prompt", None)
    prompt = worker.prompt(sample) if sample else None
    return SpeechJob(text, fields.pop("voice", ""), seed=seed, prompt=prompt, **fields)
