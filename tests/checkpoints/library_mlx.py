"""What mlx-audio itself streams of a text: `python library_mlx.py FOLDER OUT SEED JSON`, in an environment that has
it. JSON are the arguments of its `generate`; OUT becomes an array of float samples.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import mlx.core as mx
import numpy as np
from mlx_audio.tts.utils import load_model

MOST_FRAMES = 200


def main(folder: Path, out: Path, seed: int, call: dict[str, str]) -> None:
    """Write the sound."""
    model = load_model(folder)
    mx.random.seed(seed)
    parts = model.generate(**call, stream=True, streaming_interval=0.08, max_tokens=MOST_FRAMES)
    np.save(out, np.concatenate([np.array(part.audio.astype(mx.float32)) for part in parts]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4]))
