"""TADA's library as its own users call it: `python library_tada.py WAV TEXT OUT CALLS`, in an environment that has it.

The checkpoint is in the hub's cache, under the names that the library has in its code. CALLS is a list in JSON: for
each the words of the recording, its language (which the library takes when it loads), the seed, and options of the
flow. OUT gets the samples of each as numpy arrays, by their place in the list.
"""

from __future__ import annotations

import sys
import wave
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from tada.modules.encoder import Encoder
from tada.modules.tada import InferenceOptions, TadaForCausalLM


class Call(msgspec.Struct):
    """What the library is to do."""

    words: str
    seed: int
    language: str | None = None
    options: dict[str, int | float] = {}
    prompt_seed: int = 0


def speak(model: Any, audio: torch.Tensor, rate: int, text: str, call: Call) -> Any:
    """Clone a recording, speak, and return the samples."""
    encoder = Encoder.from_pretrained("HumeAI/tada-codec", subfolder="encoder", language=call.language).to(
        "cpu"
    )
    with torch.no_grad():
        torch.manual_seed(call.prompt_seed)
        prompt = encoder(audio, text=[call.words], sample_rate=rate)
    torch.manual_seed(call.seed)
    options: dict[str, Any] = dict(call.options)
    (speech,) = model.generate(prompt=prompt, text=text, inference_options=InferenceOptions(**options)).audio
    return speech.flatten().numpy()


def main(recording: str, text: str, out: Path, calls: list[Call]) -> None:
    """Do all calls with one model."""
    with wave.open(recording) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        rate = file.getframerate()
    audio = torch.from_numpy(pcm.astype(np.float32) / 32768)[None]
    model = TadaForCausalLM.from_pretrained("HumeAI/tada-1b").to("cpu")
    spoken = {str(place): speak(model, audio, rate, text, call) for place, call in enumerate(calls)}
    np.savez(out, **spoken)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), msgspec.json.decode(sys.argv[4], type=list[Call]))
