"""Recognition models of transformers' own, with random weights: what the library hears, in windows, and how
they stop.
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

pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")
pytest.importorskip("onnxruntime")

import numpy as np
import tiny_transformers as tiny
import torch
import transformers as library
from safetensors.torch import load_file, save_file
from tiny_whisper import SECOND, samples, silence, sound
from whisper_transcripts import LONG, hear, heard, sounds, texts

from engines.adapters.transformers_models.cut_points import heard_until
from engines.adapters.transformers_models.recogniser import Piece, joined
from engines.adapters.transformers_models.seq2seq import longest
from engines.adapters.transformers_models.transcription_engine import TransformersTranscription
from engines.api import EngineInfo, Finished, Progress, TranscriptionEvent, TranscriptionJob, TranscriptWord
from engines.errors import EngineFailed, Unsupported
from engines.toolkit.checkpoint_kinds import kind_of, sample_rate_of
from engines.toolkit.vad import Silero

KINDS = sorted(tiny.LISTENING)
TIMED = {*tiny.KIN, "parakeet_ctc", "parakeet_tdt", "parakeet_rnnt"}
SAID = sound("hello", 2) + sound("count", 1)


@cache
def folder(kind: str) -> Path:
    """Make a model, once."""
    return tiny.LISTENING[kind](Path(mkdtemp()) / kind)


@cache
def loaded(kind: str, vad: bool = False) -> tuple[TransformersTranscription, EngineInfo]:
    """Load a model, once."""
    engine = TransformersTranscription(str(folder(kind)), f"my-{kind}", vad=vad, threads=1)
    return engine, engine.load()


def by_the_pipeline(kind: str, pcm: bytes) -> Any:
    """Listen with the library's pipeline; with its own call where the pipeline has settings of its own."""
    if kind not in TIMED:
        return {"text": by_the_library(kind, pcm)}
    made = library.pipeline("automatic-speech-recognition", str(folder(kind)), device="cpu")
    more = {"return_timestamps": "word"} if kind in tiny.KIN else {}
    return made({"raw": samples(pcm), "sampling_rate": 16000}, **more)


def by_the_library(kind: str, pcm: bytes) -> str:
    """Listen with a model that writes word by word."""
    features = library.AutoFeatureExtractor.from_pretrained(folder(kind))
    model = library.AutoModelForSpeechSeq2Seq.from_pretrained(folder(kind))
    inputs = features(samples(pcm), sampling_rate=16000, return_tensors="pt", return_attention_mask=True)
    made = model.generate(**inputs, max_new_tokens=longest(samples(pcm), 200 if kind == "speecht5" else 64))
    return str(library.AutoTokenizer.from_pretrained(folder(kind)).decode(made[0], skip_special_tokens=True))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind not in ("qwen3_asr", "parakeet_rnnt", "parakeet_ctc")]
)
def test_it_hears_what_the_library_hears(kind: str) -> None:
    """The text of a window is that of the library's pipeline, and so are the words and their times, where it
    tells any.
    """
    made = by_the_pipeline(kind, SAID)
    (segment,) = heard(hear(loaded(kind)[0], SAID))

    assert segment.text == made["text"].strip()
    assert len(set(segment.text)) > 2
    if "chunks" in made:
        wanted = [(chunk["text"], *chunk["timestamp"]) for chunk in made["chunks"]]
        assert [(word.word, word.start, word.end) for word in segment.words] == [
            (word, round(start, 2), round(end, 2)) for word, start, end in wanted
        ]


@pytest.mark.filterwarnings("ignore:Using the model-agnostic")
@pytest.mark.parametrize("kind", ["parakeet_ctc", "parakeet_tdt", "parakeet_rnnt"])
def test_parakeets_hear_what_the_library_hears(kind: str) -> None:
    """A Parakeet's text, and the times of a transducer's, are those of the library's own calls."""
    processor = library.ParakeetProcessor.from_pretrained(folder(kind))
    known = {"parakeet_ctc": "CTC", "parakeet_tdt": "TDT", "parakeet_rnnt": "RNNT"}
    model = getattr(library, f"ParakeetFor{known[kind]}").from_pretrained(folder(kind))
    made = model.generate(**processor(samples(SAID), sampling_rate=16000))
    (segment,) = heard(hear(loaded(kind)[0], SAID))

    assert "".join(word.word for word in segment.words) == segment.text.replace(" ", "")
    if kind == "parakeet_ctc":
        assert segment.text == processor.batch_decode(made, skip_special_tokens=True)[0]
    else:
        text, times = processor.decode(made.sequences, durations=made.durations, skip_special_tokens=True)
        assert segment.text == text[0].strip()
        assert segment.start == pytest.approx(times[0][0]["start"], abs=0.01)
        assert segment.end == pytest.approx(min(3.0, times[0][-1]["end"]), abs=0.01)


