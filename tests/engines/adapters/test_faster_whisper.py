"""Tests of CTranslate2's Whisper: its files, number formats and GPUs, and that its transcripts are the
library's.
"""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_whisper as tiny
from faster_whisper import WhisperModel
from outputs import QUIET, run_transcription
from safetensors.torch import load_file, save_file
from tiny_whisper import TRANSCRIPTS, samples, silence, sound
from whisper_transcripts import (
    LONG_SEQUENCE,
    are_near,
    segments_of,
    sound_sequence,
    texts,
    timed_texts,
    transcribe,
)

from engines.adapters.faster_whisper.engine import FasterWhisper
from engines.adapters.faster_whisper.load import CUBLAS, choose_compute_type, choose_device
from engines.adapters.faster_whisper.model import InterruptibleModel
from engines.api import Finished, Place, Progress, TranscriptionEvent, TranscriptionJob, TranscriptSegment
from engines.errors import EngineFailed, Unsupported
from engines.toolkit.transcript_words import strip_punctuation
from engines.toolkit.transcription_options import fallback_temperatures


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create the model, not converted yet."""
    folder = tmp_path_factory.mktemp("original")
    tiny.make_whisper(folder)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """Create the converted model, to be spoilt."""
    tiny.convert_to_ctranslate2(original, tmp_path / "converted")
    return tmp_path / "converted"


def change_bands(folder: Path) -> None:
    """Write the features of a model with other bands."""
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"feature_size": 128}))


def truncate(folder: Path) -> None:
    """Cut the weights' file off."""
    path = folder / "model.bin"
    path.write_bytes(path.read_bytes()[:1000])


def break_tokenizer(folder: Path) -> None:
    """Write a tokenizer that is no JSON."""
    (folder / "tokenizer.json").write_text("{")


