"""Tests of VibeVoice with random weights: audio, cloned voices, conversations, and how it stops. Offline."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
from outputs import QUIET, create_prompt, opened, run_speech

pytest.importorskip("transformers")
pytest.importorskip("diffusers")
pytest.importorskip("sentencepiece")  # of the other models in tiny_transformers

import msgspec
import tiny_transformers
import torch
import transformers as library
from numpy.typing import NDArray
from safetensors.torch import save
from tiny_vibevoice import BEGIN_TOKEN, HOP_LENGTH, LAST_TOKEN, RATE, SOUND_TOKEN, make_vibevoice

from engines.adapters.transformers_models.speaking_model import max_frames
from engines.adapters.transformers_models.speech_engine import TransformersSpeech
from engines.adapters.transformers_models.vibevoice import split_turns
from engines.api import Audio, EngineInfo, Place, Prompt, Sample, SpeechEvent, SpeechJob
from engines.catalogue.models import find_model
from engines.environments.find import obstacle
from engines.errors import BadInput, EngineFailed, UnknownVoice, Unsupported
from engines.toolkit.checkpoint_kinds import checkpoint_kind, checkpoint_sample_rate
from engines.toolkit.default_voice import SAMPLE_TEXT

LONGEST_SECONDS = 30.0
TEXT = "Hi there."
Pcm = NDArray[np.int16]
Turns = list[dict[str, Any]]


pytestmark = pytest.mark.usefixtures("offline")


@cache
def folder() -> Path:
    """Create a model, once."""
    return make_vibevoice(Path(mkdtemp()) / "vibevoice")


@cache
def loaded() -> tuple[TransformersSpeech, EngineInfo]:
    """Load the model, once."""
    engine = TransformersSpeech(str(folder()), model="my-vibevoice", own_voice=False)
    return engine, engine.load(Place(threads=1), QUIET)


def speak(job: SpeechJob, engine: TransformersSpeech | None = None) -> Pcm:
    """Return the samples of a job."""
    events: list[SpeechEvent] = []

    def emit(event: SpeechEvent) -> bool:
        events.append(event)
        return True

    run_speech(engine or loaded()[0], job, emit)
    return np.frombuffer(b"".join(event.pcm for event in events if isinstance(event, Audio)), "<i2")


def recording(pitch: float, seconds: float = 1.0) -> Sample:
    """Return a sample with a tone; `pitch` in Hertz."""
    time = np.arange(round(seconds * RATE)) / RATE
    return Sample((8000 * np.sin(2 * np.pi * pitch * time)).astype("<i2").tobytes())


def prompt(*samples: Sample) -> Prompt:
    """Return a prompt made of samples."""
    data = create_prompt(loaded()[0], samples, "my-vibevoice")
    return opened(loaded()[0], data)


@cache
def library_model() -> tuple[Any, Any]:
    """Load the library's own processor and model, once."""
    return (
        library.VibeVoiceProcessor.from_pretrained(folder()),
        library.VibeVoiceForConditionalGeneration.from_pretrained(folder()),
    )


def by_the_library(turns: Turns, max_tokens: int) -> Pcm:
    """Return the samples of the library alone, used as its documentation shows."""
    processor, model = library_model()
    inputs = processor.apply_chat_template(turns, tokenize=True, return_dict=True, return_tensors="pt")
    torch.manual_seed(5)
    (speech,) = model.generate(**inputs, max_new_tokens=max_tokens)
    samples: Pcm = np.rint(np.clip(speech.flatten().numpy(), -1, 1) * 32767).astype("<i2")
    return samples


