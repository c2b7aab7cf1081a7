"""Tests of transformers' own transcription models, with random weights: transcripts, windows, and how they
stop.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from outputs import QUIET, run_transcription

pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")
pytest.importorskip("onnxruntime")

import numpy as np
import tiny_transformers as tiny
import torch
import transformers as library
from safetensors.torch import load_file, save_file
from tiny_whisper import BYTES_PER_SECOND, samples, silence, sound
from whisper_transcripts import LONG_SEQUENCE, segments_of, sound_sequence, texts, transcribe

from engines.adapters.transformers_models.cut_points import cut_point
from engines.adapters.transformers_models.seq2seq import max_tokens
from engines.adapters.transformers_models.transcription_engine import TransformersTranscription
from engines.adapters.transformers_models.transcription_model import TimedText, join_words
from engines.api import (
    ALONE,
    EngineInfo,
    Finished,
    Place,
    Progress,
    TranscriptionEvent,
    TranscriptionJob,
    TranscriptWord,
)
from engines.errors import EngineFailed, Unsupported
from engines.toolkit.checkpoint_kinds import checkpoint_kind, checkpoint_sample_rate
from engines.toolkit.vad import Silero

KINDS = sorted(tiny.TRANSCRIPTION_MODELS)
KINDS_WITH_WORDS = {*tiny.CTC_CLASSES, "parakeet_ctc", "parakeet_tdt", "parakeet_rnnt"}
ROWS = {
    "wav2vec2": "transformers-asr: wav2vec2-base-960h",
    "moonshine": "transformers-asr: moonshine-tiny",
    "parakeet_ctc": "transformers-asr: parakeet-ctc-1.1b",
}
"""of the table of engines"""
RECORDING = sound("hello", 2) + sound("count", 1)


@cache
def folder(kind: str) -> Path:
    """Create a model, once."""
    return tiny.TRANSCRIPTION_MODELS[kind](Path(mkdtemp()) / kind)


@cache
def loaded(kind: str, vad: bool = False) -> tuple[TransformersTranscription, EngineInfo]:
    """Load a model, once."""
    engine = TransformersTranscription(str(folder(kind)), f"my-{kind}", vad=vad)
    return engine, engine.load(Place(threads=1), QUIET)


def by_the_pipeline(kind: str, pcm: bytes) -> Any:
    """Transcribe with the library's pipeline, or by its model where the pipeline has settings of its own."""
    if kind not in KINDS_WITH_WORDS:
        return {"text": by_the_library(kind, pcm)}
    result = library.pipeline("automatic-speech-recognition", str(folder(kind)), device="cpu")
    more = {"return_timestamps": "word"} if kind in tiny.CTC_CLASSES else {}
    return result({"raw": samples(pcm), "sampling_rate": 16000}, **more)


def by_the_library(kind: str, pcm: bytes) -> str:
    """Return the text of the library's own model that generates token by token."""
    features = library.AutoFeatureExtractor.from_pretrained(folder(kind))
    model = library.AutoModelForSpeechSeq2Seq.from_pretrained(folder(kind))
    inputs = features(samples(pcm), sampling_rate=16000, return_tensors="pt", return_attention_mask=True)
    result = model.generate(
        **inputs, max_new_tokens=max_tokens(samples(pcm), 200 if kind == "speecht5" else 64)
    )
    return str(
        library.AutoTokenizer.from_pretrained(folder(kind)).decode(result[0], skip_special_tokens=True)
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind not in ("qwen3_asr", "parakeet_rnnt", "parakeet_ctc")]
)
@pytest.mark.shows("equals", by="kind", rows=ROWS)
def test_transcripts_are_the_librarys(kind: str) -> None:
    """The text of a window is that of the library's pipeline, and so are the words and their times,
    if any.
    """
    result = by_the_pipeline(kind, RECORDING)
    (segment,) = segments_of(transcribe(loaded(kind)[0], RECORDING))

    assert segment.text == result["text"].strip()
    assert len(set(segment.text)) > 2
    if "chunks" in result:
        expected = [(chunk["text"], *chunk["timestamp"]) for chunk in result["chunks"]]
        assert [(word.word, word.start, word.end) for word in segment.words] == [
            (word, round(start, 2), round(end, 2)) for word, start, end in expected
        ]


