"""A job of Kokoro's, of which one chunk at a time is spoken."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engines.adapters.kokoro.chunks import word_frames
from engines.adapters.kokoro.network import RATE, Line, LineAudio, NetworkFacts
from engines.adapters.kokoro.voice_bank import Floats
from engines.api import BYTES_PER_SAMPLE, SpeechJob, SpeechOutput, Stop, Word
from engines.errors import EngineFailed, SpeechError
from engines.toolkit.error_text import telling_line
from engines.toolkit.phoneme_chunks import Chunk
from engines.toolkit.phrases import NOTHING_TO_SAY, is_spoken
from engines.toolkit.timed_audio import TimedAudio


class ChunkedJob:
    """A job of Kokoro's, of which one chunk at a time is spoken."""

    def __init__(
        self,
        job: SpeechJob,
        out: SpeechOutput,
        chunks: Iterator[tuple[Chunk, Floats]],
        noise: object,
        facts: NetworkFacts,
    ) -> None:
        self._job = job
        self._out = out
        self._audio = TimedAudio(out, RATE)
        self._chunks = chunks
        self._noise = noise
        self._vocabulary = facts.vocabulary
        self._speeds = facts.speed
        self._chunk = Chunk("")
        self._voice: Floats = np.empty(0, np.float32)
        self.has_chunk = False
        """whether there is a chunk to be spoken"""

    def advance(self) -> bool:
        """Go on to the next chunk, and return whether there is one: a job that had none is a short silence.

        Raises Stop, UnknownVoice, Unsupported or EngineFailed.
        """
        try:
            following = self._next_spoken()
        except (SpeechError, Stop):
            raise
        except Exception as exc:  # front ends of many languages fail in many ways
            raise EngineFailed(
                f"Kokoro could not read the text: {type(exc).__name__}: {telling_line(exc)}"
            ) from exc
        self.has_chunk = following is not None
        if following:
            self._chunk, self._voice = following
        elif not self._audio.seconds:
            self._audio.send(bytes(BYTES_PER_SAMPLE * round(NOTHING_TO_SAY * RATE)))
        return self.has_chunk

    def _next_spoken(self) -> tuple[Chunk, Floats] | None:
        """Return the next chunk in which the network knows something to say."""
        for chunk, voice in self._chunks:
            if is_spoken("".join(filter(self._vocabulary.__contains__, chunk.phonemes))):
                return chunk, voice
        return None

    def line(self) -> Line:
        """Return the chunk as the network reads it; a voice has one row for each number of phonemes."""
        ids = [self._vocabulary[symbol] for symbol in self._chunk.phonemes if symbol in self._vocabulary]
        row = self._voice[min(len(self._chunk.phonemes), len(self._voice)) - 1]
        slowest, fastest = self._speeds
        speed = min(fastest, max(slowest, self._job.speed))
        return Line(ids, row, speed, self._noise, reproducible=self._job.seed is not None)

    def is_wanted(self) -> bool:
        """Say that the work goes on, and return whether anybody wants the rest."""
        try:
            self._out.beat()
        except Stop:
            return False
        return True

    def finish_chunk(self, spoken: LineAudio) -> bool:
        """Send the chunk's audio, and go on to the next, as `advance` does."""
        self._audio.send(spoken.pcm, self._words(spoken))
        return self.advance()

    def _words(self, spoken: LineAudio) -> list[Word]:
        """Return the chunk's words with their times; none where the network told no frames."""
        if not spoken.frames:
            return []
        seconds_per_frame = len(spoken.pcm) // BYTES_PER_SAMPLE / sum(spoken.frames) / RATE
        before = self._audio.seconds
        spans = word_frames(self._chunk, self._vocabulary, spoken.frames)
        return [
            Word(word.start, word.end, before + seconds_per_frame * start, before + seconds_per_frame * end)
            for word, (start, end) in zip(self._chunk.words, spans, strict=True)
        ]