def turn(role: str, text: str, *more: dict[str, Any]) -> dict[str, Any]:
    """Return one speaker's turn, in the form of the library's processor."""
    return {"role": role, "content": [{"type": "text", "text": text}, *more]}


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # of the library's schedule
@pytest.mark.parametrize("cloned", [False, True], ids=["numbered", "cloned"])
@pytest.mark.parametrize(
    ("text", "turns"),
    [
        (TEXT, [("0", TEXT)]),
        ("Hi \n  there.", [("0", TEXT)]),
        (
            "Good day! \nSpeaker 2: 你好。\nSpeaker 0: Bye.",
            [("0", "Good day!"), ("2", "你好。"), ("0", "Bye.")],
        ),
    ],
    ids=["one", "lines", "conversation"],
)
@pytest.mark.shows("equals", "transformers: vibevoice-1.5b")
def test_audio_is_the_librarys(text: str, turns: list[tuple[str, str]], cloned: bool) -> None:
    """Audio is that of the library's own call with the same seed, for numbers and clones, and for several
    speakers.
    """
    sample = recording(200)
    audio = {"type": "audio", "audio": np.frombuffer(sample.pcm, "<i2").astype(np.float32) / 32768}
    conversation = [turn(*one, *([audio] if cloned and not index else [])) for index, one in enumerate(turns)]

    spoken = speak(SpeechJob(text, "", seed=5, prompt=prompt(sample) if cloned else None))

    expected = by_the_library(
        conversation, max_frames(text, RATE / HOP_LENGTH)
    )  # on as many threads: so it is the same to the last bit
    assert len(spoken) == len(expected) > 100
    assert np.abs(spoken.astype(int) - expected).max() <= 1
    assert np.abs(spoken.astype(int)).max() > 1000


def test_info() -> None:
    """The engine's info has its name, the rate of its checkpoint, its speakers, and that it clones; OpenAI's
    names all have a speaker.
    """
    info = loaded()[1]

    assert (info.name, info.models, info.device) == ("transformers", ("my-vibevoice",), "cpu")
    assert info.speech is not None
    assert info.speech.cloning is not None
    assert (info.speech.sample_rate, info.speech.cloning.sample_rate, info.speech.seed) == (RATE, RATE, True)
    assert info.speech.languages == ("en", "zh")
    assert [voice.id for voice in info.voices] == [f"speaker-{number}" for number in range(4)]
    assert set(info.characters.values()) == {voice.id for voice in info.voices}
    config = json.loads((folder() / "config.json").read_text())
    assert (checkpoint_kind(config), checkpoint_sample_rate(config)) == ("speech", 24_000)


def test_seeds_texts_and_speakers() -> None:
    """The same seed yields the same audio; another seed, text or speaker another, and so does no seed."""
    first = speak(SpeechJob(TEXT, "", seed=5))
    others = [
        speak(job)
        for job in (
            SpeechJob(TEXT, "", seed=6), SpeechJob("Hi where?", "", seed=5), SpeechJob(TEXT, "speaker-3", seed=5),
            SpeechJob(TEXT, ""), SpeechJob(TEXT, ""),
        )
    ]  # fmt: skip

    assert np.array_equal(speak(SpeechJob(TEXT, "speaker-0", seed=5)), first)
    assert len({audio.tobytes() for audio in (first, *others)}) == 1 + len(others)


@pytest.mark.parametrize("after", [1, 7, 40])
@pytest.mark.parametrize("cloned", [False, True], ids=["numbered", "cloned"])
def test_stops_when_nobody_wants_the_rest(after: int, cloned: bool) -> None:
    """Once `emit` returns False nothing more is emitted, before all audio is computed; the next job is not
    affected.
    """
    job = SpeechJob(TEXT, "", seed=5, prompt=prompt(recording(200)) if cloned else None)
    first = speak(job)
    events: list[SpeechEvent] = []

    def emit(event: SpeechEvent) -> bool:
        events.append(event)
        return len(events) < after

    run_speech(loaded()[0], job, emit)

    assert events == [Audio(b"")] * after
    assert np.array_equal(speak(job), first)


def test_checks_within_each_frame() -> None:
    """Each frame of audio is computed in many steps, and the job can stop between them."""
    checks = 0

    def emit(event: SpeechEvent) -> bool:
        nonlocal checks
        checks += event == Audio(b"")
        return True

    run_speech(loaded()[0], SpeechJob(TEXT, "", seed=5), emit)

    assert checks > 10 * max_frames(TEXT, RATE / HOP_LENGTH)


def test_no_longer_than_its_text() -> None:
    """Speech that does not end by itself is no longer than a text of that length can last."""
    assert len(speak(SpeechJob(TEXT, "", seed=5))) == HOP_LENGTH * max_frames(TEXT, RATE / HOP_LENGTH)
    assert len(speak(SpeechJob(TEXT * 3, "", seed=5))) == HOP_LENGTH * max_frames(TEXT * 3, RATE / HOP_LENGTH)


