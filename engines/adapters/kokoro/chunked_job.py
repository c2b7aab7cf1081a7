"""A job of a batch, of which one chunk at a time is spoken."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engines.adapters.kokoro.chunks import word_start_frames
from engines.adapters.kokoro.network import RATE, Line, LineAudio, NetworkFacts
from engines.adapters.kokoro.voice_bank import Floats
from engines.api import BYTES_PER_SAMPLE, Audio, BatchItem, SpeechEvent, Word
from engines.errors import EngineFailed, SpeechError
from engines.toolkit.error_text import telling_line
from engines.toolkit.phoneme_chunks import Chunk
from engines.toolkit.phrases import NOTHING_TO_SAY, is_spoken

CHUNK_BYTES = BYTES_PER_SAMPLE * RATE
"""sent at once: a second"""


class ChunkedJob:
    """A job of a batch, of which one chunk at a time is spoken."""

    def __init__(
        self, item: BatchItem, chunks: Iterator[tuple[Chunk, Floats]], noise: object, facts: NetworkFacts
    ) -> None:
        self._item = item
        self._chunks = chunks
        self._noise = noise
        self._vocabulary = facts.vocabulary
        self._speeds = facts.speed
        self._chunk = Chunk("")
        self._voice: Floats = np.empty(0, np.float32)
        self._samples_sent = 0
        self._wanted = True

    def advance(self) -> bool:
        """Go on to the next chunk, and return whether there is one.

        A job that has none, is not wanted, or cannot be read, is finished; one that had none at all is a
        short silence.
        """
        following = None
        error: SpeechError | None = None
        try:
            following = self._next_spoken() if self._wanted else None
        except SpeechError as exc:
            error = exc
        except Exception as exc:  # front ends of many languages fail in many ways; the other jobs go on
            error = EngineFailed(f"Kokoro could not read the text: {type(exc).__name__}: {telling_line(exc)}")
        if following is None:
            if error is None and not self._samples_sent:
                self._emit(Audio(bytes(BYTES_PER_SAMPLE * round(NOTHING_TO_SAY * RATE))))
            self._item.finish(error)
            return False
        self._chunk, self._voice = following
        return True

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
        speed = min(fastest, max(slowest, self._item.job.speed))
        return Line(ids, row, speed, self._noise, reproducible=self._item.job.seed is not None)

    def is_wanted(self) -> bool:
        """Return whether anybody wants the rest."""
        return self._emit(Audio(b""))

    def send_audio(self, spoken: LineAudio) -> None:
        """Emit the chunk's audio, a second at a time, each word before the audio in which it begins."""
        audio = spoken.pcm
        words = self._words(spoken)
        for start in range(0, len(audio), CHUNK_BYTES):
            end = (self._samples_sent + (start + CHUNK_BYTES) / BYTES_PER_SAMPLE) / RATE
            is_last = start + CHUNK_BYTES >= len(audio)
            due = [word for word in words if word.time < end or is_last]
            words = words[len(due) :]
            events: list[SpeechEvent] = [*due, Audio(audio[start : start + CHUNK_BYTES])]
            if not all(map(self._emit, events)):
                return
        self._samples_sent += len(audio) // BYTES_PER_SAMPLE

    def _words(self, spoken: LineAudio) -> list[Word]:
        """Return the chunk's words with their times; none where the network told no frames."""
        if not spoken.frames:
            return []
        samples_per_frame = len(spoken.pcm) // BYTES_PER_SAMPLE / sum(spoken.frames)
        starts = word_start_frames(self._chunk, self._vocabulary, spoken.frames)
        return [
            Word(word.start, word.end, (self._samples_sent + samples_per_frame * frame) / RATE)
            for word, frame in zip(self._chunk.words, starts, strict=True)
        ]

    def _emit(self, event: SpeechEvent) -> bool:
        """Emit an event, unless one was not wanted before; return whether the rest is wanted."""
        self._wanted = self._wanted and self._item.emit(event)
        return self._wanted
