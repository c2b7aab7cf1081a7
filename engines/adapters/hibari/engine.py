"""Hibari: natural English in fourteen megabytes, a hundred times as fast as speech on one core, no downloads.

Its option `path` names a folder with further voices of Hibari's, which may be absent (`voices`); `model` is
the name that it goes by. `voicebox models pull hibari-voices` brings them, as a model of its own beside the
embedded engine.

It speaks phrase by phrase, at most 240 phonemes at once. Times of words are exact, as the network tells how
long each phoneme lasts. A seed makes the noise in the sound repeatable, to the bit where numpy, scipy and
onnxruntime are the same; no reading differs from another by it. Its own speed goes in steps of 25 ms a
phoneme, so that 1.25 becomes 1.14 and 2 becomes 1.81: therefore it offers none, and the tempo is changed
behind it, exactly.

The package, its voices, and the dictionaries of misaki's in it are Apache-2.0; the rules for words that it
has of spaCy's are MIT. Its LICENSE and NOTICE lie beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import msgspec
from hibari.voices import ASSETS

from engines.adapters.hibari.network import RATE, Network
from engines.adapters.hibari.synthesis import JobSpeech
from engines.adapters.hibari.voices import PRESETS, Preset, VoiceFiles, is_british
from engines.api import EngineInfo, Output, Place, SpeechCapabilities, SpeechJob, SpeechOutput
from engines.errors import BadInput
from engines.toolkit.english.front_end import FrontEnd
from engines.toolkit.english.pronunciation import hibari_phonemes
from engines.toolkit.outputs import Discarding
from engines.toolkit.phrases import Phrase

WARM_UP = "Xqzvlor, warm up."
"""has a word that is in no dictionary, so that the network which spells such words is loaded too"""
WARM_UP_VOICE = "alloy"
"""one whose character is not plain"""


class Hibari:
    """The engine of Hibari. One thread at a time."""

    def __init__(self, path: str = "", model: str = "hibari") -> None:
        self._model = model
        self._voices = VoiceFiles(Path(path) if path else None)
        self._networks: dict[str, Network] = {}
        self._front_ends: dict[bool, FrontEnd] = {}

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load the voice in the package, and speak so that the first job is quick. Raises EngineFailed."""
        vocabulary = Path(ASSETS, "vocab.json").read_bytes()
        self._vocabulary = msgspec.json.decode(vocabulary, type=dict[str, int])
        self.speak(SpeechJob(WARM_UP, WARM_UP_VOICE), Discarding(out))
        voices = self._voices.listed()
        return EngineInfo(
            name=self._model,
            version=version("hibari-tts"),
            licence="Apache-2.0",
            models=(self._model,),
            voices=voices,
            characters={name: name for name in PRESETS},
            speech=SpeechCapabilities(
                sample_rate=RATE,
                languages=tuple(dict.fromkeys(tag for voice in voices for tag in voice.languages)),
                scripts=("Latin",),
                seed=True,
                words="durations",
                ipa=True,
            ),
        )

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Speak one segment. Raises UnknownVoice, BadInput or EngineFailed."""
        if job.prompt or job.design or job.mix:
            raise BadInput("Hibari speaks with its own voices only.", param="voice")
        preset = self._voices.find(job.voice)
        network = self._network(preset.source)
        JobSpeech(job, network, self._vocabulary, out).speak(self._read(job, preset), preset.character)

    def _read(self, job: SpeechJob, preset: Preset) -> Iterator[Phrase]:
        british = is_british(preset.source)
        if british not in self._front_ends:
            self._front_ends[british] = FrontEnd(british=british)
        given = [
            (start, end, hibari_phonemes(ipa, self._vocabulary, british=british))
            for start, end, ipa in job.ipa
        ]
        return self._front_ends[british].phrases(job.text, given)

    def _network(self, source: str) -> Network:
        if source not in self._networks:
            self._networks[source] = Network(self._voices.file(source))
        return self._networks[source]
