"""Engines for tests of the contract, run in worker processes: each does one thing that the contract speaks of."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from engines.api import (
    Batches,
    CloningCapabilities,
    Concurrency,
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
    Threads,
    TranscriptionCapabilities,
    TranscriptionJob,
    TranscriptionOutput,
    Voice,
    attempt,
)
from engines.errors import BadInput, EngineBroken, EngineFailed, Overloaded

RATE = 24_000
CHUNK = bytes(480)
VOICES = (Voice("low", "Low"),)


def info(
    name: str, concurrency: Concurrency, *, cloning: CloningCapabilities | None = None, hears: bool = False
) -> EngineInfo:
    """Return what an engine that speaks says of itself."""
    return EngineInfo(
        name,
        "1",
        "MIT",
        (name,),
        VOICES,
        speech=SpeechCapabilities(RATE, ("en",), cloning=cloning),
        transcription=TranscriptionCapabilities(("en",)) if hears else None,
        concurrency=concurrency,
        cancel_grace=1.0,
    )


class Thinking:
    """An engine that needs long for everything: with signs of it, or without.

    `seconds` is how long; `quiet`, what it gives no signs in: "load", "speak", "prompt" or "transcribe".
    """

    def __init__(self, seconds: float = 3.0, quiet: str = "", slow_load: bool = False) -> None:
        self._seconds = seconds
        self._quiet = quiet
        self._slow_load = slow_load

    def _think(self, what: str, out: Output) -> None:
        end = time.monotonic() + self._seconds
        while time.monotonic() < end:
            time.sleep(0.02)
            if what != self._quiet:
                out.beat(0.5)

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load, slowly if that is asked for."""
        if self._slow_load:
            self._think("load", out)
        return info("thinking", Threads(1), cloning=CloningCapabilities(RATE), hears=True)

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Think, and give a little audio."""
        self._think("speak", out)
        out.audio(CHUNK)

    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Think, and return a prompt."""
        from safetensors.numpy import save

        self._think("prompt", out)
        return save({})

    def open_prompt(self, data: bytes) -> str:
        """Return nothing of interest."""
        return "opened"

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], out: TranscriptionOutput) -> Finished:
        """Read all, and think."""
        seconds = sum(map(len, audio)) / 32_000
        self._think("transcribe", out)
        return Finished(seconds, "en")