@pytest.mark.parametrize("frames", [0, 1, 5])
def test_speech_that_ends(tmp_path: Path, frames: int) -> None:
    """Speech is as long as the model makes it; where it ends before any sound there is no audio, and no
    error.
    """
    engine = TransformersSpeech(str(make_vibevoice(tmp_path / "brief", frames=frames)), own_voice=False)
    engine.load(Place(threads=1), QUIET)

    assert len(speak(SpeechJob(TEXT, ""), engine)) == frames * HOP_LENGTH


def test_unknown_voices_and_empty_texts() -> None:
    """An unknown voice is refused by name; a text of signs alone, or of names alone, yields no audio."""
    with pytest.raises(UnknownVoice, match="'nobody'"):
        speak(SpeechJob(TEXT, "nobody"))
    for text in (" … -- !", "Speaker 1:", "Speaker 1: …\nSpeaker 2: !"):
        assert len(speak(SpeechJob(text, "", prompt=prompt(recording(200))))) == 0


def test_speakers_of_lines() -> None:
    """The speaker of a line is the name before a colon at its beginning, where it is a possible speaker."""
    named = [
        (one["role"], one["content"][0]["text"])
        for one in split_turns(
            "Speaker 1: A.\n\n  Speaker 3:B \n c.\nSpeaker 7: D. Speaker 0: E.\nSpeaker 2: …", 2
        )
    ]

    assert named == [("1", "A."), ("3", "B c. Speaker 7: D. Speaker 0: E.")]


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # of the library's schedule
@pytest.mark.parametrize("control", [BEGIN_TOKEN, LAST_TOKEN])
def test_control_tokens_are_spoken(control: str) -> None:
    """A control token of the prompt's format is ordinary letters in a text."""
    text = f"Hi {control}"
    with_control = by_the_library([turn("0", text)], max_frames(text, RATE / HOP_LENGTH))
    spoken = speak(SpeechJob(text, "", seed=5))

    assert len(spoken) == len(with_control)
    assert not np.array_equal(spoken, with_control)


@pytest.mark.parametrize("cloned", [False, True], ids=["numbered", "cloned"])
def test_sound_tokens_are_spoken(cloned: bool) -> None:
    """A sound's token in a text is ordinary letters too, and does not count as a recording."""
    clone = prompt(recording(200)) if cloned else None

    assert len(speak(SpeechJob(f"Hi {SOUND_TOKEN}", "", seed=5, prompt=clone))) > 0


def test_half_precision() -> None:
    """The model speaks with 16 bits too, cloned voices included."""
    engine = TransformersSpeech(str(folder()), own_voice=False)
    engine.load(Place(dtype="bfloat16", threads=1), QUIET)

    assert len(speak(SpeechJob("Hi.", "", seed=5, prompt=prompt(recording(200))), engine)) > 0


# Cloned voices...


def test_clones_differ() -> None:
    """Each recording is a voice of its own, whatever voice is named; the same recording yields the same
    prompt, and several are joined.
    """
    low, high = prompt(recording(120)), prompt(recording(260))
    spoken = [
        speak(SpeechJob(TEXT, voice, seed=5, prompt=one))
        for one, voice in ((None, ""), (low, ""), (high, ""), (low, "Ann"))
    ]

    assert len({audio.tobytes() for audio in spoken[:3]}) == 3
    assert np.array_equal(spoken[1], spoken[3])
    assert prompt(recording(120)).data == low.data
    both = prompt(recording(120), recording(260))
    assert both.data == prompt(Sample(recording(120).pcm + recording(260).pcm)).data


def test_the_longest_recording() -> None:
    """A recording as long as one may be is spoken with."""
    whole = prompt(recording(120, LONGEST_SECONDS))

    assert len(speak(SpeechJob("Hi.", "", seed=5, prompt=whole))) > 0


