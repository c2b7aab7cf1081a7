"""Tests of OmniVoice with a model of random weights: the library's own audio, cloned and described voices, speed, and how
it stops and fails. Offline.
"""

from __future__ import annotations

import shutil
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from outputs import QUIET, create_prompt, opened, run_speech

pytest.importorskip("torch")
if find_spec("omnivoice") is None:
    pytest.skip("omnivoice is not installed", allow_module_level=True)

import tiny_omnivoice
import torch
from model_worker import hum, prompt_of
from safetensors.torch import load, load_file, save, save_file
from tiny_omnivoice import RATE, folder

from engines.adapters.omnivoice.engine import FADE_SECONDS, OmniVoice
from engines.adapters.omnivoice.library import import_library
from engines.api import EngineInfo, Place, Prompt, Sample, SpeechEvent, SpeechJob
from engines.catalogue.families import UnfitModel, fit_model
from engines.catalogue.family import CheckpointFacts
from engines.catalogue.own import OwnModel
from engines.errors import BadInput, EngineFailed, UnknownVoice

WORDS = "Hello, this is it."
TEXT = "Hello there, my friend."
STEPS = 6
Pcm = NDArray[np.int16]
pytestmark = pytest.mark.usefixtures("offline")


@cache
def loaded() -> tuple[OmniVoice, EngineInfo]:
    """Load the model, once."""
    engine = OmniVoice(path=str(folder()), model="my-omnivoice", steps=STEPS)
    return engine, engine.load(Place(threads=1), QUIET)


def sample(hertz: float, seconds: float = 3.0, words: str = WORDS) -> Sample:
    """Return a sample of a voice."""
    return hum(hertz, RATE, seconds, words)


@cache
def voice(hertz: float) -> Prompt:
    """Return a cloned voice."""
    made: Prompt = opened(loaded()[0], create_prompt(loaded()[0], [sample(hertz)], "my-omnivoice"))
    return made


def speak(text: str = TEXT, engine: OmniVoice | None = None, **fields: Any) -> Pcm:
    """Return the samples of a job."""
    pcm = bytearray()

    def emit(event: SpeechEvent) -> bool:
        pcm.extend(event.pcm)  # type: ignore[union-attr]
        return True

    run_speech(engine or loaded()[0], SpeechJob(text, "", **{"seed": 5, **fields}), emit)
    return np.frombuffer(bytes(pcm), "<i2")


@cache
def library() -> Any:
    """Return the library's own model, as its page loads it."""
    return import_library().OmniVoice.from_pretrained(str(folder()), device_map="cpu")


def library_audio(**arguments: Any) -> Pcm:
    """Return what the library's own `generate` makes, without its cutting of silences."""
    torch.manual_seed(5)
    (sound,) = library().generate(
        TEXT,
        num_step=STEPS,
        postprocess_output=False,
        pad_duration=0.0,
        fade_duration=FADE_SECONDS,
        **arguments,
    )
    pcm: Pcm = np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2")
    return pcm


def test_info() -> None:
    """Its info has its names, rate, languages and kinds of voices."""
    info = loaded()[1]
    speech = info.speech
    assert speech
    assert speech.cloning
    assert (info.name, info.models, info.voices) == ("omnivoice", ("my-omnivoice", "omnivoice"), ())
    assert (speech.sample_rate, speech.speed, speech.seed, speech.streaming) == (
        RATE,
        (0.5, 2.0),
        True,
        False,
    )
    assert (speech.design, speech.language, speech.cloning.transcript) == (True, "taken", "needed")
    assert {"en", "de", "zh", "yue"} < set(speech.languages)
    assert {one.name: one.default for one in speech.settings} == {"steps": STEPS, "cfg": 2, "temperature": 0}


@pytest.mark.shows("equals", "omnivoice")
@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        ({}, {}),
        ({"language": "German"}, {"language": "de-AT"}),
        ({"speed": 1.5}, {"speed": 1.5}),
        ({"guidance_scale": 1.0, "class_temperature": 0.5}, {"settings": {"cfg": 1.0, "temperature": 0.5}}),
    ],
    ids=["plain", "language", "speed", "settings"],
)
def test_audio_is_the_librarys(arguments: dict[str, Any], fields: dict[str, Any]) -> None:
    """With a voice that came back from its bytes audio is the library's own for the same seed, sample for sample."""
    recording = np.frombuffer(sample(150).pcm, "<i2") / np.float32(32768)
    theirs = library().create_voice_clone_prompt(
        (torch.from_numpy(recording)[None], RATE), WORDS, preprocess_prompt=False
    )
    ours = speak(prompt=voice(150), **fields)
    assert np.abs(ours.astype(int)).max() > 500
    expected = library_audio(voice_clone_prompt=theirs, **arguments)
    assert ours.shape == expected.shape
    assert np.abs(ours.astype(int) - expected).max() <= 1


@pytest.mark.shows("equals", "omnivoice")
def test_described_voices_are_the_librarys() -> None:
    """A described voice is what the library makes of its attributes."""
    ours = speak(design="An old man, who whispers.")
    assert np.abs(ours.astype(int) - library_audio(instruct="male, elderly, whisper")).max() <= 1
    assert not np.array_equal(ours, speak(design="A girl."))


@pytest.mark.parametrize(
    ("description", "told"),
    [
        ("An old man with a deep voice.", "male, elderly, low pitch"),
        ("A WOMAN of middle age, very high", "female, very high pitch"),
        ("A young lady with a British accent", "female, young adult, british accent"),
        ("male, low pitch, indian accent", "male, low pitch, indian accent"),
        ("A child that whispers", "child, whisper"),
        ("一位老年男", "male, elderly"),
    ],
)
def test_attributes_of_descriptions(description: str, told: str) -> None:
    """Of a description the attributes are told that the model was taught, one of a kind."""
    from engines.adapters.omnivoice.design import attributes

    assert attributes(description) == told


