"""Speak one job, phrase by phrase: sound of a character, trimmed, as loud as all, with the times of words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

import numpy as np

from engines.adapters.hibari.characters import Character, shape
from engines.adapters.hibari.network import RATE, SAMPLES_PER_STEP, Network, render
from engines.api import BYTES_PER_SAMPLE, SpeechJob, SpeechOutput, Word
from engines.toolkit import pcm
from engines.toolkit.levels import amplify, trim
from engines.toolkit.phoneme_chunks import Chunk
from engines.toolkit.phrases import NOTHING_TO_SAY, PAUSES, Phrase, inner_pause
from engines.toolkit.seeds import library_seed
from engines.toolkit.timed_audio import TimedAudio


class JobSpeech:
    """The speech of one job. Whatever gives audio or a sign may raise Stop."""

    def __init__(
        self, job: SpeechJob, network: Network, vocabulary: Mapping[str, int], out: SpeechOutput
    ) -> None:
        self._job = job
        self._network = network
        self._vocabulary = vocabulary
        self._audio = TimedAudio(out, RATE)
        self._noise = np.random.default_rng(library_seed(job.seed))

    def speak(self, phrases: Iterator[Phrase], character: Character) -> None:
        """Speak phrases. Raises EngineFailed."""
        phrase = next(phrases, None)
        if phrase is None:
            self._say_nothing()
        while phrase is not None:
            following = next(phrases, None)
            self._speak_phrase(phrase, character, is_last=following is None)
            phrase = following

    def _speak_phrase(self, phrase: Phrase, character: Character, *, is_last: bool) -> None:
        """Speak a phrase. Nobody may want it any more: that is asked before each step that takes a while."""
        chunk = phrase.chunk
        ids = [self._vocabulary[symbol] for symbol in chunk.phonemes if symbol in self._vocabulary]
        self._audio.beat()
        frames = self._network.run(ids, character.pace)
        self._audio.beat()
        is_cut = is_last and not self._job.pause
        pause = PAUSES[inner_pause(chunk) if is_cut else phrase.pause]
        sound, cut_off = trim(render(shape(frames, character), self._noise), pause, RATE)
        before = self._audio.seconds
        spans = word_spans(chunk, self._vocabulary, frames.durations.tolist())
        words = [
            Word(word.start, word.end, *(before + max(0, edge - cut_off) / RATE for edge in span))
            for word, span in zip(chunk.words, spans, strict=True)
        ]
        self._audio.send(pcm.from_floats(amplify(sound, character.gain, RATE)), words)

    def _say_nothing(self) -> None:
        """Send a short silence for a text that has no letter or number to read."""
        self._audio.send(bytes(BYTES_PER_SAMPLE * round(NOTHING_TO_SAY * RATE)))


def word_spans(
    chunk: Chunk, vocabulary: Mapping[str, int], durations: Sequence[int]
) -> list[tuple[int, int]]:
    """Return the samples of a chunk's sound at which each of its words begins and ends.

    `durations` are those of the phonemes in the vocabulary, with one before and one behind them, in steps.
    """
    known_before = list(accumulate((symbol in vocabulary for symbol in chunk.phonemes), initial=0))
    steps_before = list(accumulate(durations))

    def sample(phoneme: int) -> int:
        return SAMPLES_PER_STEP * steps_before[known_before[phoneme]]

    return [
        (sample(word.first_phoneme), sample(end))
        for word, end in zip(chunk.words, chunk.word_ends(), strict=True)
    ]
