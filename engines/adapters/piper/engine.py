"""Piper: what home automation speaks with, forty languages in real time on a Raspberry Pi.

Its option `path` names a folder of voices as `rhasspy/piper-voices` has them, `NAME.onnx` with
`NAME.onnx.json`, at any depth; `voice` takes one of them, `speaker` is the one that no name asks for.
`noise`, `noise_w` and `length` are what the voice's JSON says unless they are given: variation of the sound
and of durations, and the factor of all durations. `phonemes` is `english` for the text code of the package
hibari, `espeak` for eSpeak NG, and `auto` for the former where the voice is English and the package is there.
Of its place it takes the threads of each voice, one where nothing is said, and the device: `cpu`, or what
else onnxruntime has here.

Words have exact times, as the network tells how long each phoneme lasts. A seed repeats a reading: the random
numbers of the graph are made inputs. Durations are rounded up to 12 ms each, so that a length of a half
halves nothing: speed is left to the tempo behind it, which is exact.

No code of Piper's is here. eSpeak NG is GPL-3.0-or-later, and loaded in this worker where a voice needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from engines.adapters.piper.config import VoiceFile
from engines.adapters.piper.letters_reader import LettersReader
from engines.adapters.piper.network import Network, Scales
from engines.adapters.piper.readers import Pronunciations, TokenReader
from engines.adapters.piper.request_options import LENGTH, NOISE, NOISE_W, OPTIONS
from engines.adapters.piper.symbols import Symbols
from engines.adapters.piper.synthesis import JobSpeech, Manner, measure_gain
from engines.adapters.piper.voices import Speaker, Voices, read_folder
from engines.api import EngineInfo, Output, Place, Settings, SpeechCapabilities, SpeechJob, SpeechOutput
from engines.errors import BadInput, EngineFailed
from engines.toolkit.phrases import Phrase

LEVEL_TEXT = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10."
"""read in every language that eSpeak knows"""
LEVEL_LETTERS = 40
"""letters of a voice that reads letters, for its level"""
PHONEMES = ("auto", "espeak", "english")


class Reader(Protocol):
    """What reads texts for a voice."""

    def phrases(self, text: str, pronunciations: Pronunciations = ()) -> Iterator[Phrase]:
        """Yield the phrases of a text; `pronunciations` are stretches of it with IPA."""
        ...


class Piper:
    """The engine of Piper. One thread at a time."""

    def __init__(
        self,
        path: str = "",
        model: str = "piper",
        voice: str = "",
        speaker: str | int = "",
        noise: float = -1.0,
        noise_w: float = -1.0,
        length: float = 0.0,
        phonemes: str = "auto",
    ) -> None:
        self._path = path
        self._model = model
        self._voice = voice
        self._speaker = str(speaker)
        self._asked = Scales(noise, length, noise_w)
        self._phonemes = phonemes
        self._networks: dict[str, Network] = {}
        self._readers: dict[str, Reader] = {}
        self._gains: dict[tuple[str, int], float] = {}

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load the default voice, and speak so that the first job is quick. Raises EngineFailed."""
        if self._phonemes not in PHONEMES:
            raise EngineFailed(f"There are no phonemes '{self._phonemes}': they are {', '.join(PHONEMES)}.")
        if not self._path:
            raise EngineFailed("Piper needs a folder with voices: the option `path`.")
        self._place = place
        self._voices = Voices(read_folder(Path(self._path), self._voice), self._speaker)
        default = self._voices.find("")
        self._rate = default.voice.config.audio.sample_rate
        self._gain(default)
        listed = self._voices.listed()
        return EngineInfo(
            name=self._model,
            version=version("onnxruntime"),
            licence="see the voice's MODEL_CARD",
            models=(self._model,),
            voices=listed,
            characters=self._voices.characters(),
            speech=SpeechCapabilities(
                sample_rate=self._rate,
                languages=tuple(dict.fromkeys(tag for voice in listed for tag in voice.languages)),
                ties=True,
                scripts=("Latin",) if self._voices.are_all(self._reads_english) else (),
                seed=True,
                words="durations" if self._network(default.voice).tells_durations else None,
                ipa=default.voice.config.phoneme_type == "espeak",
                settings=OPTIONS.settings,
            ),
            device=place.device if place.device != "auto" else "cpu",
        )

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Speak one segment. Raises UnknownVoice, BadInput or EngineFailed."""
        if job.prompt or job.design or job.mix:
            raise BadInput("Piper speaks with its own voices only.", param="voice")
        speaker = self._voices.find(job.voice)
        gain = self._gain(speaker)
        speech = JobSpeech(job, self._manner(speaker, job.settings), gain, self._rate, out)
        speech.speak(self._reader(speaker.voice).phrases(job.text, job.ipa))

    def _manner(self, speaker: Speaker, settings: Settings | None = None) -> Manner:
        config, asked = speaker.voice.config, self._asked
        settings = settings or {}
        own = config.inference
        scales = Scales(
            float(settings.get(NOISE, asked.noise if asked.noise >= 0 else own.noise_scale)),
            float(settings.get(LENGTH, asked.length if asked.length > 0 else own.length_scale)),
            float(settings.get(NOISE_W, asked.noise_w if asked.noise_w >= 0 else own.noise_w)),
        )
        network = self._network(speaker.voice)
        return Manner(network, Symbols(config), scales, speaker.number, config.audio.sample_rate)

    def _gain(self, speaker: Speaker) -> float:
        """Return the gain of a speaker, in decibels, measured when it is first wanted."""
        key = (speaker.voice.key, speaker.number)
        if key not in self._gains:
            text = LEVEL_TEXT
            if speaker.voice.config.phoneme_type == "text":
                letters = filter(str.isalpha, speaker.voice.config.phoneme_id_map)
                text = "".join(letters)[:LEVEL_LETTERS]
            phrases = self._reader(speaker.voice).phrases(text)
            self._gains[key] = measure_gain(self._manner(speaker), phrases)
        return self._gains[key]

    def _network(self, voice: VoiceFile) -> Network:
        if voice.key not in self._networks:
            self._networks[voice.key] = Network(voice, self._place)
        return self._networks[voice.key]

    def _reader(self, voice: VoiceFile) -> Reader:
        if voice.key not in self._readers:
            self._readers[voice.key] = self._make_reader(voice)
        return self._readers[voice.key]

    def _make_reader(self, voice: VoiceFile) -> Reader:
        symbols = Symbols(voice.config)
        if voice.config.phoneme_type == "text":
            return TokenReader(LettersReader(frozenset(voice.config.phoneme_id_map)), symbols)
        if self._reads_english(voice):
            from engines.adapters.piper.english_reader import EnglishReader  # needs a package of its own

            return EnglishReader(symbols, british=voice.is_british)
        from engines.adapters.piper.espeak_reader import EspeakReader, shared_library  # loads a library

        return TokenReader(EspeakReader(shared_library(), voice.espeak_voice), symbols)

    def _reads_english(self, voice: VoiceFile) -> bool:
        """Return whether the text code of English is to read for a voice."""
        here = self._phonemes == "auto" and find_spec("hibari") is not None
        return voice.is_english and (here or self._phonemes == "english")