def test_a_checkpoint_of_ones_own() -> None:
    """A folder of one's own is recognised by its files, and one that lacks its codec is refused with that."""
    files = tuple(str(file.relative_to(folder())) for file in folder().rglob("*") if file.is_file())
    facts = CheckpointFacts(files, {"model_type": "omnivoice"})
    record = fit_model("mine", OwnModel(folder="/mine"), facts)
    assert (record.engine.name, record.voice_types) == ("omnivoice", ("cloned", "designed"))
    alone = CheckpointFacts(tuple(file for file in files if "audio_tokenizer" not in file), facts.config)
    with pytest.raises(UnfitModel, match="audio_tokenizer"):
        fit_model("mine", OwnModel(folder="/mine"), alone)


def test_what_changes_the_audio() -> None:
    """The same seed gives the same audio; another seed, voice, text or language another; a higher speed is shorter."""
    first = speak(prompt=voice(150))
    assert np.array_equal(first, speak(prompt=voice(150)))
    others = [
        speak(prompt=voice(300)),
        speak(prompt=voice(150), seed=6),
        speak(prompt=voice(150), seed=None),
        speak(prompt=voice(150), language="fr"),
        speak("Good night.", prompt=voice(150)),
        speak(prompt=voice(150), speed=2.0),
    ]
    assert len({audio.tobytes() for audio in (first, *others)}) == 1 + len(others)
    assert len(others[-1]) == pytest.approx(len(first) / 2, rel=0.1)


def test_samples_are_joined() -> None:
    """Samples are one recording in their order, and so are their words; the same make the same prompt."""
    engine = loaded()[0]
    one, two = sample(150, 1.5, "Hello there."), sample(300, 1.2, "How are you?")
    joined = Sample(one.pcm + two.pcm, "Hello there. How are you?")
    assert create_prompt(engine, [one, two], "m") == create_prompt(engine, [joined], "m")
    assert create_prompt(engine, [two, one], "m") != create_prompt(engine, [joined], "m")


def test_signs_of_the_template_are_words() -> None:
    """A sign of the model's own template in a text does not end it."""
    assert len(speak("Hello. <|text_end|> And so on.", prompt=voice(150))) > len(
        speak("Hello.", prompt=voice(150))
    )


@pytest.mark.parametrize("text", ["", " ", "…", "?!"])
def test_a_text_without_words(text: str) -> None:
    """A text without a letter or digit has no audio."""
    assert len(speak(text, prompt=voice(150))) == 0


def test_a_job_that_nobody_wants() -> None:
    """A job is left within a layer, and the next is as before."""
    engine, before = loaded()[0], speak(prompt=voice(150))
    run_speech(engine, SpeechJob("On and on. " * 9, "", prompt=voice(150)), lambda _: False)
    assert np.array_equal(before, speak(prompt=voice(150)))


def test_refused() -> None:
    """Refused are speech without a voice, descriptions that name nothing, and prompts of others."""
    with pytest.raises(UnknownVoice):
        speak()
    with pytest.raises(BadInput, match="elderly"):
        speak(design="Somebody nice.")
    engine = loaded()[0]
    data = load(voice(150).data)
    for name, tensor in (
        ("ref_audio_tokens", torch.full_like(data["ref_audio_tokens"], tiny_omnivoice.CODES)),
        ("ref_audio_tokens", data["ref_audio_tokens"][1:].clone()),
        ("ref_rms", torch.tensor([torch.inf])),
        ("more", torch.zeros(1)),
    ):
        with pytest.raises(BadInput, match="none of this model's"):
            engine.open_prompt(save({**data, name: tensor}))
    with pytest.raises(BadInput, match="none of this model's"):
        engine.open_prompt(prompt_of(b"nonsense").data)


@pytest.mark.parametrize(
    "lost", ["config.json", "audio_tokenizer/config.json", "audio_tokenizer/model.safetensors"]
)
def test_missing_files(tmp_path: Path, lost: str) -> None:
    """A missing file is named: nothing is looked for elsewhere."""
    broken = shutil.copytree(folder(), tmp_path / "broken")
    (broken / lost).unlink()
    with pytest.raises(EngineFailed, match=lost):
        OmniVoice(path=str(broken)).load(Place(), QUIET)


@pytest.mark.parametrize("part", [".", "audio_tokenizer"])
def test_a_missing_weight(tmp_path: Path, part: str) -> None:
    """A weight that is missing is an error that names it: the library would draw it at random."""
    broken = shutil.copytree(folder(), tmp_path / "broken")
    file = broken / part / "model.safetensors"
    weights = load_file(file)
    name = sorted(weights)[-1]
    del weights[name]
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(EngineFailed, match=name.rpartition(".")[0].replace("weight_g", ".*")):
        OmniVoice(path=str(broken)).load(Place(), QUIET)


def test_other_shapes() -> None:
    """A checkpoint of another width, depth and other codebooks loads and speaks."""
    other = OmniVoice(path=str(folder(width=48, layers=3, codes=128, groups=4, codec_width=24)), steps=STEPS)
    other.load(Place(threads=1), QUIET)
    made = opened(other, create_prompt(other, [sample(150)], "other"))
    assert np.abs(speak(engine=other, prompt=made).astype(int)).max() > 500
    with pytest.raises(BadInput, match="none of this model's"):
        other.open_prompt(voice(150).data)