@pytest.mark.parametrize(
    "data",
    [
        lambda: b"",
        lambda: b"noise",
        lambda: prompt(recording(120)).data[:-10],
        lambda: save({}),
        lambda: save({"a": torch.zeros(RATE, dtype=torch.int16), "b": torch.zeros(RATE, dtype=torch.int16)}),
        lambda: save({"recording": torch.zeros(RATE)}),
        lambda: save({"recording": torch.zeros(1, RATE, dtype=torch.int16)}),
        lambda: save({"recording": torch.zeros(10, dtype=torch.int16)}),
        lambda: save({"recording": torch.zeros(40 * RATE, dtype=torch.int16)}),
    ],
    ids=["empty", "noise", "cut", "nothing", "two", "another type", "another shape", "too short", "too long"],
)
def test_invalid_prompts(data: Callable[[], bytes]) -> None:
    """A prompt that is not this model's is refused with the reason."""
    with pytest.raises(BadInput, match="none of this model's"):
        speak(SpeechJob(TEXT, "", prompt=opened(loaded()[0], data())))


def test_others_do_not_clone(tmp_path: Path) -> None:
    """A model of another kind, which does not clone, refuses to create prompts."""
    engine = TransformersSpeech(str(tiny_transformers.vits(tmp_path / "vits")), model="mine")
    engine.load(Place(threads=1), QUIET)
    with pytest.raises(Unsupported, match="'mine' does not clone"):
        create_prompt(engine, [recording(120)], "mine")


# What is missing...


def test_diffusers_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package `diffusers` loading fails with the package's name, and the model's record says so
    beforehand.
    """
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(EngineFailed, match="voicebox engines add diffusers"):
        TransformersSpeech(str(folder())).load(Place(), QUIET)
    assert obstacle(find_model("vibevoice-1.5b")).startswith("diffusers not installed")
    assert "diffusers" not in obstacle(find_model("bark-small"))


def test_files_that_are_missing_or_others(tmp_path: Path) -> None:
    """Files that cannot be loaded are refused with the reason: the makers' own layout, no weights, no
    processor.
    """
    for name, spoil, match in (
        (
            "own",
            lambda path: _add(path / "config.json", decoder_config={}),
            "layout of Microsoft's own code",
        ),
        ("bare", lambda path: (path / "model.safetensors").unlink(), "model.safetensors is missing"),
        (
            "mute",
            lambda path: (path / "processor_config.json").unlink(),
            "VibeVoiceProcessor in .* cannot be loaded",
        ),
    ):
        path = Path(shutil.copytree(folder(), tmp_path / name))
        spoil(path)
        with pytest.raises(EngineFailed, match=match):
            TransformersSpeech(str(path)).load(Place(), QUIET)


def _add(file: Path, **more: Any) -> None:
    """Add keys to a JSON file."""
    file.write_text(json.dumps(json.loads(file.read_text()) | more))


def test_a_preset_is_one_voice(tmp_path: Path) -> None:
    """A speaker is a clone of the sample text that the model spoke with its number, whichever the text; a
    client that leaves meanwhile changes nothing.
    """
    recording_engine, plain_engine = (
        TransformersSpeech(str(make_vibevoice(tmp_path / "brief", frames=RATE // HOP_LENGTH)), own_voice=own)
        for own in (True, False)
    )
    recording_engine.load(Place(threads=1), QUIET)
    plain_engine.load(Place(threads=1), QUIET)
    run_speech(recording_engine, SpeechJob(TEXT, "speaker-1", seed=5), lambda _: False)
    line = speak(SpeechJob(SAMPLE_TEXT, "speaker-1", seed=0), plain_engine)
    for text in (TEXT, "Good day!"):
        job = SpeechJob(text, "speaker-1", seed=5)
        spoken = speak(job, recording_engine)
        clone = opened(plain_engine, create_prompt(plain_engine, [Sample(line.tobytes())], ""))
        cloned = msgspec.structs.replace(job, text=f"Speaker 1: {text}", prompt=clone)
        assert np.abs(spoken.astype(int) - speak(cloned, plain_engine)).max() <= 8, (
            "the line may differ by its last bit"
        )
        assert not np.array_equal(spoken, speak(job, plain_engine))
        assert not np.array_equal(spoken, speak(SpeechJob(text, "speaker-2", seed=5), recording_engine))
        named = SpeechJob(f"Speaker 1: {text}", "speaker-2", seed=5)
        assert np.array_equal(spoken, speak(named, recording_engine)), (
            "a speaker that the text names has that speaker's voice"
        )
