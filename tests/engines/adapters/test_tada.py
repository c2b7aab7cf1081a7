"""Tests of TADA with a model of random weights, in the environment of its group: the library's own audio, cloned
voices, and how it stops and fails. Its worker is offline.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_checkpoints import SCRIPTS, made_checkpoint
from model_worker import (
    ModelWorker,
    hum,
    model_worker,
    prompt_of,
    publish_in_cache,
    run_in_environment,
    wav_file,
)
from numpy.typing import NDArray

from engines.api import Audio, Prompt, Sample, SpeechEvent, SpeechJob
from engines.api.prompt_file import signed
from engines.errors import BadInput, EngineFailed, UnknownVoice
from engines.fleet.worker_process import StartFailed

pytestmark = pytest.mark.engines

GROUP = "legacy457"
RATE = 24_000
PARTS = ("model", "codec", "tokenizer", "wav2vec")
WORDS = "Hello, this is the reference."
TEXT = "This is a test."
OPTIONS: dict[str, Any] = {"steps": 4}
"""of the worker: fewer steps are quicker"""


def made(**shapes: int) -> list[Path]:
    """Return the folders of a checkpoint of some shapes."""
    folder = made_checkpoint(GROUP, "tiny_tada.py", shapes)
    return [folder / part for part in PARTS]


@pytest.fixture(scope="module")
def folders() -> list[Path]:
    """Return the folders of the checkpoint for all tests."""
    return made()


@pytest.fixture(scope="module")
def worker(folders: list[Path]) -> Iterator[ModelWorker]:
    """Run a worker of the multilingual model."""
    with model_worker("tada-3b-ml", folders, **OPTIONS) as running:
        yield running


@pytest.fixture(scope="module")
def voice(worker: ModelWorker) -> Prompt:
    """Return a voice."""
    return worker.prompt(recording(150.0))


def recording(hertz: float, words: str = WORDS, seconds: float = 3.0) -> Sample:
    """Return a sample, of which the encoder hears the pitch and the transcript tells the words."""
    return hum(hertz, RATE, seconds, words)


def library_audio(
    folders: list[Path], place: Path, sample: Sample, text: str, calls: list[dict[str, object]]
) -> list[NDArray[np.int16]]:
    """Return the library's own audio for some calls, with a recording in a file as the voice, as its users load it:
    by names of repositories, the gated one of the tokenizer among them.
    """
    names = ("HumeAI/tada-1b", "HumeAI/tada-codec", "meta-llama/Llama-3.2-1B", "facebook/wav2vec2-large")
    for name, folder in zip(names, folders, strict=True):
        publish_in_cache(place / "hub", name, folder)
    (place / "voice.wav").write_bytes(wav_file(sample.pcm, RATE))
    out = place / "speech.npz"
    arguments = [str(place / "voice.wav"), text, str(out)]
    described = json.dumps([{"words": sample.transcript, **call} for call in calls])
    run_in_environment(
        GROUP, SCRIPTS / "library_tada.py", *arguments, described, HF_HUB_CACHE=str(place / "hub")
    )
    with np.load(out) as spoken:
        sounds = [spoken[str(number)] for number in range(len(calls))]
    return [np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2") for sound in sounds]


def largest_difference(one: NDArray[np.int16], another: NDArray[np.int16]) -> int:
    """Return the largest difference of two recordings of one length."""
    assert one.shape == another.shape
    return int(np.abs(one.astype(int) - another).max())


def test_info(worker: ModelWorker) -> None:
    """It says its names, the licence of its weights, the languages that the codec has aligners for, and that it
    needs the words of samples.
    """
    info = worker.info
    speech = info.speech
    assert speech
    assert speech.cloning
    assert (info.name, info.models, info.licence) == (
        "tada-3b-ml",
        ("tada-3b-ml", "tada"),
        "Llama 3.2 Community License",
    )
    assert (speech.sample_rate, speech.languages, speech.speed) == (RATE, ("en", "de", "ja"), (0.5, 2.0))
    assert (speech.seed, speech.streaming, info.voices) == (True, False, ())
    assert (speech.cloning.transcript, speech.cloning.languages) == ("needed", ("en", "de", "ja"))
    assert {one.name: one.default for one in speech.settings} == {"steps": 4, "cfg": 1.6, "temperature": 0.9}


LONG_JOB_SECONDS = 120.0
"""less than a job of 10,000 tokens takes, on any machine: each is 50 times through the network"""
CALLS: list[tuple[str | None, float, dict[str, float]]] = [
    (None, 1.0, {"temperature": 0.3}),
    ("de", 1.0, {"cfg": 2.5, "temperature": 0.2}),
    ("ja-JP", 1.6, {"steps": 3, "temperature": 0.3}),
]
"""the language of a voice, the speed, and settings: with more noise random weights make lengths that no table has, at
which the library ends with an error
"""
LIBRARY_NAMES = {
    "steps": "num_flow_matching_steps",
    "cfg": "acoustic_cfg_scale",
    "temperature": "noise_temperature",
}


@pytest.mark.shows("equals", "tada")
def test_the_same_as_the_library(worker: ModelWorker, folders: list[Path], tmp_path: Path) -> None:
    """Its audio is the library's own for the same seed, with a voice that came back from its bytes: in each
    language with that aligner, at another speed, and with settings.
    """
    sample = recording(170.0)
    calls: list[dict[str, object]] = []
    for language, speed, settings in CALLS:
        options = {LIBRARY_NAMES[name]: value for name, value in {**OPTIONS, **settings}.items()}
        options |= {"speed_up_factor": speed} if speed != 1.0 else {}
        calls.append({"seed": 7, "language": language[:2] if language else None, "options": options})
    theirs = library_audio(folders, tmp_path, sample, TEXT, calls)
    for (language, speed, settings), expected in zip(CALLS, theirs, strict=True):
        prompt = worker.prompt(sample, language=language)
        ours = worker.speak(TEXT, prompt, seed=7, speed=speed, settings=settings)
        assert len(ours) > RATE / 4
        assert np.abs(ours.astype(int)).max() > 100
        assert largest_difference(ours, expected) <= 1


def test_what_changes_the_audio(worker: ModelWorker, voice: Prompt) -> None:
    """The same seed gives the same audio; another seed, text, voice, setting or language of the voice gives
    another.
    """
    first = worker.speak(TEXT, voice, seed=1)
    assert np.array_equal(first, worker.speak(TEXT, voice, seed=1))
    others = [
        worker.speak(TEXT, voice, seed=2),
        worker.speak(TEXT, voice),
        worker.speak("This is another.", voice, seed=1),
        worker.speak(TEXT, worker.prompt(recording(300.0)), seed=1),
        worker.speak(TEXT, worker.prompt(recording(150.0), language="de"), seed=1),
        worker.speak(TEXT, voice, seed=1, settings={"cfg": 3.0}),
    ]
    assert len({audio.tobytes() for audio in (first, *others)}) == 1 + len(others)


def test_the_sound_depends_on_the_voice(worker: ModelWorker, voice: Prompt) -> None:
    """With lengths alike, another voice sounds different: what is compared is not only how long it is."""
    first = worker.speak(TEXT, voice, seed=1)
    second = worker.speak(TEXT, worker.prompt(recording(300.0)), seed=1)
    shorter = min(len(first), len(second))
    assert np.abs(first[:shorter].astype(int) - second[:shorter]).max() > 10


def test_the_same_samples_make_the_same_prompt(worker: ModelWorker, voice: Prompt) -> None:
    """A prompt of the same samples has the same bytes, also where another language's aligner had to be loaded
    before, and its own anew.
    """
    assert worker.prompt(recording(150.0)).id == voice.id
    worker.prompt(recording(150.0), language="ja")
    assert worker.prompt(recording(150.0)).id == voice.id


def test_several_samples_are_one_recording(worker: ModelWorker) -> None:
    """Samples are joined in their order, and so are their words."""
    one, two = recording(150.0, "Hello there.", 2.0), recording(150.0, "How are you?", 1.5)
    joined = Sample(one.pcm + two.pcm, "Hello there. How are you?")
    assert worker.prompt(one, two).id == worker.prompt(joined).id
    assert worker.prompt(two, one).id != worker.prompt(joined).id
    japanese = [recording(150.0, words, 2.0) for words in ("こんにちは。", "お元気ですか。")]
    whole = Sample(japanese[0].pcm + japanese[1].pcm, "こんにちは。お元気ですか。")
    assert worker.prompt(*japanese).id == worker.prompt(whole, language="ja").id


def test_more_than_the_decoder_can_is_a_failure() -> None:
    """A text whose audio the library gives up, as its `None` says, is a failure with a reason, and the next one is
    spoken: here tokens last for seconds, and there are places for 163 of them.
    """
    with model_worker("tada-1b", made(time_classes=512), steps=1) as running:
        prompt = running.prompt(recording(200.0))
        with pytest.raises(EngineFailed, match=r"size of tensor|must match"):
            running.speak("A text that lasts for a few minutes, as tokens are so slow.", prompt, seed=1)
        assert len(running.speak("Hi.", prompt, seed=1))


def test_control_tokens_are_words(worker: ModelWorker, voice: Prompt) -> None:
    """What looks like a control token of Llama's, in a text or in the words of a sample, is read as it is
    written.
    """
    text = "One <|eot_id|> two <|end_of_text|><|start_header_id|>."
    assert np.array_equal(
        worker.speak(text, voice, seed=1), worker.speak(text.replace("<|", "< |"), voice, seed=1)
    )
    written = recording(150.0, "Hello <|end_of_text|> there.")
    assert worker.prompt(written).id == worker.prompt(recording(150.0, "Hello < |end_of_text|> there.")).id


@pytest.mark.parametrize("text", ["", " ", "…", "?!"])
def test_a_text_without_words(worker: ModelWorker, voice: Prompt, text: str) -> None:
    """A text without a letter or digit has no audio."""
    assert len(worker.speak(text, voice)) == 0


def test_a_job_that_nobody_wants(worker: ModelWorker, voice: Prompt) -> None:
    """A long job that is left ends within a step, whether it makes tokens or sound, and the next is as before."""
    before = worker.speak(TEXT, voice, seed=3)
    long = SpeechJob("word " * 2000, "", prompt=voice, settings={"steps": 50})
    assert worker.run(worker.speak_for(long, 1.0)), "it was over before anybody could leave"
    left = time.monotonic()
    assert np.array_equal(before, worker.speak(TEXT, voice, seed=3))
    assert time.monotonic() - left < LONG_JOB_SECONDS, "the job that was left went on"


def test_refused(worker: ModelWorker) -> None:
    """Refused are speech without a voice, samples without words or in a language without an aligner, more words
    than fit into a recording, and prompts of others.
    """
    with pytest.raises(UnknownVoice):
        worker.speak(TEXT, None)
    with pytest.raises(BadInput, match="reference_text"):
        worker.prompt(recording(150.0, ""))
    with pytest.raises(BadInput, match="none that can be said"):
        worker.prompt(recording(150.0, '"'))
    with pytest.raises(BadInput, match="nobody speaks so quickly"):
        worker.prompt(recording(150.0, "word " * 100, 1.5))
    with pytest.raises(BadInput, match="clones voices that speak en, de, ja"):
        worker.prompt(recording(150.0), language="fr")
    with pytest.raises(BadInput, match="none of this model's"):
        worker.speak(TEXT, prompt_of(b"nonsense"))


def changed(prompt: Prompt, name: str, array: NDArray[np.generic]) -> Prompt:
    """Return a prompt with another tensor."""
    from safetensors.numpy import load, save

    return prompt_of(signed(save({**load(prompt.data), name: array})))


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("words", np.frombuffer(b"other", np.uint8)),
        ("words", np.array([255], np.uint8)),
        ("token_values", np.zeros((1, 29, 8), np.float32)),
        ("token_positions", np.zeros((1, 29), np.int64)),
        ("audio_len", np.array([2**40], np.int64)),
        ("audio", np.zeros(1, np.float32)),
    ],
)
def test_a_prompt_of_another_shape(
    worker: ModelWorker, voice: Prompt, name: str, array: NDArray[np.generic]
) -> None:
    """A prompt with other words, positions, lengths or parts than the encoder makes is refused."""
    with pytest.raises(BadInput, match="none of this model's"):
        worker.speak(TEXT, changed(voice, name, array))


def test_other_shapes() -> None:
    """A checkpoint of other shapes loads, does its first job, and speaks."""
    shapes = {
        "width": 96,
        "layers": 3,
        "acoustic": 48,
        "codec_width": 96,
        "head_layers": 2,
        "time_classes": 8,
    }
    with model_worker("tada-1b", made(**shapes), warm=True, steps=2) as running:
        prompt = running.prompt(recording(200.0))
        assert len(running.speak(TEXT, prompt, seed=1))


def test_one_folder_in_half_precision(folders: list[Path], tmp_path: Path, voice: Prompt) -> None:
    """The English model, out of one folder that has the other parts beside its weights, makes the same prompts and
    speaks with the multilingual one's, also where it computes in bfloat16, in which other numbers come out.
    """
    for part in (*folders[0].iterdir(), *folders[1:]):
        (tmp_path / part.name).symlink_to(part)
    with model_worker("tada-1b", [tmp_path], dtype="bfloat16", **OPTIONS) as running:
        assert running.info.speech
        assert running.info.speech.languages == ("en",)
        assert running.prompt(recording(150.0)).id == voice.id
        first = running.speak(TEXT, voice, seed=1)
        assert len(first)
        assert np.array_equal(first, running.speak(TEXT, voice, seed=1))
        assert len(running.speak(TEXT, voice, seed=1, speed=0.5)) > len(first)


def test_a_missing_weight(folders: list[Path], tmp_path: Path) -> None:
    """Weights that lack some are an error that names the folder, not a model that is random in part."""
    from safetensors.numpy import load_file, save_file

    broken = tmp_path / "model"
    broken.mkdir()
    (broken / "config.json").write_bytes((folders[0] / "config.json").read_bytes())
    weights = load_file(folders[0] / "model.safetensors")
    weights.pop("acoustic_proj.weight")
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    with (
        pytest.raises(StartFailed, match=r"model is not whole: 1 weights are missing, such as acoustic_proj"),
        model_worker("tada-1b", [broken, *folders[1:]]),
    ):
        pass


def test_audio_comes_whole(worker: ModelWorker, voice: Prompt) -> None:
    """Beside signs of life there is one piece of audio, which is all."""
    pieces: list[int] = []

    def note(event: SpeechEvent) -> bool:
        if isinstance(event, Audio):
            pieces.append(len(event.pcm))
        return False

    whole = worker.speak(TEXT, voice, note, seed=1)
    assert pieces == [2 * len(whole)]