def test_qwen_hears_what_the_library_hears() -> None:
    """Qwen3-ASR's text is the library's, with a prompt and a language or without; the language it was told is
    told again.
    """
    processor = library.Qwen3ASRProcessor.from_pretrained(folder("qwen3_asr"))
    model = library.Qwen3ASRForConditionalGeneration.from_pretrained(folder("qwen3_asr"))
    engine = loaded("qwen3_asr")[0]
    told = []
    for job in (TranscriptionJob(), TranscriptionJob(language="de"), TranscriptionJob(prompt="foo")):
        inputs = processor.apply_transcription_request(
            samples(SAID), language=job.language, prompt=job.prompt
        )
        made = model.generate(**inputs, max_new_tokens=longest(samples(SAID), 2048))[
            :, inputs["input_ids"].shape[1] :
        ]
        events = hear(engine, SAID, job)
        told.append(texts(events))
        assert told[-1] == [processor.decode(made, return_format="transcription_only")[0]]
        assert events[-1] == Finished(3.0, job.language or "en")
    assert len({text for (text,) in told}) == 3
    with pytest.raises(Unsupported, match="'xx'"):
        hear(engine, SAID, TranscriptionJob(language="xx"))


@pytest.mark.parametrize("kind", KINDS)
def test_account_of_itself(kind: str) -> None:
    """It says its name and what it can do; the configuration alone tells the same."""
    info = loaded(kind)[1]
    config = json.loads((folder(kind) / "config.json").read_text())

    assert (info.name, info.models, info.device, info.slots, info.speech) == (
        "transformers",
        (f"my-{kind}",),
        "cpu",
        1,
        None,
    )
    can = info.transcription
    assert can is not None
    assert (can.sample_rate, can.words, can.prompt, can.translate) == (
        16000,
        kind in TIMED,
        kind == "qwen3_asr",
        False,
    )
    assert (kind_of(config), sample_rate_of(config)) == ("transcription", 16000)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("after", [1, 12, 32])
