"""What mlx-audio itself transcribes: `python library_mlx_whisper.py FOLDER RECORDING OUT`, in an environment that has
it. RECORDING are floats at 16 kHz as numpy saves them; OUT becomes the library's segments as JSON.

The library takes it from the size of a vocabulary whether a model knows many languages, and the positions of the
encoder from its own reckoning: the tiny checkpoint has a small one, and others.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import mlx.core as mx
import numpy as np
from mlx_audio.stt.models.whisper.whisper import Model, ModelDimensions
from mlx_audio.utils import load_weights


class Multilingual(Model):  # type: ignore[misc]  # a class without types
    """The library's model, of many languages."""

    is_multilingual = True
    num_languages = 99


def main(folder: Path, recording: Path, out: Path) -> None:
    """Write the segments."""
    config = json.loads((folder / "config.json").read_text())
    model = Multilingual(ModelDimensions.from_dict(config), mx.float32)
    weights = load_weights(folder)
    model.load_weights(list(model.sanitize(dict(weights)).items()))
    model.encoder._positional_embedding = weights["model.encoder.embed_positions.weight"]
    model.eval()
    model = Model.post_load_hook(model, folder)
    settings = json.loads((folder / "generation_config.json").read_text())
    result = model.generate(
        np.load(recording),
        language="en",
        word_timestamps=True,
        suppress_tokens=settings["suppress_tokens"],
        fp16=False,
    )
    kept = ("start", "end", "text", "tokens", "avg_logprob", "no_speech_prob", "temperature", "words")
    segments = [{key: segment[key] for key in kept} for segment in result.segments]
    out.write_text(json.dumps(segments))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