class OneThread:
    """An engine that writes down the thread of everything that it does, into a file."""

    def __init__(self, file: str = "", parallel: int = 0) -> None:
        self._file = Path(file)
        self._parallel = parallel
        self._note("init")

    def _note(self, what: str) -> None:
        with self._file.open("a") as written:
            written.write(f"{what} {threading.get_native_id()}\n")

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Note the thread."""
        self._note("load")
        concurrency: Concurrency = Threads(self._parallel) if self._parallel else Steps(2)
        return info("one-thread", concurrency, cloning=CloningCapabilities(RATE), hears=True)

    def begin(self, job: SpeechJob, out: SpeechOutput) -> SpeechOutput:
        """Note the thread."""
        self._note("begin")
        return out

    def step(self, members: Sequence[SpeechOutput]) -> list[StepResult]:
        """Note the thread, and end the jobs."""
        self._note("step")
        for member in members:
            member.audio(CHUNK)
        return [False] * len(members)

    def drop(self, member: SpeechOutput) -> None:
        """Note the thread."""
        self._note("drop")

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Note the thread."""
        self._note("speak")
        out.audio(CHUNK)

    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Note the thread."""
        from safetensors.numpy import save

        self._note("prompt")
        return save({})

    def open_prompt(self, data: bytes) -> str:
        """Note the thread."""
        self._note("open")
        return "opened"

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], out: TranscriptionOutput) -> Finished:
        """Note the thread."""
        self._note("transcribe")
        return Finished(sum(map(len, audio)) / 32_000, "en")


class Failing:
    """An engine that fails as its texts ask: busy, elsewhere, broken, fatal, bad."""

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Return its info."""
        return info("failing", Threads(2))

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Fail as the text asks, or give audio."""
        match job.text:
            case "busy":
                raise Overloaded("Too much to do.", retry_after=7.5)
            case "elsewhere":
                raise EngineFailed("Not here.", elsewhere=True, detail="no room")
            case "broken":
                raise EngineBroken("It is over.")
            case "fatal":
                try:
                    raise RuntimeError(
                        "CUDA error: an illegal memory access was encountered\nCUDA kernel errors"
                    )
                except RuntimeError as exc:
                    raise EngineFailed("The model failed.") from exc
            case "late":
                out.audio(CHUNK)
                raise Overloaded("Too much to do.", retry_after=7.5)
        out.audio(CHUNK)


class StepMember:
    """A job in steps: so many chunks, or as its text asks."""

    def __init__(self, job: SpeechJob, out: SpeechOutput) -> None:
        self.text = job.text
        self.left = int(job.text.split()[1]) if " " in job.text else 1
        self._out = out

    def advance(self) -> bool:
        """Give a chunk. Raises what the text asks for."""
        if self.text.startswith("fail "):
            raise BadInput("Not this one.")
        self._out.audio(CHUNK)
        self.left -= 1
        return self.left > 0


class Stepping:
    """An engine in steps, which writes what is begun, stepped and dropped into a file."""

    def __init__(self, file: str = "", members: int = 3, admitted: int = 1, seconds: float = 0.02) -> None:
        self._file = Path(file)
        self._steps = Steps(members, admitted)
        self._seconds = seconds

    def _note(self, what: str) -> None:
        with self._file.open("a") as written:
            written.write(what + "\n")

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Return its info."""
        return info("stepping", self._steps, cloning=CloningCapabilities(RATE))

    def begin(self, job: SpeechJob, out: SpeechOutput) -> StepMember:
        """Begin a job. Raises BadInput."""
        self._note(f"begin {job.text}")
        if job.text == "refused":
            raise BadInput("Never.")
        return StepMember(job, out)

    def step(self, members: Sequence[StepMember]) -> list[StepResult]:
        """Give a chunk of each."""
        self._note("step " + ", ".join(member.text for member in members))
        time.sleep(self._seconds)
        if any(member.text == "failing" for member in members):
            raise EngineFailed("The step failed.")
        while any(member.text.startswith("hang") for member in members):
            time.sleep(0.1)
        return [attempt(member.advance) for member in members]

    def drop(self, member: StepMember) -> None:
        """Drop a job."""
        self._note(f"drop {member.text}")

    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Return a prompt."""
        from safetensors.numpy import save

        self._note("prompt")
        return save({})

    def open_prompt(self, data: bytes) -> str:
        """Return nothing of interest."""
        return "opened"


class Contradicting:
    """An engine that says that it works in batches, and has none."""

    def __init__(self, size: int = 2) -> None:
        self._size = size

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Say so."""
        return info("contradicting", Batches(self._size))

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Speak one job at a time."""
        out.audio(CHUNK)


class CloningTwice:
    """An engine that clones, and writes down the prompts that it opens."""

    def __init__(self, file: str = "", transcript: str = "no", languages: str = "") -> None:
        self._file = Path(file)
        self._transcript = transcript
        self._languages = tuple(languages.split())

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Return its info."""
        import msgspec

        cloning = msgspec.convert(
            {
                "sample_rate": RATE,
                "shortest": 2.0,
                "longest": 4.0,
                "transcript": self._transcript,
                "languages": self._languages,
            },
            CloningCapabilities,
        )
        return info("cloning-twice", Threads(1), cloning=cloning)

    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Return a prompt that holds what the job says."""
        import numpy as np
        from safetensors.numpy import save

        words = "|".join(sample.transcript for sample in job.samples)
        return save({"a": np.zeros(1)}, {"job": f"{job.language} {words}"})

    def open_prompt(self, data: bytes) -> str:
        """Return what the job said, and count it."""
        from safetensors import deserialize

        deserialize(data)  # type: ignore[no-untyped-call]
        with self._file.open("a") as written:
            written.write("opened\n")
        return data[8:200].decode("utf-8", "replace")

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Write down what it speaks with."""
        assert job.prompt
        with self._file.open("a") as written:
            written.write(f"spoke with {job.prompt.opened!r}\n")
        out.audio(CHUNK)
