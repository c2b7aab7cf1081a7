"""Every engine of the catalogue with something small to run: a checkpoint of random weights, or what it brings
along; for tests of what all of them have in common.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from model_worker import ModelWorker, model_worker, running_worker

from engines.catalogue.engines import find_engine


class SmallEngine(NamedTuple):
    """What is run of an engine."""

    model: str = ""
    """of the catalogue; empty where the engine needs none"""
    folders: Callable[[Path], Sequence[Path]] = lambda _: ()
    """makes its files, in a new folder or elsewhere"""
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed
    """of its worker"""
    shrunk: bool = False
    """whether its library's constants have to be made small in its worker"""


def _kokoro(_: Path) -> Sequence[Path]:
    import tiny_kokoro

    return [tiny_kokoro.folder(real=True)]


def _kokoro_graph(_: Path) -> Sequence[Path]:
    import kokoro_graph

    return [kokoro_graph.folders()[1]]


def _kokoro_mlx(place: Path) -> Sequence[Path]:
    import mlx_files

    return [mlx_files.kokoro(place)]


def _voxcpm(_: Path) -> Sequence[Path]:
    import tiny_voxcpm

    return [tiny_voxcpm.folder()]


def _pocket(_: Path) -> Sequence[Path]:
    import tiny_pocket

    return [tiny_pocket.folder()]


def _chatterbox(kind: str) -> Callable[[Path], Sequence[Path]]:
    def make(_: Path) -> Sequence[Path]:
        import tiny_chatterbox

        return [tiny_chatterbox.folder(kind)]

    return make


def _tada(_: Path) -> Sequence[Path]:
    from made_checkpoints import made_checkpoint

    folder = made_checkpoint("legacy457", "tiny_tada.py", {})
    return [folder / part for part in ("model", "codec", "tokenizer", "wav2vec")]


def _luxtts(_: Path) -> Sequence[Path]:
    from engine_environments import need_packages
    from made_checkpoints import made_checkpoint

    need_packages("luxtts")
    return [made_checkpoint("legacy457", "tiny_luxtts.py", {})]


def _qwen3(name: str) -> Callable[[Path], Sequence[Path]]:
    def make(_: Path) -> Sequence[Path]:
        import qwen3_checkpoints

        return [qwen3_checkpoints.checkpoints() / name]

    return make


def _qwen3_mlx(kind: str) -> Callable[[Path], Sequence[Path]]:
    def make(_: Path) -> Sequence[Path]:
        import qwen3_checkpoints

        return [qwen3_checkpoints.mlx_checkpoints() / kind]

    return make


def _omnivoice(_: Path) -> Sequence[Path]:
    import tiny_omnivoice

    return [tiny_omnivoice.folder()]


def _whisper(place: Path) -> Sequence[Path]:
    import tiny_whisper

    tiny_whisper.make_whisper(place)
    return [place]


def _whisper_mlx(place: Path) -> Sequence[Path]:
    import mlx_files

    return [mlx_files.whisper(place)]


def _faster_whisper(place: Path) -> Sequence[Path]:
    import tiny_whisper

    tiny_whisper.make_whisper(place / "whisper")
    tiny_whisper.convert_to_ctranslate2(place / "whisper", place / "faster")
    return [place / "faster"]


def _piper(_: Path) -> Sequence[Path]:
    import piper_in_process

    return [piper_in_process.folder()]


def _transformers(make: str) -> Callable[[Path], Sequence[Path]]:
    def made(place: Path) -> Sequence[Path]:
        import tiny_transformers

        return [getattr(tiny_transformers, make)(place / make)]

    return made


def _vibevoice(place: Path) -> Sequence[Path]:
    import tiny_vibevoice

    return [tiny_vibevoice.make_vibevoice(place / "vibevoice", frames=15)]


