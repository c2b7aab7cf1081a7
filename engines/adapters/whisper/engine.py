"""Whisper, by transformers: any checkpoint of it in a folder in the Hugging Face layout, on a CPU or a GPU.

Options: `path`, the folder; `model`, the name it goes by; `vad`, whether silence is passed over. Of its place
it takes the device ("cpu", "cuda", "mps"), the dtype ("float32", "float16", "bfloat16") and the threads.
Nothing is ever downloaded, and no code of a checkpoint is run.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from engines.adapters.whisper.model import WhisperModel
from engines.adapters.whisper.transcriber import RecordingTranscriber
from engines.api import EngineInfo, Finished, Output, Place, TranscriptionJob, TranscriptionOutput
from engines.toolkit.stopping import BeatHook
from engines.toolkit.threads import set_torch_threads


class Whisper:
    """The engine `whisper`. One thread at a time."""

    def __init__(self, path: str = "", model: str = "whisper", vad: bool = True) -> None:
        self._path = path
        self._name = model
        self._vad = vad
        self._hook = BeatHook()

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load the checkpoint. Raises EngineFailed."""
        set_torch_threads(place.threads)
        self._model = WhisperModel(self._path, place)
        self._hook.watch(self._model.stop_points)
        self._transcriber = RecordingTranscriber(self._model, self._name, self._hook, vad=self._vad)
        return EngineInfo(
            name="whisper",
            version=version("transformers"),
            licence="Apache-2.0",
            models=(self._name,),
            device=self._model.device,
            transcription=self._transcriber.capabilities,
        )

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], out: TranscriptionOutput) -> Finished:
        """Transcribe a recording, window by window. Raises Unsupported."""
        return self._transcriber.transcribe(job, audio, out)
