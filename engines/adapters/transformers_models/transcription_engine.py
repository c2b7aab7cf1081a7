"""Recognition models that transformers itself has the code of: Wav2Vec2 and its kin, Parakeet, Moonshine,
Qwen3-ASR and others.

Options: `path`, a folder in the Hugging Face layout; `model`, the name it goes by; `device` ("cpu", "cuda",
"cuda:1", "mps"); `dtype` ("float32", "float16", "bfloat16"); `vad`, whether silence is passed over;
`threads`, on a CPU; `remote_code`, whether code in the folder may run: only where it is set to true. Nothing
is ever downloaded.

Each window is heard by itself: up to 30 seconds, which end at a pause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version

import torch

from engines.adapters.transformers_models.cut_points import heard_until
from engines.adapters.transformers_models.files import folder, telling
from engines.adapters.transformers_models.recogniser import Recogniser, Said
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
from engines.toolkit.transcription_options import ENGLISH, usable_cores
from engines.toolkit.vad import Silero
from engines.toolkit.windows import RATE, Floats, Unwanted, Window, Windows
from engines.toolkit.windows import telling as unless_unwanted


class TransformersTranscription:
    """See the module. One thread at a time."""

    def __init__(
        self,
        path: str = "",
        model: str = "transformers",
        device: str = "auto",
        dtype: str = "auto",
        vad: bool = True,
        threads: int = 0,
        others: str = "",
        remote_code: bool = False,
    ) -> None:
        self._path, self._name, self._device, self._dtype = path, model, device, dtype
        self._vad, self._threads, self._others, self._remote_code = vad, threads, others, remote_code
        self._step: Callable[[], None] = _nothing

    def load(self) -> EngineInfo:
        """Load the model. Raises EngineFailed."""
        torch.set_num_threads(
            self._threads or usable_cores()
        )  # there are libraries that set it to one when they are imported
        source = folder(
            self._path,
            "transcription",
            self._name,
            device=self._device,
            dtype=self._dtype,
            others=self._others,
            remote_code=self._remote_code,
        )
        module, _, made_by = source.known.adapter.partition(":")
        self._model: Recogniser = getattr(import_module(module), made_by)(source)
        self._silero = Silero() if self._vad else None
        for layer in self._model.steps:
            layer.register_forward_pre_hook(lambda *_: self._step())
        return EngineInfo(
            name="transformers",
            version=version("transformers"),
            licence="Apache-2.0",
            models=(self._name,),
            device=torch.device(source.device).type,
            transcription=TranscriptionCapabilities(
                self._model.languages, sample_rate=RATE, words=self._model.words, prompt=self._model.prompt
            ),
        )

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], emit: EmitTranscription) -> None:
        """Transcribe a recording, window by window. Raises Unsupported or EngineFailed."""
        if job.translate:
            raise Unsupported(f"The model '{self._name}' does not translate.", param="model")
        if job.language and self._model.languages and job.language not in self._model.languages:
            raise Unsupported(
                f"The model '{self._name}' does not know the language '{job.language}'.", param="language"
            )
        tell = unless_unwanted(emit)
        windows = Windows(audio, self._silero, lambda seconds: tell(Progress(seconds)))
        self._step = lambda: tell(Progress(windows.done))
        try:
            self._transcribe_windows(job, windows, tell)
        except Unwanted:
            return
        finally:
            self._step = _nothing

    def _transcribe_windows(
        self, job: TranscriptionJob, windows: Windows, tell: Callable[[TranscriptionEvent], None]
    ) -> None:
        language = job.language or ""
        while window := windows.next():
            samples = window.own[: heard_until(window.own, self._silero)]
            said = self._said(samples, job)
            language = language or said.language
            windows.advance(len(samples) / RATE)
            if heard := _heard(said, window, len(samples) / RATE, words=job.words):
                tell(heard)
            tell(Progress(windows.done))
        tell(Finished(windows.duration, language or ENGLISH))

    def _said(self, samples: Floats, job: TranscriptionJob) -> Said:
        torch.manual_seed(0)  # a checkpoint's own settings may draw lots
        with torch.inference_mode(), telling(f"The model '{self._name}' failed"):
            return self._model.hear(samples, job)


def _heard(said: Said, window: Window, seconds: float, *, words: bool) -> TranscriptSegment | None:
    """Make of what was said what is told; None when there is nothing."""
    text = said.text.strip()
    if not text:
        return None
    start, end = (said.words[0].start, said.words[-1].end) if said.words else (0.0, seconds)
    timed = (TranscriptWord(word.word, window.time(word.start), window.time(word.end)) for word in said.words)
    return TranscriptSegment(text, window.time(start), window.time(end), tuple(timed) if words else ())


def _nothing() -> None:
    """Have nothing to do at a step: no job is running."""
