"""Tests of VoxCPM2 with a model of random weights: the library's audio, voices of every kind, and how it
stops. Offline.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from outputs import QUIET, create_prompt, opened, run_speech

pytest.importorskip("torch")
# not importorskip: its own imports may be missing
if importlib.util.find_spec("voxcpm") is None:
    pytest.skip("voxcpm is not installed", allow_module_level=True)

import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load, load_file, save, save_file
from tiny_voxcpm import (
    LATENT,
    PATCH,
    RATE,
    RECORDING_RATE,
    STEPS,
    folder,
    library_model,
    linked,
    loaded,
    recording,
    speak,
)

from engines.adapters.voxcpm.engine import VoxCPM
from engines.adapters.voxcpm.library import wav_file
from engines.adapters.voxcpm.text import join_descriptions, without_leading_brackets
from engines.api import ALONE, Audio, Place, Prompt, Sample, SpeechEvent, SpeechJob
from engines.errors import BadInput, UnknownVoice

TEXT = "Hello you."


LONGEST_SECONDS = 30.0


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Let torch use one thread: with more, threads wait for each other longer than such small layers take."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


pytestmark = pytest.mark.usefixtures("offline")


def prompt(*samples: Sample) -> Prompt:
    """Return the voice prompt of samples."""
    data = create_prompt(loaded()[0], samples, "voxcpm2")
    return opened(loaded()[0], data)


def as_pcm(patches: Iterator[Any]) -> NDArray[np.int16]:
    """Return the library's audio as PCM samples."""
    sound = np.concatenate([np.ravel(np.asarray(patch)) for patch in patches])
    pcm: NDArray[np.int16] = np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2")
    return pcm


def library_audio(
    text: str, seed: int, sample: Sample | None = None, *, streaming: bool = True
) -> NDArray[np.int16]:
    """Return the library's own audio, with a recording in a file as the voice."""
    place = folder() / "reference.wav"
    reference = {}
    if sample:
        place.write_bytes(wav_file(sample.pcm, RECORDING_RATE).read())
        reference = {"reference_wav_path": str(place)}
    options: dict[str, Any] = {"inference_timesteps": STEPS, "retry_badcase": False, **reference}
    model = library_model()
    torch.manual_seed(seed)
    return as_pcm(
        model.generate_streaming(text, **options) if streaming else iter([model.generate(text, **options)])
    )


def largest_difference(one: NDArray[np.int16], another: NDArray[np.int16]) -> int:
    """Return the largest difference within the shorter of two recordings."""
    shorter = min(len(one), len(another))
    return int(np.abs(one[:shorter].astype(int) - another[:shorter]).max())


def test_info() -> None:
    """Its info has its name, rates and capabilities as in the model's files; every OpenAI name is its single
    voice.
    """
    info = loaded()[1]

    assert (info.name, info.models, info.licence, info.concurrency, info.version) == (
        "voxcpm",
        ("voxcpm",),
        "Apache-2.0",
        ALONE,
        "2.0.3",
    )
    assert [voice.id for voice in info.voices] == ["default"]
    assert len(info.characters) == 13
    assert set(info.characters.values()) == {"default"}
    speech = info.speech
    assert speech is not None
    assert (speech.sample_rate, len(speech.languages), len(set(speech.languages))) == (RATE, 30, 30)
    assert (speech.seed, speech.streaming, speech.design, speech.instructions, speech.words) == (
        True,
        True,
        True,
        True,
        None,
    )
    assert speech.cloning is not None
    assert (speech.cloning.sample_rate, speech.cloning.longest, speech.cloning.transcript) == (
        RECORDING_RATE,
        30.0,
        "no",
    )
    assert VoxCPM(path=str(folder()), model="mine").load(Place(), QUIET).models == ("mine", "voxcpm")


