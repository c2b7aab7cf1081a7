"""Transcription models that transformers itself has the code of.

These are Wav2Vec2 and models like it, Parakeet, Moonshine, Qwen3-ASR and others.

Options: `path`, a folder in the Hugging Face layout; `model`, the name it goes by; `vad`, whether silence is
passed over; `others`, further folders; `remote_code`, whether code in the folder may run: only where it is
set to true. Of its place it takes the device ("cpu", "cuda", "mps"), the dtype ("float32", "float16",
"bfloat16") and the threads. Nothing is ever downloaded.

Each window is transcribed by itself: up to 30 seconds, which end at a pause.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version

import torch

from engines.adapters.transformers_models.checkpoint import as_engine_failed, open_checkpoint
from engines.adapters.transformers_models.cut_points import cut_point
from engines.adapters.transformers_models.transcription_model import TranscriptionModel, WindowTranscript
from engines.api import (
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
from engines.toolkit.stopping import BeatHook
from engines.toolkit.threads import set_torch_threads
from engines.toolkit.transcription_options import ENGLISH
from engines.toolkit.vad import SAMPLE_RATE, Floats, Silero
from engines.toolkit.windows import Window, Windows


class TransformersTranscription:
    """The engine `transformers` for transcription. One thread at a time."""

    def __init__(
        self,
        path: str = "",
        model: str = "transformers",
        vad: bool = True,
        others: str = "",
        remote_code: bool = False,
    ) -> None:
        self._path = path
        self._name = model
        self._vad = vad
        self._others = others
        self._remote_code = remote_code
        self._hook = BeatHook()

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load the model. Raises EngineFailed."""
        set_torch_threads(place.threads)
        checkpoint = open_checkpoint(
            self._path,
            "transcription",
            self._name,
            place=place,
            others=self._others,
            remote_code=self._remote_code,
        )
        module, _, class_name = checkpoint.architecture.adapter.partition(":")
        self._model: TranscriptionModel = getattr(import_module(module), class_name)(checkpoint)
        self._silero = Silero() if self._vad else None
        self._hook.watch(self._model.stop_points)
        return EngineInfo(
            name="transformers",
            version=version("transformers"),
            licence="Apache-2.0",
            models=(self._name,),
            device=torch.device(checkpoint.device).type,
            transcription=TranscriptionCapabilities(
                self._model.languages,
                sample_rate=SAMPLE_RATE,
                words=self._model.words,
                prompt=self._model.prompt,
            ),
        )

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], out: TranscriptionOutput) -> Finished:
        """Transcribe a recording, window by window. Raises Unsupported or EngineFailed."""
        if job.translate:
            raise Unsupported(f"The model '{self._name}' does not translate.", param="model")
        if job.language and self._model.languages and job.language not in self._model.languages:
            raise Unsupported(
                f"The model '{self._name}' does not know the language '{job.language}'.", param="language"
            )
        windows = Windows(audio, self._silero, out.beat)
        with self._hook.during(lambda: out.beat(windows.processed_seconds)):
            return self._transcribe_windows(job, windows, out)

    def _transcribe_windows(
        self, job: TranscriptionJob, windows: Windows, out: TranscriptionOutput
    ) -> Finished:
        language = job.language or ""
        while window := windows.next_window():
            samples = window.samples[: cut_point(window.samples, self._silero)]
            seconds = len(samples) / SAMPLE_RATE
            transcript = self._transcribe_window(samples, job)
            language = language or transcript.language
            windows.advance(seconds)
            if segment := _transcript_segment(transcript, window, seconds, with_words=job.words):
                out.segment(segment)
            out.beat(windows.processed_seconds)
        return Finished(windows.duration, language or ENGLISH)

    def _transcribe_window(self, samples: Floats, job: TranscriptionJob) -> WindowTranscript:
        torch.manual_seed(0)  # a checkpoint's own settings may make it draw random tokens
        with torch.inference_mode(), as_engine_failed(f"The model '{self._name}' failed"):
            return self._model.transcribe(samples, job)


def _transcript_segment(
    transcript: WindowTranscript, window: Window, seconds: float, *, with_words: bool
) -> TranscriptSegment | None:
    """Return the transcript of a window's first `seconds` as the contract has it; None without text."""
    text = transcript.text.strip()
    if not text:
        return None
    start = 0.0
    end = seconds
    if transcript.words:
        start = transcript.words[0].start
        end = transcript.words[-1].end
    words = (
        TranscriptWord(word.word, window.recording_time(word.start), window.recording_time(word.end))
        for word in transcript.words
        if with_words
    )
    return TranscriptSegment(text, window.recording_time(start), window.recording_time(end), tuple(words))
