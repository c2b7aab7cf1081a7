"""The tests' checkpoints of Qwen3-TTS, and the audio that the library itself makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from model_worker import hum, run_in_environment, wav_file
from numpy.typing import NDArray

from engines.api import Sample

GROUP = "legacy457"
RATE = 24_000
"""Hertz, of recordings and speech"""
FRAME = 1920
"""samples"""
CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"


def make_checkpoints(folder: Path, *shapes: dict[str, Any]) -> Path:
    """Write checkpoints of these shapes (`tiny_qwen3_tts.Shapes`) into a folder, and return it."""
    run_in_environment(GROUP, CHECKPOINTS / "tiny_qwen3_tts.py", str(folder), json.dumps(shapes))
    return folder


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
