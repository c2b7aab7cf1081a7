"""Tests of the warm-up, a model's first job, which is part of its start."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from one_worker import SETTINGS, path_of_engines
from outputs import QUIET

from engines.api import (
    CloningCapabilities,
    EngineInfo,
    Finished,
    Output,
    Place,
    PromptJob,
    SpeechCapabilities,
    SpeechJob,
    SpeechOutput,
    StepResult,
    Steps,
    TranscriptionCapabilities,
    TranscriptionJob,
    TranscriptionOutput,
    Voice,
)
from engines.catalogue.engines import EngineRecord
from engines.errors import EngineFailed, Unsupported
from engines.fleet.worker_process import StartFailed, WorkerProcess
from engines.worker.warm_up import VOWEL_SECONDS, FirstJobFailed, vowel, warm_up

INFO = EngineInfo(
    "both",
    "1",
    "MIT",
    ("both",),
    voices=(Voice("low", "Low"),),
    speech=SpeechCapabilities(24_000, ()),
    transcription=TranscriptionCapabilities(()),
)


class Both:
    """An engine that speaks and transcribes, and counts both."""

    def __init__(self) -> None:
        self.chunks = 0
        self.recording = b""

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Return its info."""
        return INFO

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Give ten chunks, or as many as are wanted."""
        while self.chunks < 10:
            self.chunks += 1
            out.audio(bytes(100))

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], out: TranscriptionOutput) -> Finished:
        """Read all of the recording."""
        self.recording = b"".join(audio)
        return Finished(1.0, "en")


class Refusing(Both):
    """An engine that does not take this text."""

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Refuse."""
        raise Unsupported("No Latin letters here.")


class RefusingForMemory(Both):
    """An engine that takes whatever it finds for the fault of the job."""

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Refuse."""
        raise Unsupported("This voice prompt is none of this model's.") from RuntimeError(
            "CUDA out of memory."
        )


class Failing(Both):
    """An engine that was loaded and cannot speak: what it does, it does to every job."""

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Fail as a library does."""
        raise RuntimeError("no kernel image is available for execution on the device")


class Returning(Both):
    """An engine that gives what it makes to the wrong hands, or nothing at all."""

    def __init__(self, spoken: Any = None, heard: Any = None) -> None:
        super().__init__()
        self._spoken, self._heard = spoken, heard

    def speak(self, job: SpeechJob, out: SpeechOutput) -> Any:
        """Return audio."""
        return self._spoken

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], out: TranscriptionOutput) -> Any:
        """Return no end."""
        return self._heard


class Broken(Both):
    """An engine with a mistake."""

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Look for what is not there."""
        loaded: dict[str, EngineInfo] = {}
        return loaded["weights"]


class Cloning(Both):
    """An engine that has no voice but cloned ones."""

    def __init__(self) -> None:
        super().__init__()
        self.spoken_with: object = None

    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Return the size of the samples."""
        return str(sum(len(sample.pcm) for sample in job.samples)).encode()

    def open_prompt(self, data: bytes) -> int:
        """Return what the prompt holds."""
        return int(data)

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Keep the voice."""
        assert job.prompt
        self.spoken_with = job.prompt.opened
        super().speak(job, out)


class Stepping:
    """An engine in steps, which gives audio in the third, or fails in the first, or returns what is given."""

    def __init__(self, error: Exception | None = None, returned: Any = True) -> None:
        self.members: list[SpeechOutput] = []
        self.steps = 0
        self._error = error
        self._returned = returned

    def begin(self, job: SpeechJob, out: SpeechOutput) -> SpeechOutput:
        """Begin a job."""
        self.members.append(out)
        return out

    def step(self, members: Sequence[SpeechOutput]) -> list[StepResult]:
        """Take a step."""
        self.steps += 1
        if self._error:
            return [self._error]
        if self.steps == 3:
            members[0].audio(bytes(100))
        result: list[StepResult] = [True] if self._returned is True else self._returned
        return result

    def drop(self, member: SpeechOutput) -> None:
        """End a job."""
        self.members.remove(member)


def test_the_warm_up_speaks_and_transcribes() -> None:
    """A model speaks until its first audio, no longer, and transcribes a second and a half of sound."""
    engine = Both()
    warm_up(engine, INFO, QUIET)

    assert engine.chunks == 1
    assert len(engine.recording) == round(2 * VOWEL_SECONDS * 16_000)


def test_a_refused_text_is_no_error(capfd: pytest.CaptureFixture[str]) -> None:
    """A model that refuses this text is loaded all the same, and the log has the reason."""
    warm_up(Refusing(), INFO, QUIET)
    assert "No Latin letters here." in capfd.readouterr().err


def test_a_refusal_that_came_of_the_device_is_one() -> None:
    """What an engine refuses because its device has too little memory is why the start failed."""
    with pytest.raises(FirstJobFailed, match="none of this model's"):
        warm_up(RefusingForMemory(), INFO, QUIET)


def test_anything_else_is() -> None:
    """A first job that fails is a start that failed, whatever failed at it: a real job would fail too."""
    with pytest.raises(FirstJobFailed, match="first job failed: RuntimeError: no kernel image"):
        warm_up(Failing(), INFO, QUIET)


def test_the_worker_of_a_failed_first_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose first job failed does not start, and says why: today's requests are spared from it."""
    monkeypatch.setenv("PYTHONPATH", path_of_engines(__file__))
    record = EngineRecord("failing", "test_warm_up:Failing", ("speech",), "MIT", warm=True)

    async def start() -> WorkerProcess:
        return await WorkerProcess.start(record, SETTINGS, lambda *_, **__: None)

    with pytest.raises(StartFailed, match="first job failed: RuntimeError: no kernel image") as caught:
        asyncio.run(start())
    assert not caught.value.permanent


