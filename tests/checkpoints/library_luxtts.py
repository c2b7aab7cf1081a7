"""LuxTTS's library as its own users call it: `python library_luxtts.py FOLDER OUT CALLS`, in an environment that has
it. CALLS is a list in JSON: for each the recording, a WAV file, and its words, the text, the seed, and options of
speech.

Its own functions encode the recording and speak; but its loaders cannot be called, as they download a Whisper, and
on a processor the model itself: the words are given in the Whisper's place, and loading follows the library line by
line. OUT gets the samples of each as numpy arrays, by their place in the list.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from linacodec.vocoder.vocos import Vocos
from torch.nn.utils import parametrize
from zipvoice import modeling_utils
from zipvoice.models.zipvoice_distill import ZipVoiceDistill
from zipvoice.tokenizer.tokenizer import EmiliaTokenizer
from zipvoice.utils.feature import VocosFbank


class Call(msgspec.Struct):
    """What the library is to do."""

    recording: str
    words: str
    text: str
    seed: int
    rms: float = 0.01
    options: dict[str, int | float] = {}


def load(folder: Path) -> tuple[Any, Any, Any]:
    """Return network, vocoder and tokenizer, as `load_models_gpu` makes them."""
    tokenizer = EmiliaTokenizer(token_file=str(folder / "tokens.txt"))
    config = json.loads((folder / "config.json").read_text())
    network = ZipVoiceDistill(**config["model"], vocab_size=tokenizer.vocab_size, pad_id=tokenizer.pad_id)
    network.load_state_dict(torch.load(folder / "model.pt", weights_only=True)["model"], strict=True)
    vocoder = Vocos.from_hparams(f"{folder}/vocoder/config.yaml")
    parametrize.remove_parametrizations(vocoder.upsampler.upsample_layers[0], "weight")
    parametrize.remove_parametrizations(vocoder.upsampler.upsample_layers[1], "weight")
    vocoder.load_state_dict(torch.load(folder / "vocoder" / "vocos.bin", weights_only=True))
    vocoder.freq_range = 12000
    return network.eval(), vocoder.eval(), tokenizer


def speak(parts: tuple[Any, Any, Any], call: Call) -> Any:
    """Clone a recording, speak, and return the samples."""
    network, vocoder, tokenizer = parts
    tokens, lengths, features, rms = modeling_utils.process_audio(
        call.recording,
        lambda _samples: {"text": call.words},
        tokenizer,
        VocosFbank(),
        "cpu",
        target_rms=call.rms,
        duration=1000,
    )
    torch.manual_seed(call.seed)
    speech = modeling_utils.generate(
        tokens, lengths, features, rms, call.text, network, vocoder, tokenizer, **call.options
    )
    return speech.flatten().numpy()


def main(folder: Path, out: Path, calls: list[Call]) -> None:
    """Do all calls with one model."""
    parts = load(folder)
    spoken = {str(place): speak(parts, call) for place, call in enumerate(calls)}
    np.savez(out, **spoken)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), msgspec.json.decode(sys.argv[3], type=list[Call]))
