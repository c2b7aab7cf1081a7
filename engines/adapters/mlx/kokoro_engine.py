"""Kokoro by MLX: what the engine on torch and onnxruntime does, over the network of mlx-audio.

Voices, languages, texts, limits and errors are those of `engines.adapters.kokoro`; English is read by its
front end without torch and spaCy. Options: `path`, the folder; `model`, the name it goes by. Of its place it
takes the device ("auto", "mlx", "cpu").
"""

from __future__ import annotations

from pathlib import Path

from engines.adapters.kokoro.engine import Kokoro
from engines.adapters.kokoro.network import Network
from engines.adapters.mlx.kokoro_network import MlxNetwork
from engines.api import Place


class KokoroMlx(Kokoro):
    """The engine of Kokoro on MLX. One thread."""

    def __init__(self, path: str = "", model: str = "kokoro") -> None:
        super().__init__(path, model)

    def _open_network(self, folder: Path, place: Place) -> Network:
        """Return what computes the voices of a folder. Raises EngineFailed."""
        return MlxNetwork(folder, place)
