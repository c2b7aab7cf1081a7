"""Whisper by MLX: what the engine on torch does, of the same files.

Languages, options, limits and errors are those of `engines.adapters.whisper`, whose parts without torch say
what they are. Options: `path`, the folder; `model`, the name it goes by; `vad`, whether silence is passed
over. Of its place it takes the device ("auto", "mlx", "cpu") and the dtype: halves unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from engines.adapters.mlx.whisper_model import WhisperOnMlx
from engines.adapters.whisper.transcriber import RecordingTranscriber
from engines.api import EngineInfo, Finished, Output, Place, TranscriptionJob, TranscriptionOutput


class WhisperMlx:
    """The engine of Whisper on MLX. One thread."""

    def __init__(self, path: str = "", model: str = "whisper", vad: bool = True) -> None:
        self._path = path
        self._name = model
        self._vad = vad

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load the checkpoint. Raises EngineFailed."""
        model = WhisperOnMlx(self._path, place)
        self._transcriber = RecordingTranscriber(model, self._name, model.hook, vad=self._vad)
        return EngineInfo(
            name="whisper",
            version=version("mlx-audio"),
            licence="Apache-2.0",
            models=(self._name,),
            device=model.device,
            transcription=self._transcriber.capabilities,
        )

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], out: TranscriptionOutput) -> Finished:
        """Transcribe a recording, window by window. Raises Unsupported."""
        return self._transcriber.transcribe(job, audio, out)