@pytest.mark.shows("equals", "voxcpm")
def test_audio_is_the_librarys() -> None:
    """Audio is that of the library's streaming, sample for sample, with any voice; and that of its plain
    call, up to rounding.
    """
    sample = recording(170)
    clone = prompt(sample)
    for job, text, reference in (
        (SpeechJob(TEXT, "default", seed=5), TEXT, None),
        (SpeechJob(TEXT, "", prompt=clone, seed=5), TEXT, sample),
        (SpeechJob(TEXT, "", design="an old man", seed=5), f"(an old man){TEXT}", None),
        (SpeechJob(TEXT, "", prompt=clone, instructions="Slowly.", seed=5), f"(Slowly){TEXT}", sample),
    ):
        spoken = speak(job)
        assert np.array_equal(spoken, library_audio(text, 5, reference))
        assert largest_difference(spoken, library_audio(text, 5, reference, streaming=False)) <= 1


def test_seeds_texts_and_voices() -> None:
    """The same job yields the same audio; another seed, text, voice, description or instruction changes it.
    Without a seed no two are alike.
    """
    job = SpeechJob(TEXT, "default", seed=5)
    first = speak(job)

    assert np.array_equal(speak(job), first)
    assert np.array_equal(speak(SpeechJob(TEXT, "", seed=5)), first)
    for other in (
        SpeechJob(TEXT, "default", seed=6),
        SpeechJob("Hello me.", "default", seed=5),
        SpeechJob(TEXT, "", prompt=prompt(recording(120)), seed=5),
        SpeechJob(TEXT, "", design="an old man", seed=5),
        SpeechJob(TEXT, "default", instructions="slowly", seed=5),
    ):
        assert largest_difference(speak(other), first) > 100
    assert largest_difference(speak(SpeechJob(TEXT, "")), speak(SpeechJob(TEXT, ""))) > 100


@pytest.mark.parametrize("settings", [{"steps": 5.0}, {"cfg": 4.0}])
def test_settings_are_of_one_job_only(settings: dict[str, float]) -> None:
    """A setting of a request changes what the same seed says, and the next job has the default again."""
    usual = speak(SpeechJob(TEXT, "default", seed=5))

    assert not np.array_equal(speak(SpeechJob(TEXT, "default", seed=5, settings=dict(settings))), usual)
    assert np.array_equal(speak(SpeechJob(TEXT, "default", seed=5)), usual)


def test_clones() -> None:
    """Two clones sound different, one is the same each time it is created; samples are joined, up to half a
    minute.
    """
    low, high = prompt(recording(120)), prompt(recording(260))

    assert (
        largest_difference(
            speak(SpeechJob(TEXT, "", prompt=low, seed=5)), speak(SpeechJob(TEXT, "", prompt=high, seed=5))
        )
        > 20
    )
    assert prompt(recording(120)).data == low.data
    joined = prompt(Sample(recording(120).pcm + recording(260).pcm))
    assert prompt(recording(120), recording(260)).data == joined.data != low.data

    long = recording(120, LONGEST_SECONDS)
    assert len(speak(SpeechJob(TEXT, "", prompt=prompt(long), seed=5))) > 0


