"""Where the work of an engine goes, on the worker's side of the contract: outputs that put events into a
queue.

A beat leaves only where nothing else has for a second, so that an engine may call it at every layer.
"""

from __future__ import annotations

import math
import time
from typing import Any

import msgspec

from engines.api import BYTES_PER_SAMPLE, Audio, Beat, Finished, Progress, Stop, TranscriptSegment, Word
from engines.errors import EngineFailed
from engines.worker.event_queue import EventQueue

BEAT_SECONDS = 1.0
"""between two signs of a job that goes on"""
ROUNDING = 0.001
"""seconds by which times may be off that were computed of others"""
PIECE_BYTES = 1024 * 1024
"""of audio that leave together, at most: an engine may give an hour in one call"""


class Activity:
    """When an engine last gave any sign, of whichever job: jobs that wait for their turn live by it."""

    def __init__(self) -> None:
        self.signs = 0

    def note(self) -> None:
        """Note a sign."""
        self.signs += 1


class JobOutput:
    """The output of one job, used in the engine's thread: of speech, and of a prompt.

    It waits for room where the queue is full, unless others share the engine's call (`blocking`).
    """

    def __init__(
        self, events: EventQueue[Any], activity: Activity, *, text: str = "", blocking: bool = True
    ) -> None:
        self.events = events
        self._text = text
        """what is to be said, for the offsets of words"""
        self._activity = activity
        self._emit = events.emit if blocking else events.emit_nowait
        self._last_sent = time.monotonic()
        self.begun = False
        """whether the engine has it"""
        self.has_given = False
        """whether audio or words have left"""

    def begin(self) -> None:
        """Note that the engine has the job now. Raises Stop where nobody wants it any more."""
        if self.events.cancelled:
            raise Stop
        self.begun = True

    def begin_again(self) -> None:
        """Note that the engine has given the job back, and that it waits for another turn."""
        self.begun = False

    def wait(self) -> None:
        """Say, on the loop, that the job waits for its turn, and that the engine works on others."""
        self.events.emit_nowait(self._sign(None))

    def audio(self, pcm: bytes) -> None:
        """Give audio, as SpeechOutput has it, in pieces: however much it is, no loop is held by it, and who
        leaves is noticed. Raises EngineFailed for what is none.
        """
        check_audio(pcm)
        if len(pcm) > PIECE_BYTES:
            whole = memoryview(pcm)
            for start in range(0, len(pcm), PIECE_BYTES):
                self._put(Audio(bytes(whole[start : start + PIECE_BYTES])))
        elif pcm:
            self._put(Audio(pcm))
        else:
            self.beat()
        self.has_given = self.has_given or bool(pcm)

    def word(self, word: Word) -> None:
        """Give a word, as SpeechOutput has it. Raises EngineFailed for one that cannot be sent."""
        check_word(word, self._text)
        self.has_given = True
        self._put(word)

    def beat(self, progress: float | None = None) -> None:
        """Say that the work goes on, as Output has it; a share that is no number is one that is not known."""
        if progress is not None and not math.isfinite(progress):
            progress = None
        self._activity.note()
        if self.events.cancelled:
            raise Stop
        if time.monotonic() - self._last_sent >= BEAT_SECONDS:
            self._put(self._sign(progress))

    def _sign(self, progress: float | None) -> Beat | Progress:
        return Beat(progress)

    def _put(self, event: object) -> None:
        self._activity.note()
        self._last_sent = time.monotonic()
        if not self._emit(event):
            raise Stop


class RecordingOutput(JobOutput):
    """The output of a transcription, whose signs say how many seconds of the recording are done."""

    def __init__(self, events: EventQueue[Any], activity: Activity) -> None:
        super().__init__(events, activity)
        self._last_sent = float("-inf")  # the first sign leaves at once, and with it the answer's beginning
        self._seconds = 0.0

    def segment(self, segment: TranscriptSegment) -> None:
        """Give a stretch of the transcript, as TranscriptionOutput has it. Raises EngineFailed for one that
        cannot be sent.
        """
        check_sendable(segment, TranscriptSegment)
        self._put(segment)

    def finished(self, end: Finished) -> None:
        """Give the end of the transcription. Raises EngineFailed for one that cannot be sent."""
        check_sendable(end, Finished)
        self._put(end)

    def _sign(self, progress: float | None) -> Progress:
        self._seconds = max(self._seconds, progress or 0.0)
        return Progress(self._seconds)


def check_audio(pcm: object) -> None:
    """Check that what an engine gives as audio is PCM in whole samples. Raises EngineFailed."""
    if not isinstance(pcm, bytes | bytearray):
        raise EngineFailed(
            f"The engine gave audio of the type {type(pcm).__name__}, and not bytes of s16le PCM"
            " (`engines.toolkit.pcm` makes these of float samples)."
        )
    if len(pcm) % BYTES_PER_SAMPLE:
        raise EngineFailed(
            f"The engine gave {len(pcm)} bytes of audio, no whole samples of {BYTES_PER_SAMPLE} bytes."
        )


def check_word(word: Word, text: str) -> None:
    """Check that a word that an engine gives can be sent, and is one of the text. Raises EngineFailed."""
    check_sendable(word, Word)
    if not 0 <= word.start <= word.end <= len(text):
        raise EngineFailed(
            f"The engine gave a word at [{word.start}, {word.end}) of a text of {len(text)} code points:"
            " offsets count these, from its begin, and not bytes or tokens."
        )
    until = word.time if word.until is None else word.until
    if word.time < -ROUNDING or until < word.time - ROUNDING:
        raise EngineFailed(
            f"The engine gave a word from {word.time:g} to {until:g} s: times are seconds from the job's"
            " first sample, and no word ends before it begins."
        )


def check_sendable(event: object, kind: type[msgspec.Struct]) -> None:
    """Check that what an engine gives is of a kind, and arrives as it is given: JSON has no NaN and no
    infinity, and no number of another library. Raises EngineFailed.
    """
    if name := _name_of_no_number(event, ""):
        raise EngineFailed(f"The engine gave a {kind.__name__} whose `{name}` is no finite number.")
    try:
        msgspec.json.decode(msgspec.json.encode(event), type=kind)
    except (TypeError, ValueError, msgspec.MsgspecError) as exc:
        raise EngineFailed(f"The engine gave a {kind.__name__} that cannot be sent: {exc}") from exc


def _name_of_no_number(value: object, name: str) -> str:
    """Return the name of the first field, of a value or of what it holds, that is NaN or infinite; else
    nothing.
    """
    if isinstance(value, float):
        return "" if math.isfinite(value) else name
    parts: list[tuple[object, str]] = []
    if isinstance(value, msgspec.Struct):
        parts = [(getattr(value, field), field) for field in value.__struct_fields__]
    elif isinstance(value, tuple | list):
        parts = [(part, name) for part in value]
    return next((found for part, field in parts if (found := _name_of_no_number(part, field))), "")
