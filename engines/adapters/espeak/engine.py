"""eSpeak NG: small, quick, robotic, in 140 languages; speaks without any download.

Voices go by language code, with a variant behind a plus where one is wanted: `de`, `en-us+f3`. A job's
language, where it is not the voice's, replaces the voice's and keeps the variant: `en-us+f3` speaks German as
`de+f3`. Speed 1 is 175 words a minute, the library's own default; its range is 80 to 450. `pitch` is 0 to 99,
50 by default: about an octave either way. The same job gives the same speech, but not the same samples: the
library's waveform goes on from where its last one stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import espeakng_loader

from engines.adapters.espeak.voices import (
    CHARACTERS,
    DEFAULT,
    Voices,
    has_dictionary,
    variant_names,
    volume_of,
)
from engines.api import Audio, EmitSpeech, EngineInfo, SpeechCapabilities, SpeechEvent, SpeechJob, Word
from engines.errors import EngineFailed
from engines.toolkit.espeak_library import PITCH, RATE, UNSPEAKABLE, VOLUME, Library, WordEvent
from engines.toolkit.espeak_words import WordReader
from engines.toolkit.stopping import stoppable

WORDS_PER_MINUTE = 175
SLOWEST = 80
FASTEST = 450
DEFAULT_PITCH = 50
HIGHEST_PITCH = 99
LARGEST_CHUNK = 88_200
"""bytes: two seconds of audio, made in a millisecond or two"""


class Espeak:
    """The engine of eSpeak NG. One thread at a time."""

    def load(self) -> EngineInfo:
        """Initialise the library, and speak a word so that the first job does not pay for its dictionary."""
        self._library = Library()
        data = Path(espeakng_loader.get_data_path())
        able = [voice for voice in self._library.voices() if has_dictionary(data, voice)]
        self._voices = Voices(able, variant_names(data))
        for code in sorted({voice.partition("+")[0] for voice in CHARACTERS.values()}):
            self.speak(SpeechJob("warm", code), lambda _: True)
        voices = self._voices.listed()
        return EngineInfo(
            name="espeak",
            version=self._library.version,
            licence="GPL-3.0-or-later",
            models=("espeak",),
            voices=voices,
            characters=CHARACTERS,
            variants=self._voices.variants,
            speech=SpeechCapabilities(
                sample_rate=self._library.sample_rate,
                languages=tuple(sorted({language for voice in voices for language in voice.languages})),
                speed=(SLOWEST / WORDS_PER_MINUTE, FASTEST / WORDS_PER_MINUTE),
                language=True,
                pitch=True,
                words=True,
            ),
        )

    def speak(self, job: SpeechJob, emit: EmitSpeech) -> None:
        """Speak one segment. Raises UnknownVoice or EngineFailed."""
        self._prepare(job)
        reader = WordReader(job.text)
        with stoppable(emit) as send:
            buffer = GrowingBuffer(send)

            def sink(events: list[WordEvent], pcm: bytes) -> None:
                words = (reader.read(event.offset, event.length, event.time) for event in events)
                buffer.add([word for word in words if word], pcm)

            self._library.synthesise(job.text.translate(UNSPEAKABLE), sink, pause=job.pause)
            buffer.flush()

    def _prepare(self, job: SpeechJob) -> None:
        """Set voice, rate and pitch, all of which the library keeps from one call to the next."""
        identifier = self._voices.identify(job.voice or DEFAULT, job.language)
        if not self._library.set_voice(identifier):
            raise EngineFailed(f"eSpeak NG could not load the voice '{job.voice}'.")
        self._library.set_parameter(RATE, min(FASTEST, max(SLOWEST, round(WORDS_PER_MINUTE * job.speed))))
        self._library.set_parameter(VOLUME, volume_of(identifier))
        pitch = DEFAULT_PITCH if job.pitch is None else min(HIGHEST_PITCH, max(0, job.pitch))
        self._library.set_parameter(PITCH, round(pitch))


class GrowingBuffer:
    """A buffer that sends the first audio at once, and the rest in ever larger chunks.

    Sending costs more than making the audio. `send` may raise Stop.
    """

    def __init__(self, send: Callable[[SpeechEvent], None]) -> None:
        self._send = send
        self._words: list[Word] = []
        self._pcm = bytearray()
        self._chunk_size = 1

    def add(self, words: list[Word], pcm: bytes) -> None:
        """Add words and PCM, and send what is there once it is enough."""
        self._words += words
        self._pcm += pcm
        if len(self._pcm) >= self._chunk_size:
            self.flush()

    def flush(self) -> None:
        """Send what is there, the words before the audio."""
        words, self._words = self._words, []
        pcm, self._pcm = bytes(self._pcm), bytearray()
        self._chunk_size = min(LARGEST_CHUNK, 2 * max(len(pcm), self._chunk_size))
        for word in words:
            self._send(word)
        if pcm:
            self._send(Audio(pcm))
