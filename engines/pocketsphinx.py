"""PocketSphinx: US English without any download; quick to start, rough in what it hears.

A recording is cut into utterances at its silences. The decoder's accuracy hangs on the cepstral mean of the utterance being
known before it begins, which its own batch mode does by taking the utterance whole, in one call that nothing can stop and that
holds the interpreter. Here a second decoder with next to nothing to search for measures the mean of each few seconds, which
together give the utterance's; the real one then works in blocks of 100 ms, so that a job can be cancelled within one. Nothing
carries over from one utterance to the next, or from one job to another.

Speech is taken for English: its transcript is its translation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from importlib.metadata import version

from pocketsphinx import Decoder

from engines.api import (
    EmitListen,
    EngineInfo,
    Finished,
    Heard,
    HeardWord,
    ListenAbilities,
    ListenJob,
    Progress,
    Unsupported,
)
from engines.utterances import RATE, Utterance, Utterances

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
        self._decoder = Decoder(samprate=RATE, loglevel="FATAL")
        self._mean = Decoder(samprate=RATE, loglevel="FATAL", lm=None, keyphrase="hello", kws_threshold=1e-20)
        return EngineInfo(
            name="pocketsphinx",
            version=version("pocketsphinx"),
            licence="BSD-2-Clause",
            models=("pocketsphinx",),
            listening=ListenAbilities((LANGUAGE,), sample_rate=RATE, words=True, translate=True),
        )

    def transcribe(self, job: ListenJob, audio: Iterator[bytes], emit: EmitListen) -> None:
        """Transcribe a recording, utterance by utterance."""
        if job.language not in (None, LANGUAGE):
            raise Unsupported(f"PocketSphinx hears only English (en), not '{job.language}'.", param="language")
        cutter = Utterances()
        for chunk in audio:
            for utterance in cutter.push(chunk):
                if not self._hear(utterance, emit):
                    return
            if not emit(Progress(cutter.seconds)):
                return
        for utterance in cutter.finish():
            if not self._hear(utterance, emit):
                return
        emit(Finished(cutter.seconds, LANGUAGE))

    def _hear(self, utterance: Utterance, emit: EmitListen) -> bool:
        """Recognise one utterance; False when nobody wants it any more."""
        start = utterance.start
        self._decoder.set_cmn(self._cepstral_mean(utterance.pcm))
        if not self._decode(utterance.pcm, start, emit):
            return False
        words = tuple(self._words(start))
        if not words:
            return True
        posterior = max(SMALLEST, self._decoder.get_prob())
        text = " ".join(word.word for word in words)
        return emit(Heard(text, words[0].start, words[-1].end, words, math.log(posterior) / len(words)))

    def _cepstral_mean(self, pcm: bytes) -> str:
        """Measure the mean of all cepstra, as the decoder writes it: numbers with commas between."""
        pieces = [pcm[offset : offset + MEAN_BYTES] for offset in range(0, len(pcm), MEAN_BYTES)]
        totals: list[float] = []
        for piece in pieces:
            self._mean.start_utt()
            self._mean.process_raw(piece, full_utt=True)
            self._mean.end_utt()
            mean = [float(value) * len(piece) for value in self._mean.get_cmn(False).split(",")]
            totals = [one + other for one, other in zip(totals, mean, strict=True)] if totals else mean
        return ",".join(f"{total / len(pcm):.4f}" for total in totals)

    def _decode(self, pcm: bytes, start: float, emit: EmitListen) -> bool:
        """Recognise an utterance, block by block; False when told to stop."""
        self._decoder.start_utt()
        try:
            for offset in range(0, len(pcm), BLOCK_BYTES):
                if not emit(Progress(start + offset / (2 * RATE))):
                    return False
                self._decoder.process_raw(pcm[offset : offset + BLOCK_BYTES])
        finally:
            self._decoder.end_utt()
        return True

    def _words(self, offset: float) -> Iterator[HeardWord]:
        for segment in self._decoder.seg() or ():
            if not FILLER.fullmatch(segment.word):
                start, end = segment.start_frame / FRAMES_PER_SECOND, (segment.end_frame + 1) / FRAMES_PER_SECOND
                yield HeardWord(PRONUNCIATION.sub("", segment.word), round(offset + start, 2), round(offset + end, 2))
