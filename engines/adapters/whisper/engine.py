"""Whisper, by transformers: any checkpoint of it that lies in a folder in the Hugging Face layout, on a CPU
or a GPU.

Options: `path`, the folder; `model`, the name it goes by; `device` ("cpu", "cuda", "cuda:1", "mps"); `dtype`
("float32", "float16", "bfloat16"); `vad`, whether silence is passed over; `threads`, on a CPU. Nothing is
ever downloaded, and no code of a checkpoint is run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib.metadata import version

import torch

from engines.adapters.whisper.model import Checkpoint, Decoded, Piece
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
from engines.toolkit.token_words import scored, words
from engines.toolkit.transcription_options import ENGLISH, iso, refuse, temperatures, usable_cores
from engines.toolkit.vad import Silero
from engines.toolkit.windows import RATE, Unwanted, Window, Windows, telling

UNSURE = 0.5
"""what was heard at such a temperature or above is not told to the window that follows: the library's own
limit
"""

ASK_SECONDS = 0.1
"""between two questions whether a job is still wanted"""


class Whisper:
    """See the module. One thread at a time."""

    def __init__(
        self,
        path: str = "",
        model: str = "whisper",
        device: str = "auto",
        dtype: str = "auto",
        vad: bool = True,
        threads: int = 0,
    ) -> None:
        self._path, self._name, self._device, self._dtype = path, model, device, dtype
        self._vad, self._threads = vad, threads
        self._step: Callable[[], None] = _nothing

    def load(self) -> EngineInfo:
        """Load the checkpoint. Raises EngineFailed."""
        torch.set_num_threads(
            self._threads or usable_cores()
        )  # there are libraries that set it to one when they are imported
        self._checkpoint = checkpoint = Checkpoint(self._path, self._device, self._dtype)
        self._silero = Silero() if self._vad else None
        self._codes = iso(checkpoint.languages)
        checkpoint.watch(lambda: self._step())
        return EngineInfo(
            name="whisper",
            version=version("transformers"),
            licence="Apache-2.0",
            models=(self._name,),
            device=checkpoint.device,
            transcription=TranscriptionCapabilities(
                tuple(self._codes),
                sample_rate=RATE,
                words=checkpoint.aligned,
                logprobs=True,
                prompt=True,
                temperature=True,
                translate=checkpoint.multilingual,
            ),
        )

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], emit: EmitTranscription) -> None:
        """Transcribe a recording, window by window. Raises Unsupported."""
        refuse(job, self._name, self._codes, translates=self._checkpoint.multilingual)
        tell = telling(emit)
        windows = Windows(audio, self._silero, lambda seconds: tell(Progress(seconds)))
        self._step = _now_and_then(lambda: tell(Progress(windows.done)))
        try:
            self._transcribe_windows(job, windows, tell)
        except Unwanted:
            return
        finally:
            self._step = _nothing

    def _transcribe_windows(
        self, job: TranscriptionJob, windows: Windows, tell: Callable[[TranscriptionEvent], None]
    ) -> None:
        hearing = Hearing(self._checkpoint, job, self._codes.get(job.language or ""))
        while window := windows.next():
            decoded = hearing.hear(window)
            windows.advance(decoded.seconds)
            for piece in decoded.pieces:
                if heard := hearing.heard(piece, window, decoded):
                    tell(heard)
            tell(Progress(windows.done))
        language = next((known for known, code in self._codes.items() if code == hearing.language), ENGLISH)
        tell(Finished(windows.duration, language))


class Hearing:
    """One recording on its way through the model: what was said before goes along as the prompt of what
    follows.
    """

    def __init__(self, checkpoint: Checkpoint, job: TranscriptionJob, language: str | None) -> None:
        self._checkpoint, self._job = checkpoint, job
        self.language = language
        """the model's own code, once it is known"""
        self._times = job.words and checkpoint.aligned
        self._prompt = checkpoint.tokens(job.prompt or "")
        self._said = list(self._prompt)
        self._sure = True
        checkpoint.begin()

    def hear(self, window: Window) -> Decoded:
        """Hear a window."""
        encoded = self._checkpoint.encode(window)
        options = {}
        if self._checkpoint.multilingual:
            self.language = self.language or self._checkpoint.language(encoded)
            options = {
                "language": self.language,
                "task": "translate" if self._job.translate else "transcribe",
            }
        before = self._said if self._sure else self._prompt
        decoded = self._checkpoint.decode(
            encoded, before, temperatures(self._job.temperature), times=self._times, **options
        )
        self._sure = decoded.attempt.temperature < UNSURE
        for piece in decoded.pieces:
            self._said += piece.tokens[:-1] if self._checkpoint.cut_off(piece) else piece.tokens
        return decoded

    def heard(self, piece: Piece, window: Window, decoded: Decoded) -> TranscriptSegment | None:
        """Make of a segment what is told; None when no words are in it."""
        said = self._checkpoint.tokenizer.decode(self._checkpoint.words_of(piece.tokens))
        text = said.strip()
        if not text:
            return None
        return TranscriptSegment(
            text,
            window.time(piece.start),
            window.time(piece.end),
            tuple(self._words(piece, window)) if self._times else (),
            decoded.attempt.logprob,
            decoded.attempt.no_speech,
            piece.tokens,
            decoded.attempt.temperature,
            tuple(scored(self._checkpoint.tokenizer, piece.tokens, piece.logprobs))
            if self._job.logprobs
            else (),
            said[:1].isspace(),
        )

    def _words(self, piece: Piece, window: Window) -> Iterator[TranscriptWord]:
        language = ENGLISH if self._job.translate else self.language or ENGLISH
        for word in words(self._checkpoint.tokenizer, piece.tokens, piece.logprobs, piece.times, language):
            yield TranscriptWord(word.word, window.time(word.start), window.time(word.end), word.logprob)


def _now_and_then(ask: Callable[[], None]) -> Callable[[], None]:
    """Ask at most every so often: each time wakes the event loop, for which the model's threads have to stand
    back.
    """
    due = 0.0

    def step() -> None:
        nonlocal due
        now = time.monotonic()
        if now >= due:
            due = now + ASK_SECONDS
            ask()

    return step


def _nothing() -> None:
    """Have nothing to do at a step: no job is running."""