def delete(*names: str) -> Callable[[Path], None]:
    """Return what deletes files."""

    def change(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return change


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "not converted": (delete("model.bin"), r"is not whole, or not converted: model\.bin is missing"),
    "no tokenizer": (delete("tokenizer.json"), r"tokenizer\.json is missing"),
    "truncated": (truncate, "cannot be loaded: "),
    "broken tokenizer": (break_tokenizer, "cannot be loaded: "),
    "another model's features": (change_bands, "another model's: 80 bands are wanted"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_files_that_are_not_whole(folder: Path, name: str) -> None:
    """A missing or broken file is named in a sentence with the folder; nothing is downloaded for it."""
    change, message = BROKEN[name]
    change(folder)

    with pytest.raises(EngineFailed, match=message) as caught:
        FasterWhisper(str(folder), vad=False).load(Place(), QUIET)
    assert str(folder) in caught.value.message


@pytest.mark.parametrize(("path", "message"), [("", "Set the option `path`"), ("tiny", "There is no folder")])
def test_only_folders_are_opened(path: str, message: str) -> None:
    """Without a folder there is no model: a size that the library knows is no folder, and nothing is
    downloaded.
    """
    with pytest.raises(EngineFailed, match=message):
        FasterWhisper(path).load(Place(), QUIET)


def test_a_dtype_that_there_is_not(folder: Path) -> None:
    """A number format that does not exist is refused by name."""
    with pytest.raises(EngineFailed, match=r"cannot be loaded: .*int3"):
        FasterWhisper(str(folder), vad=False).load(Place(dtype="int3"), QUIET)


def test_on_a_cpu_in_eight_bits(folder: Path) -> None:
    """Without another option a CPU computes in eight bits."""
    for dtype, expected in (("auto", "int8"), ("float32", "float32")):
        engine = FasterWhisper(str(folder), vad=False)
        engine.load(Place(device="cpu", dtype=dtype, threads=1), QUIET)
        assert expected in engine._model.model.compute_type
        assert texts(transcribe(engine, sound("count", 3))) == [TRANSCRIPTS["count"]]


def test_a_model_for_english_only(tmp_path: Path) -> None:
    """A model that knows only English says so, refuses other languages, and translates English by its
    transcript.
    """
    tiny.make_whisper(tmp_path / "original", multilingual=False)
    vocabulary = tmp_path / "converted" / "vocabulary.json"
    tiny.convert_to_ctranslate2(tmp_path / "original", tmp_path / "converted")
    vocabulary.write_text(json.dumps([token or "[unused]" for token in json.loads(vocabulary.read_text())]))
    engine = FasterWhisper(str(tmp_path / "converted"), model="tiny.en", vad=False)
    info = engine.load(Place(threads=1), QUIET)

    assert info.transcription is not None
    assert (info.transcription.languages, info.transcription.translate) == (("en",), True)
    assert transcribe(engine, sound("hello", 3), TranscriptionJob(language="en"))[-1] == Finished(3.0, "en")
    plain, translated = (
        transcribe(engine, sound("hello", 3), TranscriptionJob(translate=translate))
        for translate in (False, True)
    )
    assert translated == plain
    with pytest.raises(Unsupported, match=r"tiny\.en"):
        transcribe(engine, b"", TranscriptionJob(language="de"))


JOBS = [
    (TranscriptionJob(translate=True, words=False, prompt="one two three"), 0.03),
    (TranscriptionJob(language="en"), 0.5),  # where a window begins, words are aligned a little otherwise
]


@pytest.mark.parametrize(("job", "within"), JOBS, ids=["translation", "words"])
@pytest.mark.shows("equals", "faster-whisper")
def test_segments_are_the_librarys(folder: Path, job: TranscriptionJob, within: float) -> None:
    """Segments, times, words and probabilities are the library's for the whole recording."""
    engine = FasterWhisper(str(folder), vad=False)
    engine.load(Place(dtype="float32", threads=1), QUIET)
    model = WhisperModel(str(folder), device="cpu", compute_type="float32", cpu_threads=1)
    events = transcribe(engine, sound_sequence(LONG_SEQUENCE), job)
    library_segments = list(
        model.transcribe(samples(sound_sequence(LONG_SEQUENCE)), **library_options(job))[0]
    )

    assert are_near(
        timed_texts(events), [(one.text.strip(), one.start, one.end) for one in library_segments], within
    )
    for segment, one in zip(segments_of(events), library_segments, strict=True):
        assert segment.tokens == tuple(one.tokens)
        assert segment.avg_logprob == pytest.approx(one.avg_logprob, abs=0.05)
        assert [word.word for word in segment.words] == [
            strip_punctuation(word.word) for word in one.words or ()
        ]
        assert [word.start for word in segment.words] == pytest.approx(
            [word.start for word in one.words or ()], abs=within
        )


def library_options(job: TranscriptionJob) -> dict[str, Any]:
    """Return a job's options as the library takes them."""
    return {
        "language": job.language,
        "task": "translate" if job.translate else "transcribe",
        "initial_prompt": job.prompt,
        "temperature": fallback_temperatures(job.temperature),
        "word_timestamps": job.words,
    }


def test_loads_no_torch_and_says_nothing(folder: Path) -> None:
    """Neither torch nor transformers is imported, and nothing is written on the worker's streams."""
    pcm = folder / "sound.pcm"
    pcm.write_bytes(silence(1) + sound("hello", 3) + silence(1))
    program = (
        "import pathlib, sys\n"
        "from engines.api import Place, TranscriptionJob\n"
        "from engines.adapters.faster_whisper.engine import FasterWhisper\n"
        f"engine = FasterWhisper({str(folder)!r}); engine.load(Place(), None)\n"
        "events = []\n"
        "out = type('Out', (), {'beat': lambda self, _: None, 'segment': lambda self, one: events.append(one)})()\n"
        f"engine.transcribe(TranscriptionJob(), iter([pathlib.Path({str(pcm)!r}).read_bytes()]), out)\n"
        f"assert [event.text for event in events] == [{TRANSCRIPTS['hello']!r}]\n"
        "assert not {'torch', 'transformers', 'silero_vad'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# Long calls...


@pytest.fixture(scope="module")
def unsure(tmp_path_factory: pytest.TempPathFactory) -> FasterWhisper:
    """Load a model that is as unsure as one given noise: it tries every temperature."""
    folder = tmp_path_factory.mktemp("unsure")
    tiny.make_whisper(folder / "original")
    weights = load_file(folder / "original" / "model.safetensors")
    for name in [name for name in weights if name.startswith("model.decoder.layer_norm")]:
        weights[name] *= 0.2
    save_file(weights, folder / "original" / "model.safetensors", {"format": "pt"})
    tiny.convert_to_ctranslate2(folder / "original", folder / "converted")
    engine = FasterWhisper(str(folder / "converted"), vad=False)
    engine.load(Place(threads=1), QUIET)
    return engine


UNSURE_JOB = TranscriptionJob(words=False, language="en")
EVENTS_BEFORE_DECODER = 42
"""forty chunks, their end, the encoder"""


def test_reports_every_attempt(unsure: FasterWhisper) -> None:
    """A window that is tried six times is reported six times, so that the job does not count as stalled."""
    events = transcribe(unsure, sound("hello", 4), UNSURE_JOB)
    first_segment = next(
        number for number, event in enumerate(events) if isinstance(event, TranscriptSegment)
    )

    assert segments_of(events)[0].temperature == 1.0
    assert first_segment >= EVENTS_BEFORE_DECODER + 6


def test_stops_between_two_attempts(unsure: FasterWhisper) -> None:
    """A client that leaves between two attempts at a window gets nothing more."""
    events: list[TranscriptionEvent] = []

    def emit(event: TranscriptionEvent) -> bool:
        events.append(event)
        return len(events) < EVENTS_BEFORE_DECODER + 4

    run_transcription(unsure, UNSURE_JOB, iter([sound("hello", 0.1)] * 40), emit)

    assert len(events) == EVENTS_BEFORE_DECODER + 4
    assert all(isinstance(event, Progress) for event in events)


class SlowModel:
    """A stand-in for CTranslate2's model whose calls last until they are released."""

    device = "cpu"

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.begun: list[str] = []

    def generate(self, name: str) -> str:
        """Wait until released."""
        self.begun.append(name)
        assert self.may_end.wait(30)
        return name


class ClientLeft(Exception):
    """Raised by a check when the client has left."""


def test_a_long_call_can_be_abandoned() -> None:
    """Checks go on during a call, and end it for its caller; the next call runs after it, and one that was
    abandoned before its begin never runs.
    """
    slow = SlowModel()
    checks = 0

    def check() -> None:
        nonlocal checks
        checks += 1
        if checks % 3 == 0 and not slow.may_end.is_set():
            raise ClientLeft

    model = InterruptibleModel(slow, check)
    for name in ("first", "second"):
        with pytest.raises(ClientLeft):
            model.generate(name)
    slow.may_end.set()

    assert model.generate("third") == "third"
    assert slow.begun == ["first", "third"]
    assert model.device == "cpu"


# GPUs...


def test_a_gpu_without_cublas(capfd: pytest.CaptureFixture[str]) -> None:
    """Without cuBLAS the CPU is used, with the reason; a request for the GPU is refused with what to install."""
    try:
        ctypes.CDLL(CUBLAS)
        pytest.skip("cuBLAS 12 is here")
    except OSError:
        pass

    assert choose_device("auto", 1) == "cpu"
    said = capfd.readouterr().err
    assert "add nvidia-cublas-cu12" in said
    assert "Until then it runs on the CPU" in said
    with pytest.raises(EngineFailed, match=r"without cuBLAS 12 .*engines add nvidia-cublas-cu12"):
        choose_device("cuda", 1)
    assert [choose_device(asked, 0) for asked in ("auto", "cpu", "cuda")] == ["cpu", "cpu", "cuda"]
    assert capfd.readouterr().err == ""


def test_a_gpu_with_cublas_of_a_package(tmp_path: Path) -> None:
    """cuBLAS in the package nvidia-cublas-cu12 is found, though it is not on the linker's path."""
    library = tmp_path / "nvidia" / "cublas" / "lib" / CUBLAS
    library.parent.mkdir(parents=True)
    name = "import _ctypes; print(_ctypes.__file__)"
    any_library = subprocess.run(
        [sys.executable, "-c", name], capture_output=True, text=True, check=True
    ).stdout.strip()
    shutil.copy(any_library, library)
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nfrom engines.adapters.faster_whisper.load import choose_device\n"
    done = subprocess.run(
        [sys.executable, "-c", program + "print(choose_device('auto', 1), choose_device('cuda', 1))"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (done.stdout, done.stderr) == ("cuda cuda\n", "")


def test_number_formats() -> None:
    """A GPU computes in halves where it can."""
    formats = {"cuda": {"float16", "float32", "int8"}, "old": {"float32", "int8"}}

    assert [choose_compute_type(device, formats.__getitem__) for device in ("cuda", "old", "cpu")] == [
        "float16",
        "float32",
        "int8",
    ]
