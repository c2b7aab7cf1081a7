"""Tests of the warm-up, a model's first job, which runs before it is ready."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engines.api import (
    Audio,
    EmitSpeech,
    EmitTranscription,
    EngineInfo,
    Finished,
    SpeechCapabilities,
    SpeechJob,
    TranscriptionCapabilities,
    TranscriptionJob,
)
from engines.errors import Unsupported
from engines.worker.warm_up import VOWEL_SECONDS, vowel, warm_up


class Both:
    """An engine that speaks and transcribes, and counts both."""

    def __init__(self) -> None:
        self.chunks = 0
        self.recording = b""

    def speak(self, job: SpeechJob, emit: EmitSpeech) -> None:
        """Emit ten chunks, or as many as are wanted."""
        while self.chunks < 10:
            self.chunks += 1
            if not emit(Audio(bytes(100))):
                return

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], emit: EmitTranscription) -> None:
        """Read all of the recording."""
        self.recording = b"".join(audio)
        emit(Finished(1.0, "en"))


INFO = EngineInfo(
    "both",
    "1",
    "MIT",
    ("both",),
    speech=SpeechCapabilities(24_000, ()),
    transcription=TranscriptionCapabilities(()),
)


def test_the_warm_up_speaks_and_transcribes() -> None:
    """A model speaks until its first audio, no longer, and transcribes a second and a half of sound."""
    engine = Both()
    warm_up(engine, INFO)

    assert engine.chunks == 1
    assert len(engine.recording) == round(2 * VOWEL_SECONDS * 16_000)


def test_a_failed_warm_up_is_no_error(capfd: pytest.CaptureFixture[str]) -> None:
    """A model that refuses the job is loaded all the same, and the log has the reason."""

    class Refusing(Both):
        def speak(self, job: SpeechJob, emit: EmitSpeech) -> None:
            raise Unsupported("No Latin letters here.")

    warm_up(Refusing(), INFO)
    assert "No Latin letters here." in capfd.readouterr().err


def test_the_vowel_counts_as_speech() -> None:
    """Voice detection finds speech in the warm-up's sound, else the stages after it would not be warmed up."""
    pytest.importorskip("onnxruntime")
    from engines.toolkit.vad import speech_spans

    assert speech_spans(vowel(16_000))
