"""PocketSphinx: transcribes US English without any download; quick to start, rough in its accuracy.

A recording is cut into utterances at its silences. The decoder's accuracy hangs on the cepstral mean of the
utterance being known before it begins, which its own batch mode gets from the whole utterance, in one call
that nothing can stop and that holds the interpreter. Here a second decoder with next to nothing to search for
measures the mean of each few seconds, which together give the utterance's; the real one then works in blocks
of 100 ms, so that a job can be stopped within one. Nothing carries over from one utterance to the next, or
from one job to another.

Speech is assumed to be English: its transcript is its translation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from importlib.metadata import version

from pocketsphinx import Decoder

from engines.api import (
    BYTES_PER_SAMPLE,
    EngineInfo,
    Finished,
    Output,
    Place,
    TranscriptionCapabilities,
    TranscriptionJob,
    TranscriptionOutput,
    TranscriptSegment,
    TranscriptWord,
)
from engines.errors import Unsupported
from engines.toolkit.utterances import BYTES_PER_SECOND, RATE, Utterance, UtteranceSplitter

LANGUAGE = "en"
BLOCK_BYTES = BYTES_PER_SAMPLE * RATE // 10
"""what is decoded between two looks at whether the job is still wanted: 100 ms"""
MEAN_BYTES = 4 * BYTES_PER_SECOND
"""what the cepstral mean is measured of at once: 4 s"""
FRAMES_PER_SECOND = 100
FILLER = re.compile(r"<.*>|\[.*\]|\+\+.*\+\+")
"""a word of the decoder's that stands for silence or noise"""
PRONUNCIATION = re.compile(r"\(\d+\)$")
"""tells a word's pronunciations apart"""
SMALLEST_PROBABILITY = 1e-300
"""a posterior may underflow to nothing"""


class PocketSphinx:
    """The engine of PocketSphinx. One thread at a time."""

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load the wheel's US English model."""
        self._decoder: Decoder | None = self._new_decoder()
        self._mean_decoder = Decoder(
            samprate=RATE, loglevel="FATAL", lm=None, keyphrase="hello", kws_threshold=1e-20
        )
        return EngineInfo(
            name="pocketsphinx",
            version=version("pocketsphinx"),
            licence="BSD-2-Clause",
            models=("pocketsphinx",),
            transcription=TranscriptionCapabilities(
                (LANGUAGE,), sample_rate=RATE, words=True, translate=True
            ),
        )

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], out: TranscriptionOutput) -> Finished:
        """Transcribe a recording, utterance by utterance. Raises Unsupported for a language but English."""
        if job.language not in (None, LANGUAGE):
            raise Unsupported(
                f"PocketSphinx hears only English (en), not '{job.language}'.", param="language"
            )
        splitter = UtteranceSplitter()
        for chunk in audio:
            for utterance in splitter.push(chunk):
                self._transcribe_utterance(utterance, out)
            out.beat(splitter.processed)
        for utterance in splitter.finish():
            self._transcribe_utterance(utterance, out)
        return Finished(splitter.seconds, LANGUAGE)

    def _transcribe_utterance(self, utterance: Utterance, out: TranscriptionOutput) -> None:
        """Give an utterance's segment, if there are words in it."""
        mean = self._cepstral_mean(utterance, out)
        words = self._decode(utterance, mean, out)
        if not words:
            return
        text = " ".join(word.word for word in words)
        logprob = sum(word.logprob for word in words) / len(words)
        out.segment(TranscriptSegment(text, words[0].start, words[-1].end, words, logprob))

    def _cepstral_mean(self, utterance: Utterance, out: Output) -> str:
        """Return the mean of an utterance's cepstra as the decoder writes it: numbers with commas between."""
        pcm = utterance.pcm
        totals: list[float] = []
        self._mean_decoder.reinit_feat()  # what it has learnt of the noise would carry over, too
        for offset in range(0, len(pcm), MEAN_BYTES):
            out.beat(utterance.start)
            part = pcm[offset : offset + MEAN_BYTES]
            self._mean_decoder.start_utt()
            self._mean_decoder.process_raw(part, full_utt=True)
            self._mean_decoder.end_utt()
            mean = [float(value) * len(part) for value in self._mean_decoder.get_cmn(False).split(",")]
            totals = [one + other for one, other in zip(totals, mean, strict=True)] if totals else mean
        return ",".join(f"{total / len(pcm):.4f}" for total in totals)

    def _decode(self, utterance: Utterance, mean: str, out: Output) -> tuple[TranscriptWord, ...]:
        """Return the words of an utterance, which is decoded block by block.

        To end an utterance takes a last pass over it. So a decoder that is stopped is given up, and another
        made when one is needed.
        """
        decoder, self._decoder = self._decoder or self._new_decoder(), None
        decoder.reinit_feat()
        decoder.set_cmn(mean)
        decoder.start_utt()
        for offset in range(0, len(utterance.pcm), BLOCK_BYTES):
            out.beat(utterance.start + offset / BYTES_PER_SECOND)
            decoder.process_raw(utterance.pcm[offset : offset + BLOCK_BYTES])
        decoder.end_utt()
        self._decoder = decoder
        return tuple(_words(decoder, utterance.start))

    @staticmethod
    def _new_decoder() -> Decoder:
        return Decoder(samprate=RATE, loglevel="FATAL")


def _words(decoder: Decoder, offset: float) -> Iterator[TranscriptWord]:
    """Yield the words that a decoder has found, which count from `offset` seconds."""
    for segment in decoder.seg() or ():
        if FILLER.fullmatch(segment.word):
            continue
        start = segment.start_frame / FRAMES_PER_SECOND
        end = (segment.end_frame + 1) / FRAMES_PER_SECOND
        logprob = min(0.0, math.log(max(SMALLEST_PROBABILITY, segment.prob)))
        word = PRONUNCIATION.sub("", segment.word)
        yield TranscriptWord(word, round(offset + start, 2), round(offset + end, 2), logprob)
