"""Tests of Whisper on MLX in the environment that has mlx-audio, on a processor, with a tiny model of three sentences:
the library's own transcripts, words, languages, and how it stops and fails. Offline.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import mlx_files
import numpy as np
import pytest
from engine_environments import environment
from model_worker import ModelWorker, model_worker, run_in_environment
from qwen3_checkpoints import CHECKPOINTS
from safetensors.numpy import load_file, save_file
from tiny_whisper_sounds import TRANSCRIPTS, TRANSLATIONS, silence, sound
from whisper_transcripts import are_near, expected_texts, segments_of, sound_sequence, texts, timed_texts

from engines.api import Finished, TranscriptionJob, TranscriptSegment
from engines.errors import Unsupported
from engines.fleet.worker_process import StartFailed

pytestmark = pytest.mark.engines

GROUP = "mlx"
MODEL = "whisper-tiny-mlx"
PARTS = [("hello", 3.0), ("count", 4.0), ("morgen", 3.0)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the tiny checkpoint, with layers of that width: what is added to them is zero."""
    environment(GROUP)
    return mlx_files.whisper(tmp_path_factory.mktemp("whisper-mlx"))


@pytest.fixture(scope="module")
def worker(folder: Path) -> Iterator[ModelWorker]:
    """Run a worker without voice detection, which takes some sounds for no voices; it computes in float32 as the
    library does beside it.
    """
    with model_worker(MODEL, [folder], dtype="float32", vad=False) as one:
        yield one


def test_info(worker: ModelWorker) -> None:
    """Its info has its languages by their ISO codes, and what the engine on torch can do."""
    info = worker.info
    assert (info.models, info.device, info.speech) == ((MODEL,), "cpu", None)
    can = info.transcription
    assert can is not None
    assert {"en", "de", "zh", "jv"} < set(can.languages)
    assert "jw" not in can.languages
    assert (can.words, can.logprobs, can.prompt, can.temperature, can.translate) == (True,) * 5


@pytest.mark.shows("equals", "whisper-mlx")
def test_the_same_as_the_library(worker: ModelWorker, folder: Path, tmp_path: Path) -> None:
    """Texts, tokens, times and probabilities are what mlx-audio makes of the whole recording by itself."""
    pcm = sound_sequence(PARTS)
    recording, out = tmp_path / "recording.npy", tmp_path / "segments.json"
    np.save(recording, np.frombuffer(pcm, "<i2").astype(np.float32) / 32768)
    script = CHECKPOINTS / "library_mlx_whisper.py"
    run_in_environment(GROUP, script, str(folder), str(recording), str(out))
    theirs = json.loads(out.read_text())
    ours = segments_of(worker.transcribe(pcm, TranscriptionJob(language="en", logprobs=True)))
    assert [segment.text for segment in ours] == [segment["text"].strip() for segment in theirs]
    assert [list(segment.tokens) for segment in ours] == [segment["tokens"] for segment in theirs]
    for segment, other in zip(ours, theirs, strict=True):
        assert segment.temperature == other["temperature"]
        assert segment.avg_logprob == pytest.approx(other["avg_logprob"], abs=0.02)
        assert segment.no_speech_prob == pytest.approx(other["no_speech_prob"], abs=0.02)
        words = [(word["word"].strip(" .,"), word["end"]) for word in other["words"]]
        assert [word.word for word in segment.words] == [word for word, _ in words]
        assert len(segment.logprobs) >= len(words)


def test_transcribes_sentences(folder: Path) -> None:
    """With voice detection sentences have the recording's times, however much silence precedes them, and in halves,
    which it computes in unless told otherwise; the last event is the end.
    """
    recording = silence(7) + sound_sequence(PARTS) + silence(3)
    with model_worker(MODEL, [folder]) as one:
        events = one.transcribe(recording, TranscriptionJob(words=False))
    assert are_near(timed_texts(events), list(expected_texts(PARTS, 7)), 0.5)
    assert events[-1] == Finished(7 + 11.8 + 3, "en")


def test_words_and_their_times(worker: ModelWorker) -> None:
    """Words have no punctuation, and follow each other within their sound."""
    segments = segments_of(worker.transcribe(sound_sequence(PARTS[1:]), TranscriptionJob()))
    assert [[word.word for word in segment.words] for segment in segments] == [
        ["Testing", "one", "two", "three"],
        ["Guten", "Morgen", "zusammen"],
    ]
    for segment, (start, end) in zip(segments, [(0, 4), (4.6, 7.6)], strict=True):
        edges = [edge for word in segment.words for edge in (word.start, word.end)]
        assert edges == sorted(edges)
        assert start - 0.7 <= edges[0] < edges[-1] <= end + 0.7


def test_languages(worker: ModelWorker) -> None:
    """The language is heard, a text is translated where that is asked for, and an unknown language is refused."""
    spoken = sound("morgen", 4.0)
    heard = worker.transcribe(spoken, TranscriptionJob(words=False))
    assert texts(heard) == [TRANSCRIPTS["morgen"]]
    assert isinstance(heard[-1], Finished)
    assert heard[-1].language == "de"
    translated = worker.transcribe(spoken, TranscriptionJob(language="de", translate=True, words=False))
    assert texts(translated) == [TRANSLATIONS["morgen"]]
    with pytest.raises(Unsupported, match="language"):
        worker.transcribe(spoken, TranscriptionJob(language="xx"))


def test_left(worker: ModelWorker) -> None:
    """A recording that is left after its first segment leaves the model as it was."""
    pcm = sound_sequence([("count", 5.0)])
    before = texts(worker.transcribe(pcm, TranscriptionJob(words=False)))
    worker.transcribe(
        sound_sequence(PARTS * 4), TranscriptionJob(), lambda event: isinstance(event, TranscriptSegment)
    )
    assert before == texts(worker.transcribe(pcm, TranscriptionJob(words=False))) == [TRANSCRIPTS["count"]]


def test_a_checkpoint_that_is_not_whole(folder: Path, tmp_path: Path) -> None:
    """A checkpoint that lacks a weight is an error that names it."""
    for file in folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    weights = load_file(folder / "model.safetensors")
    del weights["model.decoder.layers.1.fc1.bias"]
    (tmp_path / "model.safetensors").unlink()
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(StartFailed, match=r"decoder\.blocks\.1\.mlp1\.bias"), model_worker(MODEL, [tmp_path]):
        pass
