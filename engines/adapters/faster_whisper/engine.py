"""Whisper, by faster-whisper and CTranslate2: quick on a CPU, in a fraction of the memory, and without torch.

Options: `path`, the folder of a converted model; `model`, the name it goes by; `vad`, whether silence is
passed over. Of its place it takes the device ("cpu", "cuda"), the dtype, which is CTranslate2's compute type
("int8", "float32", "float16", "int8_float16"), and the threads. Nothing is ever downloaded.

A GPU needs NVIDIA's cuBLAS 12, which does not come with CTranslate2 (600 MB): the system's, or that of the
package nvidia-cublas-cu12 beside it. Without it the model runs on the CPU, and says why, unless the GPU was
asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from faster_whisper.transcribe import Segment

from engines.adapters.faster_whisper.load import load_window_model
from engines.adapters.faster_whisper.model import WindowModel
from engines.api import (
    EngineInfo,
    Finished,
    Output,
    Place,
    TranscriptionCapabilities,
    TranscriptionJob,
    TranscriptionOutput,
    TranscriptSegment,
    TranscriptToken,
    TranscriptWord,
)
from engines.toolkit.transcript_words import log_probability, strip_punctuation
from engines.toolkit.transcription_options import ENGLISH, check_job, fallback_temperatures, iso_codes
from engines.toolkit.vad import SAMPLE_RATE, Silero
from engines.toolkit.windows import Window, Windows

UNSURE_TEMPERATURE = 0.5
"""text that came at a higher temperature, and all before it, is no prompt of the next window"""


class FasterWhisper:
    """The engine `faster-whisper`. One thread at a time."""

    def __init__(self, path: str = "", model: str = "faster-whisper", vad: bool = True) -> None:
        self._path = path
        self._name = model
        self._vad = vad

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load the model. Raises EngineFailed."""
        self._model = load_window_model(self._path, place)
        self._silero = Silero() if self._vad else None
        self._codes = iso_codes(self._model.languages)
        return EngineInfo(
            name="faster-whisper",
            version=version("faster-whisper"),
            licence="MIT",
            models=(self._name,),
            device=str(self._model.model.device),
            transcription=TranscriptionCapabilities(
                tuple(self._codes),
                sample_rate=SAMPLE_RATE,
                words=True,
                logprobs=True,
                prompt=True,
                temperature=True,
                translate=True,  # what knows only English does so by its transcript
            ),
        )

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], out: TranscriptionOutput) -> Finished:
        """Transcribe a recording, window by window. Raises Unsupported."""
        check_job(job, self._name, self._codes)
        windows = Windows(audio, self._silero, out.beat)
        with self._model.hook.during(lambda: out.beat(windows.processed_seconds)):
            return self._transcribe_windows(job, windows, out)

    def _transcribe_windows(
        self, job: TranscriptionJob, windows: Windows, out: TranscriptionOutput
    ) -> Finished:
        transcriber = WindowTranscriber(self._model, job, self._codes.get(job.language or ""))
        while window := windows.next_window():
            for segment in transcriber.transcribe(window):
                out.segment(_transcript_segment(segment, window, job))
            windows.advance(self._model.transcribed_seconds or len(window.samples) / SAMPLE_RATE)
            out.beat(windows.processed_seconds)
        language = next((iso for iso, code in self._codes.items() if code == transcriber.language), ENGLISH)
        return Finished(windows.duration, language)


class WindowTranscriber:
    """Transcribes the windows of one recording in turn, each with the text before it as its prompt."""

    def __init__(self, model: WindowModel, job: TranscriptionJob, language: str | None) -> None:
        self._model = model
        self._job = job
        self.language = language
        """the model's own code, once it is known"""
        self._tokens = model.prompt_tokens(job.prompt or "")
        """those of the prompt and of all windows before"""

    def transcribe(self, window: Window) -> Iterator[Segment]:
        """Yield the segments of the next window."""
        temperature = 0.0
        for segment in self._model.transcribe_window(
            window.samples,
            language=self.language,
            task="translate" if self._job.translate and self._model.model.is_multilingual else "transcribe",
            initial_prompt=self._tokens or None,
            temperature=fallback_temperatures(self._job.temperature),
            word_timestamps=self._job.words or self._job.logprobs,
        ):
            self._tokens += segment.tokens
            temperature = segment.temperature
            yield segment
        self.language = self._model.language
        if temperature > UNSURE_TEMPERATURE:
            self._tokens = []


def _transcript_segment(segment: Segment, window: Window, job: TranscriptionJob) -> TranscriptSegment:
    """Return a segment of the library's as the contract has it.

    CTranslate2 gives the probability of words, not of their parts: so a token is a whole word.
    """
    words = []
    tokens = []
    for word in segment.words or ():
        logprob = log_probability(float(word.probability))
        if job.logprobs:
            tokens.append(TranscriptToken(word.word, logprob, tuple(word.word.encode())))
        if job.words and (letters := strip_punctuation(word.word)):
            start = window.recording_time(word.start)
            words.append(TranscriptWord(letters, start, window.recording_time(word.end), logprob))
    return TranscriptSegment(
        segment.text.strip(),
        window.recording_time(segment.start),
        window.recording_time(segment.end),
        words=tuple(words),
        avg_logprob=float(segment.avg_logprob),
        no_speech_prob=float(segment.no_speech_prob),
        tokens=tuple(int(token) for token in segment.tokens),
        temperature=float(segment.temperature),
        logprobs=tuple(tokens),
        space_before=segment.text[:1].isspace(),
    )
