"""TADA's library as its own users call it: `python library_tada.py WAV TEXT OUT CALL`, in an environment that has it.

The checkpoint is in the hub's cache, under the names that the library has in its code. CALL is JSON: the words of
the recording, its language (which the library takes when it loads), the seed, and options of the flow. OUT gets
the samples as a numpy array.
"""

from __future__ import annotations

import sys
import wave
from pathlib import Path

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


def main(recording: str, text: str, out: Path, call: Call) -> None:
    """Clone a recording, and speak."""
    with wave.open(recording) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        rate = file.getframerate()
    audio = torch.from_numpy(pcm.astype(np.float32) / 32768)[None]
    encoder = Encoder.from_pretrained("HumeAI/tada-codec", subfolder="encoder", language=call.language).to(
        "cpu"
    )
    model = TadaForCausalLM.from_pretrained("HumeAI/tada-1b").to("cpu")
    with torch.no_grad():
        torch.manual_seed(call.prompt_seed)
        prompt = encoder(audio, text=[call.words], sample_rate=rate)
    torch.manual_seed(call.seed)
    options = InferenceOptions(**call.options)  # type: ignore[arg-type] # its names are JSON's
    (speech,) = model.generate(prompt=prompt, text=text, inference_options=options).audio
    np.save(out, speech.flatten().numpy())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), msgspec.json.decode(sys.argv[4], type=Call))
