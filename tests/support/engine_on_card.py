"""An engine for tests that takes memory of a card which is a file (`fake_nvml`), and so needs none.

It insists on what adapters are promised: one card is in sight, and the device has no number.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from engines.api import EngineInfo, Output, Place, SpeechCapabilities, SpeechJob, SpeechOutput, Voice
from engines.errors import EngineFailed
from engines.fakes.sine import RATE, faded_sine

TORCH_SAYS = "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 4.00 GiB of which 1.00 GiB is free."


class OnCard:
    """An engine that holds `hold` bytes of its card, and that many more for a text that says "overflow"."""

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
        return EngineInfo(
            self._model,
            "1",
            "MIT",
            (self._model,),
            (Voice("low", "Low", ("en",)),),
            speech=SpeechCapabilities(RATE, ("en",)),
            device="cuda",
        )

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Hum, or run out of memory. Raises RuntimeError as torch does."""
        if "overflow" in job.text:
            raise RuntimeError(TORCH_SAYS)
        out.audio(faded_sine(300, RATE // 2).tobytes())
