"""What mlx-audio's Kokoro says of a text: `python library_mlx_kokoro.py FOLDER VOICE TEXT SEED OUT`, in an environment
that has it. The phonemes are our front end's, as the library would read English by spaCy. OUT becomes an array of
float samples.
"""

from __future__ import annotations

import sys
from pathlib import Path

import mlx.core as mx
import numpy as np
from mlx_audio.tts.models.kokoro.voice import load_voice_tensor
from mlx_audio.tts.utils import load_model

from engines.adapters.kokoro.text import make_front_end


def main(folder: Path, voice: str, text: str, seed: int, out: Path) -> None:
    """Write the sound."""
    model = load_model(folder, model_type="kokoro")
    [chunk] = make_front_end(voice[0], light=True).chunks(text, [], model.context_length - 2)
    rows = load_voice_tensor(str(folder / "voices" / f"{voice}.safetensors"))
    mx.random.seed(seed)
    audio = model(chunk.phonemes, rows[len(chunk.phonemes) - 1], 1.0)
    np.save(out, np.array(audio).ravel())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), Path(sys.argv[5]))
