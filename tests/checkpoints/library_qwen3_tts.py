"""Qwen3-TTS's library as its own users call it: `python library_qwen3_tts.py OUT JSON`, in an environment that has
it. JSON is a list of `Call`; each call's samples go into OUT as a numpy array by its name, and the codes of its
recording, where it has one, as `NAME.codes`, its speaker as `NAME.speaker`.
"""

from __future__ import annotations

import sys
import wave
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from qwen_tts import Qwen3TTSModel


class Call(msgspec.Struct):
    """What the library is to do."""

    name: str
    folder: str
    text: str
    seed: int = 0
    arguments: dict[str, Any] = {}
    """of the library's method, besides"""
    recording: str = ""
    """a file, for a Base model"""
    words: str = ""
    """of it; none takes the speaker's vector alone"""


@cache
def model(folder: str) -> Qwen3TTSModel:
    """Return the model of a folder."""
    return Qwen3TTSModel.from_pretrained(folder, device_map="cpu", dtype=torch.float32)


def speak(call: Call, found: dict[str, NDArray[Any]]) -> None:
    """Have the library speak, and put what it gives among what was found."""
    library = model(call.folder)
    kind = library.model.tts_model_type
    arguments = dict(call.arguments)
    if kind == "base":
        with wave.open(call.recording) as file:
            pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            sound = (pcm.astype(np.float32) / 32768, file.getframerate())
        [item] = library.create_voice_clone_prompt(
            sound, ref_text=call.words or None, x_vector_only_mode=not call.words
        )
        arguments["voice_clone_prompt"] = [item]
        found[f"{call.name}.speaker"] = item.ref_spk_embedding.numpy()
        if item.ref_code is not None:
            found[f"{call.name}.codes"] = item.ref_code.numpy()
    methods = {
        "base": library.generate_voice_clone,
        "custom_voice": library.generate_custom_voice,
        "voice_design": library.generate_voice_design,
    }
    torch.manual_seed(call.seed)
    [audio], _ = methods[kind](call.text, **arguments)
    found[call.name] = audio


def main(out: Path, calls: list[Call]) -> None:
    """Do all calls."""
    torch.set_num_threads(1)
    found: dict[str, NDArray[Any]] = {}
    for call in calls:
        speak(call, found)
    np.savez(out, **found)  # type: ignore[arg-type] # names are those of arrays


if __name__ == "__main__":
    main(Path(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=list[Call]))