def test_stops_when_told(kind: str, after: int) -> None:
    """Once `emit` says False nothing more is emitted, while reading or listening; what is asked for next is
    heard as ever.
    """
    engine = loaded(kind)[0]
    first = heard(hear(engine, SAID))
    told: list[TranscriptionEvent] = []

    def emit(event: TranscriptionEvent) -> bool:
        told.append(event)
        return len(told) < after

    engine.transcribe(
        TranscriptionJob(),
        iter([SAID[start : start + SECOND // 10] for start in range(0, len(SAID), SECOND // 10)]),
        emit,
    )

    assert len(told) == after
    assert all(isinstance(event, Progress) for event in told)
    assert heard(hear(engine, SAID)) == first


@pytest.mark.parametrize("kind", ["wav2vec2", "parakeet_tdt", "moonshine"])
def test_silence(kind: str) -> None:
    """Where nobody speaks nothing is heard, and silence before speech moves its times."""
    engine = loaded(kind, vad=True)[0]

    for pcm in (b"", bytes(2), silence(8)):
        assert [event for event in hear(engine, pcm) if not isinstance(event, Progress)] == [
            Finished(len(pcm) / SECOND, "en")
        ]
    early, late = (heard(hear(engine, silence(before) + SAID + silence(4)))[0] for before in (2, 9))
    assert late.start == pytest.approx(early.start + 7, abs=0.5)
    assert 1.5 < early.start < early.end < 5.6


def test_long_recordings_come_in_windows() -> None:
    """What goes on for longer than a window is cut at pauses, told in order while it comes in, and progress
    runs to its end.
    """
    engine = loaded("wav2vec2", vad=True)[0]
    pcm = silence(1) + sounds(LONG) + silence(5) + sound("count", 2) + silence(4)
    taken: list[float] = []
    events: list[TranscriptionEvent] = []

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(pcm), SECOND):
            taken.append(start / SECOND)
            yield pcm[start : start + SECOND]

    def emit(event: TranscriptionEvent) -> bool:
        events.append(event)
        if heard([event]):
            assert taken[-1] < heard([event])[0].end + 15
        return True

    engine.transcribe(TranscriptionJob(), chunks(), emit)

    segments = heard(events)
    assert len(segments) >= 4
    assert all(one.end <= other.start + 0.01 for one, other in pairwise(segments))
    assert segments[-1].start == pytest.approx(77.6, abs=0.6)
    told = [event.seconds for event in events if isinstance(event, Progress)]
    assert told == sorted(told)
    assert told[-1] == pytest.approx(len(pcm) / SECOND, abs=1)
    assert events[-1] == Finished(len(pcm) / SECOND, "en")


def test_where_a_window_is_cut() -> None:
    """A full window is cut in its last pause, by the voice detector or by loudness; what is no full window is
    heard whole.
    """
    spoken = samples(
        sound("hello", 10) + silence(0.6) + sound("count", 9.4) + silence(0.5) + sound("hello", 9.5)
    )

    for silero in (Silero(), None):
        assert 20 * 16000 <= heard_until(spoken, silero) <= 20.5 * 16000
    assert heard_until(spoken[: 29 * 16000], None) == 29 * 16000
    assert 15 * 16000 <= heard_until(np.zeros(30 * 16000, np.float32), Silero()) <= 30 * 16000


def test_no_words_where_none_are_wanted() -> None:
    """A job without words gets the same text at the same times, and no words."""
    with_words, without = (
        heard(hear(loaded("hubert")[0], SAID, TranscriptionJob(words=words)))[0] for words in (True, False)
    )

    assert (without.text, without.start, without.end, without.words) == (
        with_words.text,
        with_words.start,
        with_words.end,
        (),
    )
    assert len(with_words.words) > 3


def test_words_of_pieces() -> None:
    """Pieces become words, without punctuation; a word ends with its last piece."""
    pieces = [
        Piece("He", 0.1, 0.2),
        Piece("llo", 0.2, 0.4),
        Piece(",", 0.4, 0.4),
        Piece(" you", 0.5, 0.6),
        Piece(" -", 0.7, 0.8),
    ]

    assert list(joined(pieces)) == [TranscriptWord("Hello", 0.1, 0.4), TranscriptWord("you", 0.5, 0.6)]
    assert list(joined([])) == []


def test_translation_is_refused() -> None:
    """None of these models translates."""
    with pytest.raises(Unsupported, match="does not translate"):
        hear(loaded("moonshine")[0], SAID, TranscriptionJob(translate=True))


def test_the_language_asked_for_is_told() -> None:
    """A model that cannot be told a language listens all the same, and answers with the one that was asked
    for.
    """
    assert hear(loaded("hubert")[0], SAID, TranscriptionJob(language="fr"))[-1] == Finished(3.0, "fr")


def test_models_that_are_refused(tmp_path: Path) -> None:
    """A model that speaks, one that lacks weights, and one that wants another rate, are refused in words."""
    with pytest.raises(
        EngineFailed, match=r"VitsModel, which this engine does not listen with\. It does with .*HubertForCTC"
    ):
        TransformersTranscription(str(tiny.vits(tmp_path / "vits"))).load()
    path = Path(shutil.copytree(folder("moonshine"), tmp_path / "moonshine"))
    kept = load_file(path / "model.safetensors")
    save_file({name: kept[name] for name in sorted(kept)[1:]}, path / "model.safetensors", {"format": "pt"})
    with pytest.raises(EngineFailed, match="weights are missing"):
        TransformersTranscription(str(path)).load()
    path = Path(shutil.copytree(folder("hubert"), tmp_path / "hubert"))
    features = json.loads((path / "preprocessor_config.json").read_text())
    (path / "preprocessor_config.json").write_text(json.dumps(features | {"sampling_rate": 8000}))
    with pytest.raises(EngineFailed, match="8000 Hz"):
        TransformersTranscription(str(path)).load()
    with pytest.raises(EngineFailed, match="`path`"):
        TransformersTranscription().load()


def test_half_precision() -> None:
    """A model runs in bfloat16 too."""
    engine = TransformersTranscription(str(folder("wav2vec2")), dtype="bfloat16", vad=False, threads=1)
    engine.load()

    assert len(texts(hear(engine, SAID))) == 1
    assert torch.get_default_dtype() is torch.float32