@pytest.mark.filterwarnings("ignore:Using the model-agnostic")
@pytest.mark.parametrize("kind", ["parakeet_ctc", "parakeet_tdt", "parakeet_rnnt"])
@pytest.mark.shows("equals", by="kind", rows=ROWS)
def test_parakeet_transcripts_are_the_librarys(kind: str) -> None:
    """A Parakeet's text, and the times of a transducer's, are those of the library's own calls."""
    processor = library.ParakeetProcessor.from_pretrained(folder(kind))
    known = {"parakeet_ctc": "CTC", "parakeet_tdt": "TDT", "parakeet_rnnt": "RNNT"}
    model = getattr(library, f"ParakeetFor{known[kind]}").from_pretrained(folder(kind))
    result = model.generate(**processor(samples(RECORDING), sampling_rate=16000))
    (segment,) = segments_of(transcribe(loaded(kind)[0], RECORDING))

    assert "".join(word.word for word in segment.words) == segment.text.replace(" ", "")
    if kind == "parakeet_ctc":
        assert segment.text == processor.batch_decode(result, skip_special_tokens=True)[0]
    else:
        text, times = processor.decode(result.sequences, durations=result.durations, skip_special_tokens=True)
        assert segment.text == text[0].strip()
        assert segment.start == pytest.approx(times[0][0]["start"], abs=0.01)
        assert segment.end == pytest.approx(min(3.0, times[0][-1]["end"]), abs=0.01)


def test_qwen_transcripts_are_the_librarys() -> None:
    """Qwen3-ASR's text is the library's, with a prompt and a language or without; a job's language is
    that of the transcript.
    """
    processor = library.Qwen3ASRProcessor.from_pretrained(folder("qwen3_asr"))
    model = library.Qwen3ASRForConditionalGeneration.from_pretrained(folder("qwen3_asr"))
    engine = loaded("qwen3_asr")[0]
    transcripts = []
    for job in (TranscriptionJob(), TranscriptionJob(language="de"), TranscriptionJob(prompt="foo")):
        inputs = processor.apply_transcription_request(
            samples(RECORDING), language=job.language, prompt=job.prompt
        )
        result = model.generate(**inputs, max_new_tokens=max_tokens(samples(RECORDING), 2048))[
            :, inputs["input_ids"].shape[1] :
        ]
        events = transcribe(engine, RECORDING, job)
        transcripts.append(texts(events))
        assert transcripts[-1] == [processor.decode(result, return_format="transcription_only")[0]]
        assert events[-1] == Finished(3.0, job.language or "en")
    assert len({text for (text,) in transcripts}) == 3
    with pytest.raises(Unsupported, match="'xx'"):
        transcribe(engine, RECORDING, TranscriptionJob(language="xx"))


@pytest.mark.parametrize("kind", KINDS)
def test_info(kind: str) -> None:
    """The engine's info has its name and capabilities; kind and rate are known by the configuration alone."""
    info = loaded(kind)[1]
    config = json.loads((folder(kind) / "config.json").read_text())

    assert (info.name, info.models, info.device, info.concurrency, info.speech) == (
        "transformers",
        (f"my-{kind}",),
        "cpu",
        ALONE,
        None,
    )
    can = info.transcription
    assert can is not None
    assert (can.sample_rate, can.words, can.prompt, can.translate) == (
        16000,
        kind in KINDS_WITH_WORDS,
        kind == "qwen3_asr",
        False,
    )
    assert (checkpoint_kind(config), checkpoint_sample_rate(config)) == ("transcription", 16000)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("after", [1, 12, 32])
