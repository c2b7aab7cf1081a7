"""Have a network of MLX's computed layer by layer, with a sign before each: MLX computes nothing until it is
asked to, and then all of it, which nothing can break off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
from mlx import nn


class WatchedLayer(nn.Module):  # type: ignore[misc]  # a class without types
    """A layer that is computed at once when it is called, after a sign that may raise Stop."""

    def __init__(self, layer: nn.Module, beat: Callable[[], object]) -> None:
        super().__init__()
        self.layer = layer
        self._beat = beat

    def __call__(self, *args: object, **kwargs: object) -> Any:  # noqa: ANN401 - whatever the layer returns
        """Return what the layer returns, computed."""
        self._beat()
        result = self.layer(*args, **kwargs)
        mx.eval(result)
        return result


def watch(layers: list[nn.Module], beat: Callable[[], object]) -> list[nn.Module]:
    """Return layers that give signs."""
    return [WatchedLayer(layer, beat) for layer in layers]
