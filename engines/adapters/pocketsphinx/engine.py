"""PocketSphinx: US English without any download; quick to start, rough in what it hears.

A recording is cut into utterances at its silences. The decoder's accuracy hangs on the cepstral mean of the
utterance being known before it begins, which its own batch mode does by taking the utterance whole, in one
call that nothing can stop and that holds the interpreter. Here a second decoder with next to nothing to
search for measures the mean of each few seconds, which together give the utterance's; the real one then works
in blocks of 100 ms, so that a job can be cancelled within one. Nothing carries over from one utterance to the
next, or from one job to another.

Speech is taken for English: its transcript is its translation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from importlib.metadata import version

from pocketsphinx import Decoder

from engines.api import (
    EmitTranscription,
    EngineInfo,
    Finished,
    Progress,
    TranscriptionCapabilities,
    TranscriptionEvent,
    TranscriptionJob,
    TranscriptSegment,
    TranscriptWord,
)
from engines.errors import Unsupported
from engines.toolkit.utterances import RATE, Utterance, Utterances

LANGUAGE = "en"
BLOCK_BYTES = 2 * RATE // 10
MEAN_BYTES = 4 * 2 * RATE
FRAMES_PER_SECOND = 100
FILLER = re.compile(r"<.*>|\[.*\]|\+\+.*\+\+")
PRONUNCIATION = re.compile(r"\(\d+\)$")
SMALLEST = 1e-300
"""a posterior may underflow to nothing"""


class PocketSphinx:
    """See the module. One thread at a time."""

    def load(self) -> EngineInfo:
        """Load the wheel's US English model."""
        self._decoder: Decoder | None = self._new_decoder()
        self._mean = Decoder(samprate=RATE, loglevel="FATAL", lm=None, keyphrase="hello", kws_threshold=1e-20)
        return EngineInfo(
            name="pocketsphinx",
            version=version("pocketsphinx"),
            licence="BSD-2-Clause",
            models=("pocketsphinx",),
            transcription=TranscriptionCapabilities(
                (LANGUAGE,), sample_rate=RATE, words=True, translate=True
            ),
        )

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], emit: EmitTranscription) -> None:
        """Transcribe a recording, utterance by utterance."""
        if job.language not in (None, LANGUAGE):
            raise Unsupported(
                f"PocketSphinx hears only English (en), not '{job.language}'.", param="language"
            )
        cutter, emit = Utterances(), _forward(emit)
        for chunk in audio:
            for utterance in cutter.push(chunk):
                if not self._hear(utterance, emit):
                    return
            if not emit(Progress(cutter.settled)):
                return
        for utterance in cutter.finish():
            if not self._hear(utterance, emit):
                return
        emit(Finished(cutter.seconds, LANGUAGE))

    def _hear(self, utterance: Utterance, emit: EmitTranscription) -> bool:
        """Recognise one utterance; False when nobody wants it any more."""
        start = utterance.start
        mean = self._cepstral_mean(utterance, emit)
        if mean is None:
            return False
        words = self._decode(utterance.pcm, mean, start, emit)
        if not words:
            return words is not None
        text = " ".join(word.word for word in words)
        return emit(
            TranscriptSegment(
                text, words[0].start, words[-1].end, words, sum(word.logprob for word in words) / len(words)
            )
        )

    def _cepstral_mean(self, utterance: Utterance, emit: EmitTranscription) -> str | None:
        """Measure the mean of all cepstra, as the decoder writes it: numbers with commas between; None when
        told to stop.
        """
        pcm = utterance.pcm
        totals: list[float] = []
        self._mean.reinit_feat()  # the noise it has learnt of, too, would carry over
        for offset in range(0, len(pcm), MEAN_BYTES):
            if not emit(Progress(utterance.start)):
                return None
            piece = pcm[offset : offset + MEAN_BYTES]
            self._mean.start_utt()
            self._mean.process_raw(piece, full_utt=True)
            self._mean.end_utt()
            mean = [float(value) * len(piece) for value in self._mean.get_cmn(False).split(",")]
            totals = [one + other for one, other in zip(totals, mean, strict=True)] if totals else mean
        return ",".join(f"{total / len(pcm):.4f}" for total in totals)

    def _decode(
        self, pcm: bytes, mean: str, start: float, emit: EmitTranscription
    ) -> tuple[TranscriptWord, ...] | None:
        """Recognise an utterance, block by block; None when told to stop.

        To end an utterance takes a last pass over it, so a decoder that is stopped is given up, and made anew
        when next needed.
        """
        decoder, self._decoder = self._decoder or self._new_decoder(), None
        decoder.reinit_feat()
        decoder.set_cmn(mean)
        decoder.start_utt()
        for offset in range(0, len(pcm), BLOCK_BYTES):
            if not emit(Progress(start + offset / (2 * RATE))):
                return None
            decoder.process_raw(pcm[offset : offset + BLOCK_BYTES])
        decoder.end_utt()
        self._decoder = decoder
        return tuple(_words(decoder, start))

    @staticmethod
    def _new_decoder() -> Decoder:
        return Decoder(samprate=RATE, loglevel="FATAL")


def _forward(emit: EmitTranscription) -> EmitTranscription:
    """Keep progress from going back: the endpointer finds speech to have begun some tenths of a second ago."""
    told = 0.0

    def forward(event: TranscriptionEvent) -> bool:
        nonlocal told
        if isinstance(event, Progress):
            told = max(told, event.seconds)
            event = Progress(told)
        return emit(event)

    return forward


def _words(decoder: Decoder, offset: float) -> Iterator[TranscriptWord]:
    for segment in decoder.seg() or ():
        if not FILLER.fullmatch(segment.word):
            start, end = segment.start_frame / FRAMES_PER_SECOND, (segment.end_frame + 1) / FRAMES_PER_SECOND
            logprob = min(0.0, math.log(max(SMALLEST, segment.prob)))
            yield TranscriptWord(
                PRONUNCIATION.sub("", segment.word), round(offset + start, 2), round(offset + end, 2), logprob
            )
