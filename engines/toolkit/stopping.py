"""How a library that computes for long is stopped: by hooks that give signs, which raise Stop at the right
time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.nn import Module


class BeatHook:
    """A function that a library calls often while it works: it gives a sign for the job at hand.

    Between jobs it does nothing. It accepts whatever a library passes to its hooks, and returns None, so that
    it can be one of torch's forward hooks (`watch`). One job at a time.
    """

    def __init__(self) -> None:
        self._beat: Callable[[], object] | None = None

    def __call__(self, *_: object) -> None:
        """Give a sign. Raises Stop once nobody wants the job."""
        if self._beat is not None:
            self._beat()

    def watch(self, modules: Iterable[Module]) -> None:
        """Give a sign before each of some modules of a network."""
        for module in modules:
            module.register_forward_pre_hook(self)

    @contextmanager
    def during(self, beat: Callable[[], object]) -> Iterator[None]:
        """Call `beat`, which raises Stop, as the sign of the job that the block works on."""
        self._beat = beat
        try:
            yield
        finally:
            self._beat = None


def listed_layers(*modules: Module) -> list[Module]:
    """Return the modules in lists within modules: layers that run in turn, none of which takes long."""
    from torch.nn import ModuleList  # here, as not every engine that can be stopped has torch

    lists = [inner for module in modules for inner in module.modules() if isinstance(inner, ModuleList)]
    return [layer for layers in lists for layer in layers if layer is not None]
