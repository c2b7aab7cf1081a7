"""An engine for tests that takes memory of a card which is a file (`fake_nvml`), and so needs none.

It insists on what adapters are promised: one card is in sight, and the device has no number. What torch would say of
its memory, a stand-in says.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

from engines.api import EngineInfo, Output, Place, SpeechCapabilities, SpeechJob, SpeechOutput, Voice
from engines.errors import EngineFailed
from engines.fakes.sine import RATE, faded_sine

TORCH_SAYS = "CUDA out of memory. Tried to allocate {} GiB. GPU 0 has a total capacity of 4.00 GiB of which 1.00 GiB is free."
GROWTH = 1024**3
"""bytes"""


def stand_in_for_torch(held: int) -> SimpleNamespace:
    """Return what a worker asks of torch: the bytes that it holds of its card, and held at most, are in `cuda`."""
    cuda = SimpleNamespace(held=held, peak=held)
    cuda.is_available = cuda.is_initialized = lambda: True
    cuda.empty_cache = lambda: None
    cuda.memory_reserved = lambda: cuda.held
    cuda.max_memory_reserved = cuda.max_memory_allocated = lambda: cuda.peak
    mps = SimpleNamespace(is_available=lambda: False)
    return SimpleNamespace(cuda=cuda, backends=SimpleNamespace(mps=mps))


def info(model: str, device: str) -> EngineInfo:
    """Return what a model that speaks on a device says of itself."""
    return EngineInfo(
        model,
        "1",
        "MIT",
        (model,),
        (Voice("low", "Low", ("en",)),),
        speech=SpeechCapabilities(RATE, ("en",), seed=True),
        device=device,
    )


class OnProcessor:
    """An engine that needs no card."""

    def __init__(self, path: str, model: str) -> None:
        self._model = model

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Return what it can do."""
        return info(self._model, "cpu")

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Hum."""
        out.audio(faded_sine(300, RATE // 2).tobytes())


class OnCard:
    """An engine that holds `hold` bytes of its card. A text that says "grow" takes more for a moment; for one that says
    "overflow" there is too little, and for one with a "small overflow" a little.
    """

    def __init__(self, path: str, model: str, hold: int = 0) -> None:
        self._model = model
        self._hold = hold

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Take the memory. Raises EngineFailed where more than one card is in sight, or the wrong device asked for."""
        folder = Path(os.environ["CUDA_FAKE_CARDS"])
        card = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        if card not in json.loads((folder / "cards.json").read_text()) or place.device not in (
            "auto",
            "cuda",
        ):
            raise EngineFailed(f"It sees the cards '{card}', and is to compute on {place.device}.")
        held = {"card": card, "bytes": self._hold, "model": self._model}
        part = folder / f"{os.getpid()}.part"
        part.write_text(json.dumps(held))
        part.replace(folder / f"{os.getpid()}.json")
        self._torch = stand_in_for_torch(self._hold)
        sys.modules["torch"] = self._torch  # type: ignore[assignment]
        return info(self._model, "cuda")

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Hum, or run out of memory. Raises RuntimeError as torch does."""
        if "overflow" in job.text:
            raise RuntimeError(TORCH_SAYS.format("1.00" if "small" in job.text else "2.50"))
        if "grow" in job.text:
            self._torch.cuda.peak = self._hold + GROWTH
        out.audio(faded_sine(300, RATE // 2).tobytes())