def test_a_prompt_is_the_librarys_own(tmp_path: Path) -> None:
    """A prompt is the library's encoding of the recording, in safetensors; reading it back changes nothing."""
    sample = recording(120)
    encoded = library_model().tts_model.build_prompt_cache(
        reference_wav_path=wav_file(sample.pcm, RECORDING_RATE)
    )
    new_prompt = prompt(sample)
    file = tmp_path / "voice.safetensors"
    file.write_bytes(new_prompt.data)
    with safe_open(file, framework="pt") as content:
        assert content.metadata() == {"mode": encoded["mode"]} == {"mode": "reference"}
        assert list(content.keys()) == ["ref_audio_feat"]
        assert torch.equal(content.get_tensor("ref_audio_feat"), encoded["ref_audio_feat"])

    torch.manual_seed(5)
    patches = library_model().tts_model.generate_with_prompt_cache_streaming(
        target_text=TEXT, prompt_cache=encoded, inference_timesteps=STEPS
    )
    direct = as_pcm(patch for patch, _, _ in patches)
    assert np.array_equal(speak(SpeechJob(TEXT, "", prompt=new_prompt, seed=5)), direct)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Hello (you) there.", "Hello (you) there."),
        ("Hello\n  there ", "Hello there"),
        ("(An old man) Hello.", "An old man, Hello."),
        ("（老人）你好", "老人, 你好"),
        ('"(Whisper) Hello (you)"', '"Whisper, Hello (you)"'),
        ("((One) two) three", "One, two, three"),
        ("(One (two) three) four", "One (two) three, four"),
        ("() ( Hello.) You", "Hello. You"),
        ("(Hello)", "Hello"),
        ("(Hello), you", "Hello, you"),
        ("(Hello) (you) there", "Hello, (you) there"),
        ("(Hello", "Hello"),
        ("1) One", "1) One"),
        (") One", ") One"),
        ("😀 (sad) One", "😀 sad, One"),
        ("()", ""),
    ],
)
def test_texts_are_no_descriptions(text: str, read: str) -> None:
    """Whatever a text begins with, no bracket opens before its first word; later brackets stay, and all words
    do.
    """
    assert without_leading_brackets(text) == read


@pytest.mark.parametrize(
    ("parts", "written"),
    [
        (("An old man.", None), "An old man"),
        (("An old (very old) man", "slowly"), "An old very old man, slowly"),
        (("man) Say this instead. (", ""), "man Say this instead"),
        (("（老人）", "\n\n"), "老人"),
        (("", "()"), ""),
        ((None, None), ""),
    ],
)
def test_descriptions_do_not_end_early(parts: tuple[str | None, ...], written: str) -> None:
    """A description has no brackets, so that none of it is spoken; several are joined."""
    assert join_descriptions(*parts) == written


def test_a_text_in_brackets_is_spoken() -> None:
    """A text that begins like a description is spoken, with a described voice too."""
    text = "(An old man) Hello."
    spoken = speak(SpeechJob(text, "", seed=5))

    assert np.array_equal(spoken, speak(SpeechJob("An old man, Hello.", "", seed=5)))
    assert largest_difference(spoken, library_audio(text, 5)) > 100
    assert largest_difference(spoken, speak(SpeechJob("Hello.", "", design="An old man", seed=5))) > 100
    both = speak(SpeechJob(text, "", design="A woman", seed=5))
    assert np.array_equal(both, speak(SpeechJob("An old man, Hello.", "", design="A woman", seed=5)))


def test_it_streams_patches() -> None:
    """Audio comes patch by patch, 160 ms each, and no more patches are computed than were emitted."""
    engine, sizes, computed = loaded()[0], [], 0
    ahead: list[int] = []

    def count(*_: object) -> None:
        nonlocal computed
        computed += 1

    def emit(event: SpeechEvent) -> bool:
        assert isinstance(event, Audio)
        sizes.append(len(event.pcm) // 2)
        ahead.append(computed - len(sizes))
        return True

    hook = engine._model.feat_decoder.register_forward_hook(count)
    try:
        run_speech(engine, SpeechJob(TEXT, "default", seed=5), emit)
    finally:
        hook.remove()

    assert sizes == [PATCH] * 4
    assert ahead == [0] * 4


@pytest.mark.parametrize("accepted", [0, 1, 2])
def test_stops_when_emit_returns_false(accepted: int) -> None:
    """Once `emit` returns False nothing more is computed or emitted, no thread works on, and the next job is
    not affected.
    """
    expected = speak(SpeechJob(TEXT, "default", seed=5))
    engine, threads = loaded()[0], threading.active_count()
    calls = computed = 0

    def count(*_: object) -> None:
        nonlocal computed
        computed += 1

    def emit(_: SpeechEvent) -> bool:
        nonlocal calls
        calls += 1
        return calls <= accepted

    hook = engine._model.feat_decoder.register_forward_hook(count)
    try:
        run_speech(engine, SpeechJob("This goes on. " * 20, "", prompt=prompt(recording(120)), seed=7), emit)
    finally:
        hook.remove()

    assert calls == computed == accepted + 1
    assert threading.active_count() == threads
    assert np.array_equal(speak(SpeechJob(TEXT, "default", seed=5)), expected)


def test_raises_what_emit_raises() -> None:
    """An exception of `emit` is raised from `speak`, and the engine is as before."""
    expected = speak(SpeechJob(TEXT, "default", seed=5))

    def emit(_: SpeechEvent) -> bool:
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError, match="gone"):
        run_speech(loaded()[0], SpeechJob(TEXT, "default", seed=5), emit)
    assert np.array_equal(speak(SpeechJob(TEXT, "default", seed=5)), expected)


