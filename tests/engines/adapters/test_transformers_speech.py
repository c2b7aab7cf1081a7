"""Tests of transformers' own speech models, with random weights: audio, voices, and how they stop."""

from __future__ import annotations

import json
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
from outputs import QUIET, run_speech

pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")

import tiny_transformers as tiny
import torch
import transformers as library
from numpy.typing import NDArray

from engines.adapters.transformers_models.languages import bcp47_tag, tag_in_names
from engines.adapters.transformers_models.speaking_model import max_frames
from engines.adapters.transformers_models.speech_engine import TransformersSpeech
from engines.api import ALONE, Audio, EngineInfo, Place, SpeechEvent, SpeechJob
from engines.errors import BadInput, EngineFailed, UnknownVoice
from engines.toolkit.checkpoint_kinds import checkpoint_kind

TEXT = "Hi there."
FAMILIES = sorted(tiny.SPEECH_MODELS)
ROWS = {
    "vits": "transformers: mms-tts-eng",
    "bark": "transformers: bark-small",
    "csm": "transformers: csm-1b",
    "dia": "transformers: dia-1.6b",
}
"""of the table of engines"""
RATES = {"vits": 16_000, "speecht5": 16_000, "bark": 2400, "csm": 1600, "dia": 800}
Pcm = NDArray[np.int16]


pytestmark = pytest.mark.usefixtures("offline")


@cache
def folder(family: str) -> Path:
    """Create a family's model, once."""
    return tiny.SPEECH_MODELS[family](Path(mkdtemp()) / family)


@cache
def loaded(family: str) -> tuple[TransformersSpeech, EngineInfo]:
    """Load a family's model, once."""
    engine = TransformersSpeech(str(folder(family)), model=f"my-{family}")
    return engine, engine.load(Place(threads=1), QUIET)


def speak(engine: TransformersSpeech, job: SpeechJob) -> Pcm:
    """Return the samples of a job."""
    events: list[SpeechEvent] = []

    def emit(event: SpeechEvent) -> bool:
        events.append(event)
        return True

    run_speech(engine, job, emit)
    return np.frombuffer(b"".join(event.pcm for event in events if isinstance(event, Audio)), "<i2")


def by_the_library(family: str, path: Path, text: str) -> Any:
    """Return a function that speaks with the library alone, as its documentation shows, with the first voice."""
    if family == "vits":
        tokens, model = library.VitsTokenizer.from_pretrained(path), library.VitsModel.from_pretrained(path)
        return lambda: model(**tokens(text, return_tensors="pt")).waveform
    if family == "speecht5":
        tokens, talker = (
            library.SpeechT5Tokenizer.from_pretrained(path),
            library.SpeechT5ForTextToSpeech.from_pretrained(path),
        )
        vocoder = library.SpeechT5HifiGan.from_pretrained(path / "vocoder")
        speaker = torch.from_numpy(np.load(path / "speaker_embeddings" / "anna.npy"))[None]
        return lambda: talker.generate_speech(
            tokens(text, return_tensors="pt")["input_ids"], speaker, vocoder=vocoder
        )
    if family == "bark":
        processor, model = (
            library.BarkProcessor.from_pretrained(path),
            library.BarkModel.from_pretrained(path),
        )
        return lambda: model.generate(**processor(text, voice_preset="v2/en_speaker_6", max_length=24))
    if family == "csm":
        processor = library.CsmProcessor.from_pretrained(path)
        model = library.CsmForConditionalGeneration.from_pretrained(path)
        inputs = processor(f"[0]{text}", add_special_tokens=True)
        return lambda: model.generate(**inputs, output_audio=True, max_new_tokens=max_frames(text, 12.5))[0]
    model = library.DiaForConditionalGeneration.from_pretrained(path)
    features, tokens = (
        library.DacFeatureExtractor.from_pretrained(path),
        library.DiaTokenizer.from_pretrained(path),
    )
    processor = library.DiaProcessor(features, tokens, library.DacModel.from_pretrained(path / "dac"))
    inputs = processor(text=[f"[S1] {text}"], padding=True, return_tensors="pt")
    return lambda: processor.decode(model.generate(**inputs, max_new_tokens=max_frames(text, 12.5)))


@pytest.mark.filterwarnings("ignore:`max_length`")
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.shows("equals", by="family", rows=ROWS)
def test_audio_is_the_librarys(family: str) -> None:
    """Audio is that of the library's own call with the same seed, to the last bit of 16."""
    synthesise = by_the_library(family, folder(family), TEXT)
    torch.manual_seed(5)
    with torch.no_grad():
        expected = synthesise().flatten().numpy()

    spoken = speak(loaded(family)[0], SpeechJob(TEXT, "", seed=5))

    assert len(spoken) == len(expected) > 100
    assert np.abs(spoken - np.clip(expected, -1, 1) * 32767).max() <= 1
    assert np.abs(spoken).max() > 1000


