"""Speak one job, phrase by phrase: sound that is trimmed and as loud as all, with the times of words."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from engines.adapters.piper.network import Network, Scales, Speech
from engines.adapters.piper.symbols import Symbols
from engines.api import BYTES_PER_SAMPLE, SpeechJob, SpeechOutput, Word
from engines.errors import BadInput
from engines.toolkit import pcm
from engines.toolkit.levels import amplify, trim
from engines.toolkit.loudness import loudness
from engines.toolkit.phoneme_chunks import ChunkWord
from engines.toolkit.phrases import NOTHING_TO_SAY, PAUSES, Phrase, inner_pause
from engines.toolkit.resampling import resample
from engines.toolkit.seeds import BITS, library_seed
from engines.toolkit.timed_audio import TimedAudio

TARGET = -19.0
"""LUFS of each speaker: as loud as the other engines are"""
LARGEST_GAIN = 20.0
"""decibels: what is quieter is no speech"""
SEED_OF_LEVELS = 0


class Manner(msgspec.Struct, frozen=True, eq=False):
    """How a speaker speaks."""

    network: Network
    symbols: Symbols
    scales: Scales
    speaker: int
    rate: int
    """Hertz, of the network"""

    def say(self, phrase: Phrase, seed: int) -> Speech:
        """Return the sound of a phrase as the network gives it. Raises EngineFailed."""
        return self.network.run(self.symbols.ids(phrase.chunk.phonemes), self.scales, self.speaker, seed)


def measure_gain(manner: Manner, phrases: Iterator[Phrase]) -> float:
    """Return the decibels that make a speaker as loud as all, by what it says of some phrases."""
    levels = [loudness(manner.say(phrase, SEED_OF_LEVELS).sound, manner.rate) for phrase in phrases]
    audible = [level for level in levels if level > TARGET - LARGEST_GAIN]
    return TARGET - sum(audible) / len(audible) if audible else 0.0


class JobSpeech:
    """The speech of one job in a manner, at the rate of the engine. Whatever gives audio or a sign may raise
    Stop.
    """

    def __init__(
        self,
        job: SpeechJob,
        manner: Manner,
        gain: float,
        rate: int,
        out: SpeechOutput,
    ) -> None:
        self._job = job
        self._manner = manner
        self._gain = gain
        self._rate = rate
        self._audio = TimedAudio(out, rate)
        self._seed = library_seed(job.seed)

    def speak(self, phrases: Iterator[Phrase]) -> None:
        """Speak phrases. Raises EngineFailed; BadInput where there are none though the text has letters."""
        phrase = next(phrases, None)
        if phrase is None:
            self._say_nothing()
        number = 0
        while phrase is not None:
            following = next(phrases, None)
            self._speak_phrase(phrase, number, is_last=following is None)
            phrase = following
            number += 1

    def _speak_phrase(self, phrase: Phrase, number: int, *, is_last: bool) -> None:
        """Speak a phrase. Nobody may want it any more: that is asked before the network runs and
        behind it.
        """
        self._audio.beat()
        speech = self._manner.say(phrase, (self._seed + number) % 2**BITS)
        self._audio.beat()
        is_cut = is_last and not self._job.pause
        pause = PAUSES[inner_pause(phrase.chunk) if is_cut else phrase.pause]
        sound, cut_off = trim(speech.sound, pause, self._manner.rate)
        before = self._audio.seconds
        rate = self._manner.rate
        words = [
            Word(word.start, word.end, *(before + max(0, edge - cut_off) / rate for edge in span))
            for word, span in self._word_spans(phrase, speech)
        ]
        louder = amplify(resample(sound, rate, self._rate), self._gain, self._rate)
        self._audio.send(pcm.from_floats(louder), words)

    def _word_spans(self, phrase: Phrase, speech: Speech) -> Iterator[tuple[ChunkWord, tuple[int, int]]]:
        """Yield the words of a phrase with the samples of the network's sound at which they begin and end."""
        if not self._manner.network.tells_durations:
            return
        places = self._manner.symbols.places(phrase.chunk.phonemes)
        for word, end in zip(phrase.chunk.words, phrase.chunk.word_ends(), strict=True):
            yield word, (int(speech.starts[places[word.first_phoneme]]), int(speech.starts[places[end]]))

    def _say_nothing(self) -> None:
        """Send a short silence for a text of signs only. Raises BadInput for one with letters."""
        if any(map(str.isalnum, self._job.text)):
            raise BadInput("This voice can read nothing of this text.", param="input")
        self._audio.send(bytes(BYTES_PER_SAMPLE * round(NOTHING_TO_SAY * self._rate)))