def test_speech_ends(tmp_path: Path) -> None:
    """A model that never ends is stopped at the text's maximum duration; the voice's description does not
    count.
    """
    place = linked(tmp_path / "endless", "model.safetensors")
    weights = load_file(folder() / "model.safetensors")
    save_file({**weights, "stop_head.weight": -weights["stop_head.weight"]}, place / "model.safetensors")
    engine = VoxCPM(path=str(place), steps=2)
    engine.load(Place(), QUIET)

    letters = len("▁I")
    assert (
        len(speak(SpeechJob("I", "", design="quite an old man of many words", seed=5), engine))
        == (6 * letters + 10) * PATCH
    )


@pytest.mark.parametrize("text", ["", " \n ", "…", "😀", "()"])
def test_empty_texts(text: str) -> None:
    """A text without letters and digits yields no audio, and no error, whatever the voice's description."""
    assert len(speak(SpeechJob(text, "default"))) == 0
    assert len(speak(SpeechJob(text, "", design="An old man"))) == 0


@pytest.mark.parametrize("voice", ["nobody", "../model", "/etc/passwd", "http://x/y.wav", "Default"])
def test_voices_are_names_only(voice: str) -> None:
    """Only the one preset's name is a voice, even for an empty text."""
    for text in (TEXT, ""):
        with pytest.raises(UnknownVoice, match="has no voice"):
            speak(SpeechJob(text, voice))


def spoilt(change: Callable[[torch.Tensor], torch.Tensor]) -> bytes:
    """Return a prompt with changed tensors."""
    data: bytes = save(
        {name: change(value).contiguous() for name, value in load(prompt(recording(120)).data).items()}
    )
    return data


@pytest.mark.parametrize(
    "data",
    [
        lambda: b"",
        lambda: b"x" * 100,
        lambda: prompt(recording(120)).data[:-10],
        lambda: save({"centroid": torch.zeros(1)}),
        lambda: save({**load(prompt(recording(120)).data), "audio_feat": torch.zeros(1, 4, LATENT)}),
        lambda: spoilt(lambda value: value[..., :8]),
        lambda: spoilt(lambda value: value[0]),
        lambda: spoilt(lambda value: value[:0]),
        lambda: spoilt(lambda value: value.double()),
        lambda: spoilt(lambda value: value * torch.nan),
        lambda: spoilt(lambda value: value.repeat(100, 1, 1)),
    ],
    ids=[
        "empty",
        "noise",
        "cut",
        "another engine's",
        "too much",
        "width",
        "shape",
        "nothing",
        "type",
        "no numbers",
        "too long",
    ],
)
def test_invalid_prompts(data: Callable[[], bytes]) -> None:
    """A prompt that is not this model's is refused with the reason, and the next job is not affected."""
    with pytest.raises(BadInput, match="none of this model's"):
        speak(SpeechJob(TEXT, "", prompt=opened(loaded()[0], data())))
    assert len(speak(SpeechJob("Hi.", "default"))) > 0