@pytest.mark.parametrize("family", FAMILIES)
def test_info(family: str) -> None:
    """The engine's info has its name, rate, voices and capabilities; every OpenAI name has a voice, and the
    first is the default.
    """
    info = loaded(family)[1]

    assert (info.name, info.models, info.device, info.concurrency) == (
        "transformers",
        (f"my-{family}",),
        "cpu",
        ALONE,
    )
    assert info.speech is not None
    assert (info.speech.sample_rate, info.speech.seed, info.speech.cloning) == (RATES[family], True, None)
    assert "en" in info.speech.languages
    assert len({voice.id for voice in info.voices}) == len(info.voices) >= 1
    assert len(info.characters) == 13
    assert set(info.characters.values()) <= {voice.id for voice in info.voices}
    assert checkpoint_kind(json.loads((folder(family) / "config.json").read_text())) == "speech"


@pytest.mark.parametrize("family", FAMILIES)
def test_seeds(family: str) -> None:
    """The same seed yields the same audio, another seed another; without one no two are alike."""
    engine = loaded(family)[0]
    first = speak(engine, SpeechJob(TEXT, "", seed=5))

    assert np.array_equal(speak(engine, SpeechJob(TEXT, "", seed=5)), first)
    assert not np.array_equal(speak(engine, SpeechJob(TEXT, "", seed=6)), first)
    assert not np.array_equal(speak(engine, SpeechJob(TEXT, "")), speak(engine, SpeechJob(TEXT, "")))


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("bark", "temperature"),
        ("bark", "waveform_temperature"),
        ("csm", "temperature"),
        ("dia", "temperature"),
        ("dia", "guidance_scale"),
    ],
)
def test_settings_are_of_one_job_only(family: str, name: str) -> None:
    """A setting that the engine declares changes what it says with the same seed, and the next job has the
    default again.
    """
    engine, info = loaded(family)
    assert info.speech is not None
    setting = next(one for one in info.speech.settings if one.name == name)
    usual = speak(engine, SpeechJob(TEXT, "", seed=5))

    changed = [
        speak(engine, SpeechJob(TEXT, "", seed=5, settings={name: value or 0.0}))
        for value in (setting.low, setting.high)
    ]

    assert any(not np.array_equal(one, usual) for one in changed)
    assert np.array_equal(speak(engine, SpeechJob(TEXT, "", seed=5)), usual)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("after", [1, 7, 20])
def test_stops_when_nobody_wants_the_rest(family: str, after: int) -> None:
    """Once `emit` returns False nothing more is emitted, before all audio is computed; the next job is not
    affected.
    """
    engine = loaded(family)[0]
    first = speak(engine, SpeechJob(TEXT, "", seed=5))
    events: list[SpeechEvent] = []

    def emit(event: SpeechEvent) -> bool:
        events.append(event)
        return len(events) < after

    run_speech(engine, SpeechJob(TEXT, "", seed=5), emit)

    assert events == [Audio(b"")] * after
    assert np.array_equal(speak(engine, SpeechJob(TEXT, "", seed=5)), first)


@pytest.mark.parametrize("family", FAMILIES)
def test_unknown_voices_are_refused(family: str) -> None:
    """A voice that the model does not have is refused by name."""
    with pytest.raises(UnknownVoice, match="'nobody'"):
        speak(loaded(family)[0], SpeechJob(TEXT, "nobody"))


@pytest.mark.parametrize("family", FAMILIES)
def test_empty_texts(family: str) -> None:
    """A text without letters or digits gives no audio."""
    assert len(speak(loaded(family)[0], SpeechJob(" … -- !", ""))) == 0


@pytest.mark.parametrize(
    ("family", "others"),
    [("speecht5", ["ben"]), ("bark", ["v2/de_speaker_1", "random"]), ("csm", ["speaker-3"]), ("dia", ["s2"])],
)
def test_voices_sound_different(family: str, others: list[str]) -> None:
    """Each of a model's voices sounds different; a voice with missing files is not listed."""
    engine, info = loaded(family)

    assert set(others) < {voice.id for voice in info.voices}
    assert not any("gone" in voice.id for voice in info.voices)
    spoken = [
        speak(engine, SpeechJob(TEXT, voice, seed=5)).tobytes() for voice in ("", info.voices[0].id, *others)
    ]
    assert spoken[0] == spoken[1]
    assert len(set(spoken)) == 1 + len(others)


# VITS...


def test_speakers_of_vits(tmp_path: Path) -> None:
    """The speakers of a VITS are its voices."""
    engine = TransformersSpeech(str(tiny.vits(tmp_path / "vits", speakers=3)))
    voices = [voice.id for voice in engine.load(Place(threads=1), QUIET).voices]

    assert voices == ["speaker-0", "speaker-1", "speaker-2"]
    assert len({speak(engine, SpeechJob(TEXT, voice, seed=5)).tobytes() for voice in voices}) == 3


