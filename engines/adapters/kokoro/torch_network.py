"""Kokoro's network computed by torch, from the files as they are published first: `forward` runs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import torch

from engines.adapters.kokoro.files import load_network, published_voices
from engines.adapters.kokoro.forward import Noise, Utterance, synthesise
from engines.adapters.kokoro.network import Check, Line, LineAudio, NetworkFacts
from engines.api import Place
from engines.toolkit import pcm
from engines.toolkit.devices import choose_device
from engines.toolkit.threads import set_torch_threads

DEVICES = ("cuda", "xpu", "cpu", "mps")
"""the best first; nobody has tried it on Intel's, nor whether it is quicker on Apple's"""
BATCH_SIZES = {"cpu": 1, "cuda": 8, "xpu": 4, "mps": 4}
"""jobs that go through at once, by device: a processor is as busy with one"""


class TorchNetwork:
    """The network by torch, with several lines at once."""

    def __init__(self, folder: Path, place: Place, batch: int) -> None:
        """Load the files of a folder. Raises EngineFailed."""
        if place.threads:
            set_torch_threads(place.threads)
        self._device = choose_device(place.device, DEVICES, place.group)
        self.network = load_network(folder, self._device)
        self.voices = published_voices(folder)
        self.facts = NetworkFacts(
            version=version("kokoro"),
            vocabulary=self.network.vocab,
            max_phonemes=int(self.network.context_length) - 2,
            device=self._device.type,
            batch=batch or BATCH_SIZES.get(self._device.type, 1),
        )

    def start_noise(self, seed: int) -> Noise:
        """Return the random numbers of a job."""
        return Noise(seed, self._device)

    def speak(self, lines: Sequence[Line], check: Check) -> Iterator[LineAudio]:
        """Yield the audio of lines, as Network has it."""
        utterances = list(map(_utterance, lines))
        for spoken in synthesise(self.network, utterances, self.facts.batch, check):
            yield LineAudio(spoken.index, pcm.from_tensor(spoken.audio), spoken.frames)


def _utterance(line: Line) -> Utterance:
    if not isinstance(line.noise, Noise):
        raise TypeError("the noise of a line is that of another network")
    return Utterance(line.ids, torch.from_numpy(line.voice), line.speed, line.noise, line.reproducible)
