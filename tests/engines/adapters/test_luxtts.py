"""Tests of LuxTTS with a model of random weights, in the environment of its group: the library's own audio, cloned
voices, 48 kHz, and how it stops and fails. Its worker is offline.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from engine_environments import need_packages
from made_checkpoints import SCRIPTS, made_checkpoint
from model_worker import ModelWorker, hum, model_worker, prompt_of, run_in_environment, wav_file
from numpy.typing import NDArray

from engines.api import Prompt, Sample, SpeechJob
from engines.api.prompt_file import signed
from engines.errors import BadInput, UnknownVoice
from engines.fleet.worker_process import StartFailed

pytestmark = pytest.mark.engines

GROUP = "legacy457"
RATE = 48_000
RECORDING_RATE = 24_000
WORDS = "Hello, this is the reference."
TEXT = "This is a test, and not a long one."


def made(**shapes: int) -> Path:
    """Return the folder of a checkpoint; skip the test where its library is not there."""
    need_packages("luxtts")
    return made_checkpoint(GROUP, "tiny_luxtts.py", shapes)


@pytest.fixture(scope="module")
def folder() -> Path:
    """Return the folder of the checkpoint for all tests."""
    return made()


@pytest.fixture(scope="module")
def worker(folder: Path) -> Iterator[ModelWorker]:
    """Run a worker."""
    with model_worker("luxtts", [folder], warm=True) as running:
        yield running


@pytest.fixture(scope="module")
def voice(worker: ModelWorker) -> Prompt:
    """Return a voice."""
    return worker.prompt(recording(150.0))


def recording(hertz: float, words: str = WORDS, seconds: float = 4.0, loudness: float = 1.0) -> Sample:
    """Return a sample, whose pitch the model hears."""
    sample = hum(hertz, RECORDING_RATE, seconds, words)
    quiet = np.rint(np.frombuffer(sample.pcm, "<i2") * loudness).astype("<i2")
    return Sample(quiet.tobytes(), words)


CALLS: list[tuple[str, str, float, float, dict[str, float]]] = [
    (TEXT, WORDS, 1.0, 1.0, {}),
    (TEXT, WORDS, 0.3, 1.5, {"steps": 6, "cfg": 2.0, "t_shift": 0.9}),
    (TEXT, WORDS, 0.02, 0.5, {"steps": 1}),
    ("你好, hello. <shi4><jie4>", "你好世界", 1.0, 1.0, {}),
]
"""a text, the words of the recording, how loud that is, the speed, and settings"""
LIBRARY_NAMES = {"steps": "num_step", "cfg": "guidance_scale", "t_shift": "t_shift"}


def library_audio(folder: Path, place: Path) -> list[NDArray[np.int16]]:
    """Return the library's own audio for all calls, with recordings in files as the voices."""
    calls = []
    for number, (text, words, loudness, speed, settings) in enumerate(CALLS):
        file = place / f"{number}.wav"
        file.write_bytes(wav_file(recording(170.0, words, loudness=loudness).pcm, RECORDING_RATE))
        options = {LIBRARY_NAMES[name]: value for name, value in settings.items()} | {"speed": speed}
        calls.append({"recording": str(file), "words": words, "text": text, "seed": 7, "options": options})
    out = place / "speech.npz"
    script = SCRIPTS / "library_luxtts.py"
    run_in_environment(GROUP, script, str(folder), str(out), json.dumps(calls))
    with np.load(out) as spoken:
        sounds = [spoken[str(number)] for number in range(len(calls))]
    return [np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2") for sound in sounds]


def test_info(worker: ModelWorker) -> None:
    """It says its names, languages and rate, and that it needs three seconds of samples and their words."""
    info = worker.info
    speech = info.speech
    assert speech
    assert speech.cloning
    assert (info.name, info.models, info.licence, info.voices) == ("luxtts", ("luxtts",), "Apache-2.0", ())
    assert (speech.sample_rate, speech.languages, speech.scripts) == (RATE, ("en", "zh"), ("Latin", "Han"))
    assert (speech.speed, speech.seed, speech.streaming) == ((0.5, 2.0), True, False)
    cloning = speech.cloning
    assert (cloning.sample_rate, cloning.shortest, cloning.transcript) == (RECORDING_RATE, 3.0, "needed")


@pytest.mark.shows("equals", "luxtts")
def test_the_same_as_the_library(worker: ModelWorker, folder: Path, tmp_path: Path) -> None:
    """Its audio is the library's own for the same seed, with a voice that came back from its bytes: in both
    languages, of loud and quiet recordings, at other speeds, and with settings.
    """
    expected = library_audio(folder, tmp_path)
    for (text, words, loudness, speed, settings), theirs in zip(CALLS, expected, strict=True):
        prompt = worker.prompt(recording(170.0, words, loudness=loudness))
        ours = worker.speak(text, prompt, seed=7, speed=speed, settings=settings)
        assert len(ours) > RATE / 10
        assert ours.shape == theirs.shape
        assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_what_changes_the_audio(worker: ModelWorker, voice: Prompt) -> None:
    """The same seed gives the same audio; another seed, text, voice or setting gives another."""
    first = worker.speak(TEXT, voice, seed=1)
    assert np.abs(first.astype(int)).max() > 100
    assert np.array_equal(first, worker.speak(TEXT, voice, seed=1))
    others = [
        worker.speak(TEXT, voice, seed=2),
        worker.speak(TEXT, voice),
        worker.speak("This is another text, and not a long one.", voice, seed=1),
        worker.speak(TEXT, worker.prompt(recording(300.0)), seed=1),
        worker.speak(TEXT, voice, seed=1, settings={"cfg": 1.0}),
    ]
    assert len({audio.tobytes() for audio in (first, *others)}) == 1 + len(others)
    other_voice = others[3]
    assert other_voice.shape == first.shape
    assert np.abs(first.astype(int) - other_voice).max() > 10


def test_speed_is_its_own(worker: ModelWorker, voice: Prompt) -> None:
    """Twice the speed takes half the time, and half the speed twice."""
    usual, quick, slow = (len(worker.speak(TEXT, voice, seed=1, speed=speed)) for speed in (1.0, 2.0, 0.5))
    assert usual / quick == pytest.approx(2, rel=0.05)
    assert slow / usual == pytest.approx(2, rel=0.05)


def test_there_is_sound_above_12_kilohertz(worker: ModelWorker, voice: Prompt) -> None:
    """At 48 kHz there is sound that 24 kHz could not have."""
    sound = worker.speak(TEXT, voice, seed=1).astype(float)
    spectrum = np.abs(np.fft.rfft(sound))
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    assert spectrum[hertz > 13_000].sum() > 0.01 * spectrum.sum()


def test_samples_are_joined(worker: ModelWorker) -> None:
    """Samples are one recording in their order, and so are their words; the same make the same prompt."""
    one, two = recording(150.0, "Hello there.", 2.0), recording(200.0, "How are you?", 1.5)
    joined = Sample(one.pcm + two.pcm, "Hello there. How are you?")
    assert worker.prompt(one, two).id == worker.prompt(joined).id
    assert worker.prompt(two, one).id != worker.prompt(joined).id


def test_brackets_are_no_signs(worker: ModelWorker, voice: Prompt) -> None:
    """Words in brackets are read: the library takes them for signs, and drops them."""
    for text in ("This is [not] a test.", "This is <not> a test."):
        read = worker.speak(text, voice, seed=1)
        assert np.array_equal(read, worker.speak("This is (not) a test.", voice, seed=1))
        assert len(read) > len(worker.speak("This is a test.", voice, seed=1))


@pytest.mark.parametrize("text", ["", " ", "…", "?!"])
def test_a_text_without_words(worker: ModelWorker, voice: Prompt, text: str) -> None:
    """A text without a letter or digit has no audio."""
    assert len(worker.speak(text, voice)) == 0


def test_a_job_that_nobody_wants(worker: ModelWorker, voice: Prompt) -> None:
    """A long job that is left ends within a step, and the next is as before."""
    before = worker.speak(TEXT, voice, seed=3)
    # long by its steps: what each of their layers takes grows with the square of the text
    long = SpeechJob("This is a word. " * 4, "", prompt=voice, settings={"steps": 32})
    assert worker.run(worker.speak_for(long, 0.3)), "it was over before anybody could leave"
    left = time.monotonic()
    assert np.array_equal(before, worker.speak(TEXT, voice, seed=3))
    assert time.monotonic() - left < 120.0, "the job that was left went on"


def test_refused(worker: ModelWorker, voice: Prompt) -> None:
    """Refused are speech without a voice, other languages, samples that are too short or without words, and
    prompts of others.
    """
    with pytest.raises(UnknownVoice):
        worker.speak(TEXT, None)
    with pytest.raises(BadInput, match="English or Chinese"):
        worker.speak("Привет", voice)
    with pytest.raises(BadInput, match="neither English nor Chinese"):
        worker.prompt(recording(150.0, "Привет"))
    with pytest.raises(BadInput, match="reference_text"):
        worker.prompt(recording(150.0, ""))
    with pytest.raises(BadInput, match="at least 3"):
        worker.prompt(recording(150.0, seconds=2.0))
    with pytest.raises(BadInput, match="clones voices that speak en, zh"):
        worker.prompt(recording(150.0), language="de")
    with pytest.raises(BadInput, match="none of this model's"):
        worker.speak(TEXT, prompt_of(b"nonsense"))


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("tokens", np.array([-1], np.int64)),
        ("tokens", np.array([10**6], np.int64)),
        ("tokens", np.zeros(0, np.int64)),
        ("features", np.zeros((10, 80), np.float32)),
        ("features", np.full((10, 100), np.nan, np.float32)),
        ("features", np.zeros((10**5, 100), np.float32)),
        ("rms", np.array([np.inf], np.float32)),
        ("more", np.zeros(1, np.float32)),
    ],
)
def test_a_prompt_of_another_shape(
    worker: ModelWorker, voice: Prompt, name: str, array: NDArray[np.generic]
) -> None:
    """A prompt with other tokens, spectra, loudness or parts than recordings give is refused."""
    from safetensors.numpy import load, save

    data = signed(save({**load(voice.data), name: array}))
    with pytest.raises(BadInput, match="none of this model's"):
        worker.speak(TEXT, prompt_of(data))