def test_speed_of_vits() -> None:
    """The speed is the model's own speaking rate, at the same pitch: twice as fast takes about half the time."""
    engine, info = loaded("vits")
    lengths = [len(speak(engine, SpeechJob(TEXT * 2, "", seed=5, speed=speed))) for speed in (0.5, 1.0, 2.0)]

    assert info.speech is not None
    assert info.speech.speed == (0.5, 2.0)
    assert 1.6 < lengths[0] / lengths[1] < 2.4
    assert 1.6 < lengths[1] / lengths[2] < 2.4


def test_text_of_vits() -> None:
    """Capitals and characters that the model does not know make no difference; a text of nothing else is
    refused.
    """
    engine = loaded("vits")[0]

    assert np.array_equal(
        speak(engine, SpeechJob("HI 你 There!?", "", seed=5)),
        speak(engine, SpeechJob("hi  there", "", seed=5)),
    )
    for text in ("你好", "Привет!"):
        for family in ("vits", "speecht5"):
            with pytest.raises(BadInput, match="none of the characters") as caught:
                speak(loaded(family)[0], SpeechJob(text, ""))
            assert caught.value.param == "input"


def test_numbers_are_words() -> None:
    """A model that knows letters only reads numbers as words; signs alone are silent, and no error amid a
    longer text.
    """
    pytest.importorskip("num2words")
    for family in ("vits", "speecht5"):
        engine = loaded(family)[0]
        in_digits, in_words = (
            speak(engine, SpeechJob(text, "", seed=5))
            for text in ("I have 42 ships", "I have forty-two ships")
        )
        assert np.array_equal(in_digits, in_words)
        assert len(speak(engine, SpeechJob("…!?", ""))) == 0
    assert len(speak(loaded("vits")[0], SpeechJob("1984.", ""))) > 0


@pytest.mark.parametrize(
    ("language", "model", "expected"),
    [
        ("deu", "mine", ("de",)),
        ("uzb-script_cyrillic", "mine", ("uz-Cyrl",)),
        ("quc-dialect_central", "mine", ("quc",)),
        (None, "facebook/mms-tts-swh", ("sw",)),
        (None, "mine", ()),
    ],
)
def test_language_of_vits(
    tmp_path: Path, language: str | None, model: str, expected: tuple[str, ...]
) -> None:
    """A model's language is what its tokenizer says, or its name: as a BCP-47 tag."""
    info = TransformersSpeech(str(tiny.vits(tmp_path / "vits", language=language)), model=model).load(
        Place(threads=1), QUIET
    )

    assert info.speech is not None
    assert (info.speech.languages, info.voices[0].languages) == (expected, expected)


def test_tags() -> None:
    """Codes of three letters become those of two where there are such; an invalid code yields none."""
    assert [bcp47_tag(code) for code in ("deu", "cmn", "ceb", "en", "azj-script_latin", "", None, "Klingon!")] == [
        "de", "zh", "ceb", "en", "az-Latn", "", "", "",
    ]  # fmt: skip
    assert tag_in_names("x", "/cache/models--facebook--mms-tts-fra/snapshots/1") == "fr"


def test_uroman_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that reads Latin letters of another script is refused while `uroman` cannot be imported, in words
    that any caller may read: they name the model, and no path.
    """
    monkeypatch.setitem(sys.modules, "uroman", None)  # as if it were not installed
    engine = TransformersSpeech(str(tiny.vits(tmp_path / "vits", is_uroman=True)), model="mms-tts-mine")
    with pytest.raises(EngineFailed, match="voicebox engines add uroman") as raised:
        engine.load(Place(threads=1), QUIET)

    assert "'mms-tts-mine'" in raised.value.message
    assert str(tmp_path) not in raised.value.message


@pytest.mark.skipif(find_spec("uroman") is None, reason="uroman is not installed")
def test_uroman_reads(tmp_path: Path) -> None:
    """With `uroman`, which comes with the group, such a model speaks Cyrillic letters that it does not know itself."""
    folder = tiny.vits(tmp_path / "vits", is_uroman=True)
    engine = TransformersSpeech(str(folder))
    engine.load(Place(threads=1), QUIET)

    assert len(speak(engine, SpeechJob("привет", "default")))


def test_phonemes(tmp_path: Path) -> None:
    """A model that reads phonemes gets espeak's, and speaks American English."""
    pytest.importorskip("phonemizer")
    pytest.importorskip("espeakng_loader")
    engine = TransformersSpeech(str(tiny.vits(tmp_path / "vits", phonemize=True, language=None)))
    info = engine.load(Place(threads=1), QUIET)

    assert info.speech is not None
    assert info.speech.languages == ("en-US",)
    spoken = [speak(engine, SpeechJob(text, "", seed=5)).tobytes() for text in ("right", "write", "wrong")]
    assert spoken[0] == spoken[1] != spoken[2]