def test_an_engine_in_steps() -> None:
    """An engine that works in steps is stepped until there is audio, and its member is dropped; a step's error
    is the start's.
    """

    info = EngineInfo(
        "steps", "1", "MIT", ("steps",), speech=SpeechCapabilities(24_000, ()), concurrency=Steps(2)
    )
    engine = Stepping()
    warm_up(engine, info, QUIET)
    assert (engine.steps, engine.members) == (3, [])
    failing = Stepping(EngineFailed("out of memory"))
    with pytest.raises(FirstJobFailed, match="out of memory"):
        warm_up(failing, info, QUIET)
    assert failing.members == []


@pytest.mark.parametrize(
    ("returned", "told"), [(None, "returned NoneType"), ([], "0 results"), ([True, True], "2 results")]
)
def test_steps_that_tell_of_others(returned: object, told: str) -> None:
    """A step that does not tell what became of its member is said to, in words of the contract."""
    info = EngineInfo(
        "steps", "1", "MIT", ("steps",), speech=SpeechCapabilities(24_000, ()), concurrency=Steps(2)
    )
    with pytest.raises(FirstJobFailed, match=f"`step` .*{told}"):
        warm_up(Stepping(returned=returned), info, QUIET)


def test_what_is_returned_and_not_given(capfd: pytest.CaptureFixture[str]) -> None:
    """Audio that `speak` returns is heard by nobody, and a transcription without an end has none: the start says
    so. A text without audio may be the engine's right, and the log has it.
    """
    with pytest.raises(FirstJobFailed, match="`speak` returned bytes"):
        warm_up(Returning(b"12"), INFO, QUIET)
    with pytest.raises(FirstJobFailed, match="`transcribe` returned NoneType, and no Finished"):
        warm_up(Returning(), INFO, QUIET)
    warm_up(Returning(heard=Finished(1.0, "en")), INFO, QUIET)
    assert "no audio for the first text" in capfd.readouterr().err


def test_the_log_tells_where_an_adapter_has_its_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an adapter raises by mistake while it loads is in the log with its place: `'weights'` alone tells
    its programmer nothing.
    """
    monkeypatch.setenv("PYTHONPATH", path_of_engines(__file__))
    record = EngineRecord("broken", "test_warm_up:Broken", ("speech",), "MIT")
    logged: list[str] = []

    async def start() -> WorkerProcess:
        return await WorkerProcess.start(
            record, SETTINGS, lambda *_, **said: logged.append(str(said.get("text")))
        )

    with pytest.raises(StartFailed, match="KeyError: 'weights'"):
        asyncio.run(start())
    assert any("test_warm_up.py" in line and ", in load" in line for line in logged)


def test_an_engine_without_voices() -> None:
    """An engine that only clones makes a voice of the vowel, long enough for it, and speaks with that."""
    cloning = CloningCapabilities(16_000, shortest=5.0, transcript="needed")
    info = EngineInfo(
        "clones", "1", "MIT", ("clones",), speech=SpeechCapabilities(24_000, (), cloning=cloning)
    )
    engine = Cloning()
    warm_up(engine, info, QUIET)

    assert engine.spoken_with == 2 * round(5.5 * 16_000)


def test_the_vowel_counts_as_speech() -> None:
    """Voice detection finds speech in the warm-up's sound, else the stages after it would not be warmed up."""
    pytest.importorskip("onnxruntime")
    from engines.toolkit.vad import speech_spans

    assert speech_spans(vowel(16_000))