def test_stops_when_nobody_wants_the_rest(kind: str, after: int) -> None:
    """Once `emit` returns False nothing more is emitted, while reading or transcribing; the next job is not
    affected.
    """
    engine = loaded(kind)[0]
    first = segments_of(transcribe(engine, RECORDING))
    events: list[TranscriptionEvent] = []

    def emit(event: TranscriptionEvent) -> bool:
        events.append(event)
        return len(events) < after

    run_transcription(
        engine,
        TranscriptionJob(),
        iter(
            [
                RECORDING[start : start + BYTES_PER_SECOND // 10]
                for start in range(0, len(RECORDING), BYTES_PER_SECOND // 10)
            ]
        ),
        emit,
    )

    assert len(events) == after
    assert all(isinstance(event, Progress) for event in events)
    assert segments_of(transcribe(engine, RECORDING)) == first


@pytest.mark.parametrize("kind", ["wav2vec2", "parakeet_tdt", "moonshine"])
def test_silence(kind: str) -> None:
    """Where nobody speaks there is no transcript, and silence before speech moves its times."""
    engine = loaded(kind, vad=True)[0]

    for pcm in (b"", bytes(2), silence(8)):
        assert [event for event in transcribe(engine, pcm) if not isinstance(event, Progress)] == [
            Finished(len(pcm) / BYTES_PER_SECOND, "en")
        ]
    early, late = (
        segments_of(transcribe(engine, silence(before) + RECORDING + silence(4)))[0] for before in (2, 9)
    )
    assert late.start == pytest.approx(early.start + 7, abs=0.5)
    assert 1.5 < early.start < early.end < 5.6


def test_long_recordings_come_in_windows() -> None:
    """A recording longer than a window is cut at pauses and transcribed while it comes in; progress reaches
    its end.
    """
    engine = loaded("wav2vec2", vad=True)[0]
    pcm = silence(1) + sound_sequence(LONG_SEQUENCE) + silence(5) + sound("count", 2) + silence(4)
    seconds_read: list[float] = []
    events: list[TranscriptionEvent] = []

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(pcm), BYTES_PER_SECOND):
            seconds_read.append(start / BYTES_PER_SECOND)
            yield pcm[start : start + BYTES_PER_SECOND]

    def emit(event: TranscriptionEvent) -> bool:
        events.append(event)
        if segments_of([event]):
            assert seconds_read[-1] < segments_of([event])[0].end + 15
        return True

    run_transcription(engine, TranscriptionJob(), chunks(), emit)

    segments = segments_of(events)
    assert len(segments) >= 4
    assert all(one.end <= other.start + 0.01 for one, other in pairwise(segments))
    assert segments[-1].start == pytest.approx(77.6, abs=0.6)
    progress = [event.seconds for event in events if isinstance(event, Progress)]
    assert progress == sorted(progress)
    assert progress[-1] == pytest.approx(len(pcm) / BYTES_PER_SECOND, abs=1)
    assert events[-1] == Finished(len(pcm) / BYTES_PER_SECOND, "en")


def test_where_a_window_is_cut() -> None:
    """A full window is cut in its last pause, by the voice detector or by loudness; a shorter one is not cut."""
    spoken = samples(
        sound("hello", 10) + silence(0.6) + sound("count", 9.4) + silence(0.5) + sound("hello", 9.5)
    )

    for silero in (Silero(), None):
        assert 20 * 16000 <= cut_point(spoken, silero) <= 20.5 * 16000
    assert cut_point(spoken[: 29 * 16000], None) == 29 * 16000
    assert 15 * 16000 <= cut_point(np.zeros(30 * 16000, np.float32), Silero()) <= 30 * 16000


def test_no_words_where_none_are_wanted() -> None:
    """A job without words gets the same text at the same times, and no words."""
    with_words, without = (
        segments_of(transcribe(loaded("hubert")[0], RECORDING, TranscriptionJob(words=words)))[0]
        for words in (True, False)
    )

    assert (without.text, without.start, without.end, without.words) == (
        with_words.text,
        with_words.start,
        with_words.end,
        (),
    )
    assert len(with_words.words) > 3


def test_words_of_timed_texts() -> None:
    """Pieces become words, without punctuation; a word ends with its last piece."""
    pieces = [
        TimedText("He", 0.1, 0.2),
        TimedText("llo", 0.2, 0.4),
        TimedText(",", 0.4, 0.4),
        TimedText(" you", 0.5, 0.6),
        TimedText(" -", 0.7, 0.8),
    ]

    assert list(join_words(pieces)) == [TranscriptWord("Hello", 0.1, 0.4), TranscriptWord("you", 0.5, 0.6)]
    assert list(join_words([])) == []


def test_translation_is_refused() -> None:
    """None of these models translates."""
    with pytest.raises(Unsupported, match="does not translate"):
        transcribe(loaded("moonshine")[0], RECORDING, TranscriptionJob(translate=True))


def test_a_jobs_language_is_the_transcripts() -> None:
    """A model without a language option transcribes a job with a language, and returns it as the
    transcript's.
    """
    assert transcribe(loaded("hubert")[0], RECORDING, TranscriptionJob(language="fr"))[-1] == Finished(
        3.0, "fr"
    )


def test_models_that_are_refused(tmp_path: Path) -> None:
    """A speech model, one that lacks weights, and one of another sample rate are refused with the reason."""
    with pytest.raises(
        EngineFailed, match=r"VitsModel, which this engine does not listen with\. It does with .*HubertForCTC"
    ):
        TransformersTranscription(str(tiny.vits(tmp_path / "vits"))).load(Place(), QUIET)
    path = Path(shutil.copytree(folder("moonshine"), tmp_path / "moonshine"))
    kept = load_file(path / "model.safetensors")
    save_file({name: kept[name] for name in sorted(kept)[1:]}, path / "model.safetensors", {"format": "pt"})
    with pytest.raises(EngineFailed, match="weights are missing"):
        TransformersTranscription(str(path)).load(Place(), QUIET)
    path = Path(shutil.copytree(folder("hubert"), tmp_path / "hubert"))
    features = json.loads((path / "preprocessor_config.json").read_text())
    (path / "preprocessor_config.json").write_text(json.dumps(features | {"sampling_rate": 8000}))
    with pytest.raises(EngineFailed, match="8000 Hz"):
        TransformersTranscription(str(path)).load(Place(), QUIET)
    with pytest.raises(EngineFailed, match="`path`"):
        TransformersTranscription().load(Place(), QUIET)


def test_half_precision() -> None:
    """A model runs in bfloat16 too."""
    engine = TransformersTranscription(str(folder("wav2vec2")), vad=False)
    engine.load(Place(dtype="bfloat16", threads=1), QUIET)

    assert len(texts(transcribe(engine, RECORDING))) == 1
    assert torch.get_default_dtype() is torch.float32
