"""What is particular to the Whisper of CTranslate2: its files, its number formats, and that it is the library's own work."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_whisper as tiny
from faster_whisper import WhisperModel
from hearing import LONG, found, hear, heard, near, sounds, texts
from tiny_whisper import SAID, samples, silence, sound

from engines.api import EngineFailed, Finished, ListenJob, Unsupported
from engines.whisper.faster import FasterWhisper
from engines.whisper.terms import bare, temperatures


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the model, not converted yet."""
    folder = tmp_path_factory.mktemp("original")
    tiny.make(folder)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """Make the converted model, to be spoilt."""
    tiny.convert(original, tmp_path / "converted")
    return tmp_path / "converted"


def change_bands(folder: Path) -> None:
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"feature_size": 128}))


def truncate(folder: Path) -> None:
    path = folder / "model.bin"
    path.write_bytes(path.read_bytes()[:1000])


def break_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{")


def delete(*names: str) -> Callable[[Path], None]:
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
    """What is missing or broken is told in a sentence that names the folder; nothing is fetched for it."""
    change, message = BROKEN[name]
    change(folder)

    with pytest.raises(EngineFailed, match=message) as caught:
        FasterWhisper(str(folder), vad=False).load()
    assert str(folder) in caught.value.message


@pytest.mark.parametrize(("path", "message"), [("", "Set the option `path`"), ("tiny", "There is no folder")])
def test_only_folders_are_opened(path: str, message: str) -> None:
    """Without a folder there is no model: a size that the library knows is no folder, and nothing is downloaded."""
    with pytest.raises(EngineFailed, match=message):
        FasterWhisper(path).load()


def test_a_dtype_that_there_is_not(folder: Path) -> None:
    """A number format that does not exist is told."""
    with pytest.raises(EngineFailed, match=r"cannot be loaded: .*int3"):
        FasterWhisper(str(folder), dtype="int3", vad=False).load()


def test_on_a_cpu_in_eight_bits(folder: Path) -> None:
    """Unless told otherwise, a CPU computes in eight bits."""
    for dtype, wanted in (("auto", "int8"), ("float32", "float32")):
        engine = FasterWhisper(str(folder), device="cpu", dtype=dtype, vad=False, threads=1)
        engine.load()
        assert wanted in engine._model.model.compute_type
        assert texts(hear(engine, sound("count", 3))) == [SAID["count"]]


def test_a_model_for_english_only(tmp_path: Path) -> None:
    """A model that knows only English says so, and refuses all else."""
    tiny.make(tmp_path / "original", multilingual=False)
    vocabulary = tmp_path / "converted" / "vocabulary.json"
    tiny.convert(tmp_path / "original", tmp_path / "converted")
    vocabulary.write_text(json.dumps([token or "[unused]" for token in json.loads(vocabulary.read_text())]))
    engine = FasterWhisper(str(tmp_path / "converted"), model="tiny.en", vad=False, threads=1)
    info = engine.load()

    assert info.listening is not None
    assert (info.listening.languages, info.listening.translate) == (("en",), False)
    assert hear(engine, sound("hello", 3), ListenJob(language="en"))[-1] == Finished(3.0, "en")
    for job in (ListenJob(language="de"), ListenJob(translate=True)):
        with pytest.raises(Unsupported, match=r"tiny\.en"):
            hear(engine, b"", job)


JOBS = [
    (ListenJob(translate=True, words=False, prompt="one two three"), 0.03),
    (ListenJob(language="en"), 0.5),  # where a window begins, words are aligned a little otherwise
]


@pytest.mark.parametrize(("job", "within"), JOBS, ids=["translation", "words"])
def test_is_what_the_library_hears(folder: Path, job: ListenJob, within: float) -> None:
    """Segments, times, words and probabilities are those that the library gives for the whole recording."""
    engine = FasterWhisper(str(folder), dtype="float32", vad=False, threads=1)
    engine.load()
    model = WhisperModel(str(folder), device="cpu", compute_type="float32", cpu_threads=1)
    events = hear(engine, sounds(LONG), job)
    given = list(model.transcribe(samples(sounds(LONG)), **library_options(job))[0])

    assert near(found(events), [(one.text.strip(), one.start, one.end) for one in given], within)
    for segment, one in zip(heard(events), given, strict=True):
        assert segment.tokens == tuple(one.tokens)
        assert segment.avg_logprob == pytest.approx(one.avg_logprob, abs=0.05)
        assert [word.word for word in segment.words] == [bare(word.word) for word in one.words or ()]
        assert [word.start for word in segment.words] == pytest.approx([word.start for word in one.words or ()], abs=within)


def library_options(job: ListenJob) -> dict[str, Any]:
    return {
        "language": job.language,
        "task": "translate" if job.translate else "transcribe",
        "initial_prompt": job.prompt,
        "temperature": temperatures(job.temperature),
        "word_timestamps": job.words,
    }


def test_loads_no_torch_and_says_nothing(folder: Path) -> None:
    """Neither torch nor transformers is imported, and nothing is written on the worker's streams."""
    pcm = folder / "sound.pcm"
    pcm.write_bytes(silence(1) + sound("hello", 3) + silence(1))
    program = (
        "import pathlib, sys\n"
        "from engines.api import Heard, ListenJob\n"
        "from engines.whisper.faster import FasterWhisper\n"
        f"engine = FasterWhisper({str(folder)!r}); engine.load()\n"
        "events = []\n"
        f"engine.transcribe(ListenJob(), iter([pathlib.Path({str(pcm)!r}).read_bytes()]), lambda event: not events.append(event))\n"
        f"assert [event.text for event in events if isinstance(event, Heard)] == [{SAID['hello']!r}]\n"
        "assert not {'torch', 'transformers', 'silero_vad'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
