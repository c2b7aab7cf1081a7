"""Kokoro's network computed by MLX, from the files of mlx-community's conversions: `config.json`, the weights
in safetensors, and `voices/*.safetensors`.

The library (mlx-audio 0.6.2) speaks a line of phonemes at once. It is given the phonemes of each line, whose
layers give a sign before each of the large ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np

from engines.adapters.kokoro.network import Check, Line, LineAudio, NetworkFacts
from engines.adapters.kokoro.voice_bank import Floats, VoiceBank, check_shape
from engines.adapters.mlx.library import choose_device, load_model
from engines.adapters.mlx.watched import watch
from engines.api import Place, Stop
from engines.errors import EngineFailed
from engines.toolkit import pcm
from engines.toolkit.error_text import telling_line
from engines.toolkit.stopping import BeatHook

TITLE = "The Kokoro"
NEEDED = ("config.json", "*.safetensors")
VOICES = "voices"
SEEDS = 2**64


class Noise:
    """The random numbers of a job: a seed for each of its lines."""

    def __init__(self, seed: int) -> None:
        self._next = seed

    def next_seed(self) -> int:
        """Return the seed of the next line, the job's own for the first."""
        seed = self._next
        self._next = (seed + 1) % SEEDS
        return seed


class MlxNetwork:
    """The network by MLX, one line at a time."""

    def __init__(self, folder: Path, place: Place) -> None:
        """Load the files of a folder. Raises EngineFailed."""
        for pattern in NEEDED:
            if not any(folder.glob(pattern)):
                raise EngineFailed(f"Kokoro's files are not there: {folder / pattern} is missing.")
        device = choose_device(place.device)
        self._network = load_model("tts", TITLE, folder, "kokoro")
        self._hook = BeatHook()
        generator = self._network.decoder.generator
        generator.noise_res = watch(generator.noise_res, self._hook)
        generator.resblocks = watch(generator.resblocks, self._hook)
        vocabulary: dict[str, int] = dict(self._network.vocab)
        self._phonemes = {number: symbol for symbol, number in vocabulary.items()}
        self.voices = published_voices(folder)
        self.facts = NetworkFacts(
            version=version("mlx-audio"),
            vocabulary=vocabulary,
            max_phonemes=int(self._network.context_length) - 2,
            device=device,
            light=True,
        )

    def start_noise(self, seed: int) -> Noise:
        """Return the random numbers of a job."""
        return Noise(seed)

    def speak(self, lines: Sequence[Line], check: Check) -> Iterator[LineAudio]:
        """Yield the audio of lines, as Network has it."""
        for index, line in enumerate(lines):
            with suppress(Stop):
                check([index])
                with self._hook.during(partial(check, [index])):
                    sound, frames = self._run(line)
                yield LineAudio(index, pcm.from_floats(sound), frames)

    def _run(self, line: Line) -> tuple[Floats, list[int]]:
        """Return the sound of a line and the frames of its phonemes. Raises Stop or EngineFailed."""
        if not isinstance(line.noise, Noise):
            raise TypeError("the noise of a line is that of another network")
        phonemes = "".join(self._phonemes[number] for number in line.ids)
        mx.random.seed(line.noise.next_seed())
        try:
            spoken = self._network(phonemes, mx.array(line.voice), line.speed, return_output=True)
            sound = np.array(spoken.audio.astype(mx.float32)).ravel()
            frames: list[int] = spoken.pred_dur.tolist()
        except Stop:
            raise
        except Exception as exc:  # the library raises whatever its parts do
            raise EngineFailed(f"Kokoro's network failed: {telling_line(exc)}") from exc
        finally:
            mx.clear_cache()
        return sound, frames


def published_voices(folder: Path) -> VoiceBank:
    """Return the voices of a folder. Raises EngineFailed where there are none."""
    files = sorted((folder / VOICES).glob("*.safetensors"))
    return VoiceBank(
        {file.stem: partial(_read_voice, file) for file in files}, f"{folder / VOICES}/*.safetensors"
    )


def _read_voice(file: Path) -> Floats:
    try:
        tensors: dict[str, Any] = mx.load(str(file))
        [voice] = tensors.values()
        numbers = np.array(voice.astype(mx.float32))
    except Exception as exc:  # a broken file fails in many ways
        reason = f"{type(exc).__name__}: {telling_line(exc)}"
        raise EngineFailed(f"Kokoro's voice {file} cannot be read: {reason}") from exc
    return check_shape(numbers, file)