SMALL_ENGINES = {
    "hibari": SmallEngine(),
    "espeak": SmallEngine(),
    "pocketsphinx": SmallEngine(),
    "piper": SmallEngine("piper-en_US-joe-medium", _piper),
    "kokoro": SmallEngine("kokoro", _kokoro),
    "kokoro-onnx": SmallEngine("kokoro-onnx", _kokoro_graph),
    "kokoro-mlx": SmallEngine("kokoro-mlx", _kokoro_mlx),
    "pocket-tts": SmallEngine("pocket-tts-english", _pocket),
    "pocket-tts-mlx": SmallEngine("pocket-tts-english-mlx", _pocket),
    "voxcpm": SmallEngine("voxcpm2", _voxcpm),
    "chatterbox": SmallEngine("chatterbox", _chatterbox("chatterbox"), shrunk=True),
    "chatterbox-turbo": SmallEngine("chatterbox-turbo", _chatterbox("chatterbox-turbo"), shrunk=True),
    "tada": SmallEngine("tada-1b", _tada, {"steps": 4}),
    "luxtts": SmallEngine("luxtts", _luxtts),
    "omnivoice": SmallEngine("omnivoice", _omnivoice, {"steps": 6}),
    "qwen3-tts": SmallEngine("qwen3-tts-1.7b", _qwen3("base")),
    "qwen3-tts-custom": SmallEngine("qwen3-tts-custom-1.7b", _qwen3("custom")),
    "qwen3-tts-design": SmallEngine("qwen3-tts-design-1.7b", _qwen3("design")),
    "qwen3-tts-mlx": SmallEngine("qwen3-tts-1.7b-mlx", _qwen3_mlx("base")),
    "qwen3-tts-custom-mlx": SmallEngine("qwen3-tts-custom-1.7b-mlx", _qwen3_mlx("custom_voice")),
    "qwen3-tts-design-mlx": SmallEngine("qwen3-tts-design-1.7b-mlx", _qwen3_mlx("voice_design")),
    "whisper": SmallEngine("whisper-tiny", _whisper, {"vad": False}),
    "faster-whisper": SmallEngine("faster-whisper-tiny", _faster_whisper, {"vad": False}),
    "whisper-mlx": SmallEngine("whisper-tiny-mlx", _whisper_mlx, {"vad": False}),
    "transformers: mms-tts-eng": SmallEngine("mms-tts-eng", _transformers("vits")),
    "transformers: bark-small": SmallEngine("bark-small", _transformers("bark")),
    "transformers: csm-1b": SmallEngine("csm-1b", _transformers("csm")),
    "transformers: dia-1.6b": SmallEngine("dia-1.6b", _transformers("dia")),
    "transformers: vibevoice-1.5b": SmallEngine("vibevoice-1.5b", _vibevoice),
    "transformers-asr: wav2vec2-base-960h": SmallEngine(
        "wav2vec2-base-960h", _transformers("ctc"), {"vad": False}
    ),
    "transformers-asr: parakeet-ctc-1.1b": SmallEngine(
        "parakeet-ctc-1.1b", _transformers("parakeet"), {"vad": False}
    ),
    "transformers-asr: moonshine-tiny": SmallEngine(
        "moonshine-tiny", _transformers("moonshine"), {"vad": False}
    ),
}
"""by the rows of the table in docs/engines.md"""


@contextmanager
def small_worker(row: str, place: Path) -> Iterator[ModelWorker]:
    """Run a worker of an engine for the block; what it needs is made in a new folder. Skips the test where the
    engine is not installed.
    """
    small = SMALL_ENGINES[row]
    if not small.model:
        with running_worker(find_engine(row), {}) as worker:
            yield worker
        return
    folders = small.folders(place)
    with pytest.MonkeyPatch.context() as patch:
        if small.shrunk:
            import shrunk_chatterbox

            known = (str(shrunk_chatterbox.WORKER_PATH), os.environ.get("PYTHONPATH"))
            patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, known)))
        with model_worker(small.model, folders, **small.options) as worker:
            yield worker