def test_other_shapes() -> None:
    """A checkpoint of other shapes loads, does its first job, and speaks."""
    shapes = {
        "width": 64,
        "text_width": 48,
        "layers": 2,
        "heads": 4,
        "vocoder_width": 256,
        "vocoder_layers": 3,
    }
    with model_worker("luxtts", [made(**shapes)], warm=True) as running:
        assert len(running.speak(TEXT, running.prompt(recording(200.0)), seed=1))


@pytest.mark.parametrize(
    ("file", "data", "told"),
    [
        ("vocoder/vocos.bin", None, "vocos.bin is missing"),
        ("model.pt", b"nonsense", "cannot load .*model.pt"),
    ],
)
def test_a_broken_file(folder: Path, tmp_path: Path, file: str, data: bytes | None, told: str) -> None:
    """With a file that is missing or broken it does not start, and names the file."""
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / file).unlink()
    if data is not None:
        (broken / file).write_bytes(data)
    with pytest.raises(StartFailed, match=told), model_worker("luxtts", [broken]):
        pass


def test_no_class_of_anybody_is_made(folder: Path, tmp_path: Path) -> None:
    """A configuration of the vocoder that names a class beside those of vocoders runs nothing."""
    import yaml

    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    file = broken / "vocoder" / "config.yaml"
    config = yaml.safe_load(file.read_text())
    config["head"] = {
        "class_path": "subprocess.Popen",
        "init_args": {"args": ["touch", str(tmp_path / "ran")]},
    }
    file.write_text(yaml.safe_dump(config))
    with pytest.raises(StartFailed, match="no part of a vocoder"), model_worker("luxtts", [broken]):
        pass
    assert not (tmp_path / "ran").exists()
