"""Tests that a library which computes for long is stopped by its hooks."""

from __future__ import annotations

import pytest

from engines.api import Stop
from engines.toolkit.stopping import BeatHook


def test_a_hook_belongs_to_a_job() -> None:
    """Signs are given during their job only, whatever the library passes, and may end it."""
    calls: list[str] = []

    def stop() -> None:
        raise Stop

    hook = BeatHook()
    hook("a hook's argument")
    with hook.during(lambda: calls.append("one")):
        hook()
        hook(1, 2)
    hook()
    with pytest.raises(Stop), hook.during(stop):
        hook()
    hook()

    assert calls == ["one", "one"]


@pytest.mark.engines
def test_the_layers_of_a_network() -> None:
    """Each module that is watched gives a sign before it runs, and one that raises ends the network's work."""
    torch = pytest.importorskip("torch")
    from engines.toolkit.stopping import listed_layers

    class Network(torch.nn.Module):  # type: ignore[misc, name-defined]  # a class without types
        def __init__(self) -> None:
            super().__init__()
            self.layers = torch.nn.ModuleList(torch.nn.Linear(2, 2) for _ in range(5))
            self.last = torch.nn.Linear(2, 2)

        def forward(self, numbers: object) -> object:
            for layer in self.layers:
                numbers = layer(numbers)
            return self.last(numbers)

    network = Network()
    hook = BeatHook()
    hook.watch(listed_layers(network))
    calls = 0

    def count() -> None:
        nonlocal calls
        calls += 1
        if calls == 8:
            raise Stop

    with hook.during(count):
        network(torch.zeros(2))
        assert calls == 5
        with pytest.raises(Stop):
            network(torch.zeros(2))
    assert calls == 8
