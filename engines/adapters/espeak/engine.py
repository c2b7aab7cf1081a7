"""eSpeak NG: small, quick, robotic, in 140 languages; speaks without any download.

Voices go by language code, with a variant behind a plus where one is wanted: `de`, `en-us+f3`. A job's
language, where it is not the voice's, replaces the voice's and keeps the variant: `en-us+f3` speaks German as
`de+f3`. Speed 1 is 175 words a minute, the library's own default; its range is 80 to 450. `pitch` is 0 to 99,
50 by default: about an octave either way. The same job gives the same speech, but not the same samples: the
library's waveform goes on from where its last one stopped.
"""

from __future__ import annotations

from pathlib import Path

import espeakng_loader

from engines.adapters.espeak.emoji_languages import EMOJI_LANGUAGES
from engines.adapters.espeak.scripts import SCRIPT_LANGUAGES
from engines.adapters.espeak.voices import (
    CHARACTERS,
    DEFAULT,
    Voices,
    has_dictionary,
    variant_names,
    volume_of,
)
from engines.api import (
    BYTES_PER_SAMPLE,
    EngineInfo,
    Output,
    Place,
    SpeechCapabilities,
    SpeechJob,
    SpeechOutput,
    Word,
)
from engines.api.offsets import Rewriting
from engines.errors import EngineFailed
from engines.toolkit.espeak_library import PITCH, RATE, UNSPEAKABLE, VOLUME, Library, WordEvent
from engines.toolkit.espeak_text import pieces, prepare
from engines.toolkit.espeak_words import WordFiller, WordReader
from engines.toolkit.outputs import Discarding

WORDS_PER_MINUTE = 175
SLOWEST = 80
FASTEST = 450
DEFAULT_PITCH = 50
HIGHEST_PITCH = 99
FIRST_CHUNK = 0.06
"""seconds of audio"""
LARGEST_CHUNK = 88_200
"""bytes: two seconds of audio, made in a millisecond or two"""


class Espeak:
    """The engine of eSpeak NG. One thread at a time."""

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Initialise the library, and speak a word so that the first job does not pay for its dictionary."""
        self._library = Library()
        data = Path(espeakng_loader.get_data_path())
        able = [voice for voice in self._library.voices() if has_dictionary(data, voice)]
        self._voices = Voices(able, variant_names(data))
        for code in sorted({voice.partition("+")[0] for voice in CHARACTERS.values()}):
            self.speak(SpeechJob("warm", code), Discarding(out))
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
                script_languages=SCRIPT_LANGUAGES,
                language="taken",
                pitch=True,
                words="events",
                emoji=EMOJI_LANGUAGES,
                ties=True,
            ),
        )

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Speak one segment. Raises UnknownVoice or EngineFailed."""
        self._prepare(job)
        text = prepare(job.text, self._read_aloud)
        buffer = GrowingBuffer(out, self._library.sample_rate)
        words = Words(text)
        for start, end in pieces(text.text, self._read_aloud):
            began = buffer.seconds

            def sink(events: list[WordEvent], pcm: bytes, start: int = start, began: float = began) -> None:
                for event in events:
                    known = words.add(start + event.offset, event.length, began + event.time)
                    buffer.add_words(known)
                buffer.add(pcm)

            pause = job.pause and end == len(text.text)
            self._library.synthesise(text.text[start:end].translate(UNSPEAKABLE), sink, pause=pause)
        buffer.add_words(words.finish(buffer.seconds))
        buffer.finish()

    def _read_aloud(self, text: str) -> str:
        """Return the phonemes of a short text in the voice that is set."""
        return " ".join(clause.phonemes for clause in self._library.clauses(text.translate(UNSPEAKABLE)))

    def _prepare(self, job: SpeechJob) -> None:
        """Set voice, rate and pitch, all of which the library keeps from one call to the next."""
        identifier = self._voices.identify(job.voice or DEFAULT, job.language)
        if not self._library.set_voice(identifier):
            raise EngineFailed(f"eSpeak NG could not load the voice '{job.voice}'.")
        self._library.set_parameter(RATE, min(FASTEST, max(SLOWEST, round(WORDS_PER_MINUTE * job.speed))))
        self._library.set_parameter(VOLUME, volume_of(identifier))
        pitch = DEFAULT_PITCH if job.pitch is None else min(HIGHEST_PITCH, max(0, job.pitch))
        self._library.set_parameter(PITCH, round(pitch))


class Words:
    """The words of a job, from the library's events of the text that was prepared for it."""

    def __init__(self, text: Rewriting) -> None:
        self._text = text
        self._reader = WordReader(text.text)
        self._filler = WordFiller(text.text)
        self._end = 0

    def add(self, offset: int, length: int, time: float) -> list[Word]:
        """Return the words that an event tells of, by their offsets in the job's text."""
        word = self._reader.read(offset, length, time)
        return self._placed(self._filler.add(word)) if word else []

    def finish(self, time: float) -> list[Word]:
        """Return the words behind the last event, given when the audio ends."""
        return self._placed(self._filler.finish(time))

    def _placed(self, words: list[Word]) -> list[Word]:
        """Return words of the prepared text by their places in the job's: each of its words once."""
        placed = []
        for word in words:
            start, end = self._text.original(word.start, word.end)
            if end > self._end:
                placed.append(Word(max(start, self._end), end, word.time))
                self._end = end
        return placed


class GrowingBuffer:
    """A buffer that sends the first audio at once, and the rest in ever larger chunks.

    Sending costs more than making the audio. What follows a word is held until the next one is known, so that
    words go before the audio they begin in. Each of its functions may raise Stop.
    """

    def __init__(self, out: SpeechOutput, rate: int) -> None:
        self._out = out
        self._rate = rate
        self._words: list[Word] = []
        self._pcm = bytearray()
        self._sent = 0
        """bytes"""
        self._chunk_size = round(FIRST_CHUNK * rate) * BYTES_PER_SAMPLE

    @property
    def seconds(self) -> float:
        """Return how much has been added."""
        return (self._sent + len(self._pcm)) / BYTES_PER_SAMPLE / self._rate

    def add_words(self, words: list[Word]) -> None:
        """Add the next words, with all that comes before them, and send the audio before the last of them."""
        self._words += words
        if words:
            self._flush(round(words[-1].time * self._rate) * BYTES_PER_SAMPLE - self._sent)

    def add(self, pcm: bytes) -> None:
        """Add PCM, and send what is there where that is much."""
        self._pcm += pcm
        if len(self._pcm) >= LARGEST_CHUNK:
            self._flush(len(self._pcm))

    def finish(self) -> None:
        """Send all that is left."""
        self._flush(len(self._pcm), is_last=True)

    def _flush(self, size: int, *, is_last: bool = False) -> None:
        """Send `size` bytes in chunks, the words in each before it; less than a chunk waits."""
        while size >= self._chunk_size or (is_last and (size > 0 or self._words)):
            pcm = bytes(self._pcm[: min(size, self._chunk_size)])
            del self._pcm[: len(pcm)]
            size -= len(pcm)
            end = (self._sent + len(pcm)) / BYTES_PER_SAMPLE / self._rate
            due = [word for word in self._words if word.time <= end or (is_last and size <= 0)]
            self._words = self._words[len(due) :]
            for word in due:
                self._out.word(word)
            if pcm:
                self._out.audio(pcm)
            self._sent += len(pcm)
            self._chunk_size = min(LARGEST_CHUNK, 2 * self._chunk_size)
