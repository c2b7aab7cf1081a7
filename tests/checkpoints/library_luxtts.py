"""LuxTTS's library as its own users call it: `python library_luxtts.py FOLDER WAV TEXT OUT CALL`, in an environment
that has it. CALL is JSON: the words of the recording, the seed, and options of speech.

Its own functions encode the recording and speak; but its loaders cannot be called, as they download a Whisper, and
on a processor the model itself: the words are given in the Whisper's place, and loading follows the library line by
line. OUT gets the samples as a numpy array.
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

    words: str
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


def main(folder: Path, recording: str, text: str, out: Path, call: Call) -> None:
    """Clone a recording, and speak."""
    network, vocoder, tokenizer = load(folder)
    tokens, lengths, features, rms = modeling_utils.process_audio(
        recording,
        lambda _samples: {"text": call.words},
        tokenizer,
        VocosFbank(),
        "cpu",
        target_rms=call.rms,
        duration=1000,
    )
    torch.manual_seed(call.seed)
    speech = modeling_utils.generate(
        tokens, lengths, features, rms, text, network, vocoder, tokenizer, **call.options
    )
    np.save(out, speech.flatten().numpy())


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:4], Path(sys.argv[4]), msgspec.json.decode(sys.argv[5], type=Call))
