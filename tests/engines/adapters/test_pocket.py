"""Tests of Pocket TTS with a model of random weights: the library's audio, presets and clones, and how it
stops. Offline.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from outputs import QUIET, create_prompt, opened, run_speech

pytest.importorskip("pocket_tts")

import torch
import yaml
from safetensors.torch import load, load_file, save, save_file
from servers import wait_until
from tiny_pocket import FRAME, RATE, VOICES, folder, library, loaded, recording, speak

from engines.adapters.pocket.engine import Pocket
from engines.adapters.pocket.preset_states import CACHED_STATES
from engines.api import ALONE, Audio, Place, Prompt, Sample, SpeechEvent, SpeechJob
from engines.errors import BadInput, EngineFailed, UnknownVoice

TEXT = "Hello there."
ROOT = Path(__file__).parents[3]


pytestmark = pytest.mark.usefixtures("offline")


def prompt(*samples: Sample) -> Prompt:
    """Return the voice prompt of samples."""
    data = create_prompt(loaded()[0], samples, "pocket-tts")
    return opened(loaded()[0], data)


def library_audio(state: Any, text: str, seed: int) -> Any:
    """Return the library's own audio, a frame at a time."""
    model = library()
    model.max_decoder_frames_per_call = 1
    torch.manual_seed(seed)
    return np.rint(np.clip(model.generate_audio(state, text).numpy(), -1, 1) * 32767).astype("<i2")


def linked(to: Path, *left_out: str) -> Path:
    """Create a folder with links to the model's files, but for some."""
    to.mkdir()
    for name in {"config.yaml", "model.safetensors", "tokenizer.json", "embeddings"} - set(left_out):
        (to / name).symlink_to(folder() / name)
    return to


def test_info() -> None:
    """Its info has its name, rate and capabilities; its presets are the folder's, the language's own first,
    and every OpenAI name has one.
    """
    info = loaded()[1]

    assert (info.name, info.models, info.licence, info.concurrency) == (
        "pocket-tts",
        ("pocket-tts",),
        "MIT",
        ALONE,
    )
    assert [voice.id for voice in info.voices] == ["alba", "jane", "marius"]
    assert [voice.gender for voice in info.voices] == ["female", "female", "male"]
    assert info.speech is not None
    assert (info.speech.sample_rate, info.speech.languages, info.speech.seed) == (RATE, ("en",), True)
    assert info.speech.cloning is not None
    assert (info.speech.cloning.sample_rate, info.speech.cloning.transcript) == (RATE, "no")
    assert len(info.characters) == 13
    assert set(info.characters.values()) <= set(VOICES)
    assert info.characters["onyx"] == "marius"
    assert Pocket(path=str(folder()), model="mine").load(Place(), QUIET).models == ("mine", "pocket-tts")


@pytest.mark.shows("equals", "pocket-tts")
def test_audio_is_the_librarys() -> None:
    """With a preset or a clone, audio is the library's own, sample for sample."""
    preset = library().get_state_for_audio_prompt(folder() / "embeddings" / "marius.safetensors")
    assert np.array_equal(speak(SpeechJob(TEXT, "marius", seed=5)), library_audio(preset, TEXT, 5))

    sample = recording(170)
    samples = torch.frombuffer(bytearray(sample.pcm), dtype=torch.int16).float() / 32768
    clone = library().get_state_for_audio_prompt(samples[None])
    assert np.array_equal(
        speak(SpeechJob(TEXT, "", prompt=prompt(sample), seed=5)), library_audio(clone, TEXT, 5)
    )


def test_seeds_texts_and_voices() -> None:
    """The same job yields the same audio; another seed, voice or text changes it. Without a seed no two are
    alike.
    """
    job = SpeechJob(TEXT, "alba", seed=5)
    first = speak(job)

    assert np.array_equal(speak(job), first)
    others = [
        SpeechJob(TEXT, "alba", seed=6),
        SpeechJob(TEXT, "jane", seed=5),
        SpeechJob("Hello where.", "alba", seed=5),
    ]
    for other in others:
        assert np.abs(speak(other).astype(int) - first).max() > 500
    one, another = speak(SpeechJob(TEXT, "alba")), speak(SpeechJob(TEXT, "alba"))
    assert np.abs(one.astype(int) - another).max() > 500
    assert np.array_equal(speak(SpeechJob(TEXT, "", seed=5)), first)


def test_temperature_is_of_one_job_only() -> None:
    """The temperature of a request changes what the same seed says, and the next job has the default again."""
    usual = speak(SpeechJob(TEXT, "alba", seed=5))

    assert not np.array_equal(speak(SpeechJob(TEXT, "alba", seed=5, settings={"temperature": 0.0})), usual)
    assert np.array_equal(speak(SpeechJob(TEXT, "alba", seed=5)), usual)


def test_clones() -> None:
    """Two clones sound different, one sounds the same each time it is created; several samples are joined."""
    low, high = prompt(recording(120)), prompt(recording(260))
    spoken = speak(SpeechJob(TEXT, "", prompt=low, seed=5))

    assert np.abs(spoken.astype(int) - speak(SpeechJob(TEXT, "", prompt=high, seed=5))).max() > 500
    assert prompt(recording(120)).data == low.data
    both = prompt(recording(120), recording(260))
    joined = prompt(Sample(recording(120).pcm + recording(260).pcm))
    assert both.data == joined.data != low.data


def test_a_prompt_is_the_librarys_own_file(tmp_path: Path) -> None:
    """A prompt is the library's own file format; a file of the library's older form is understood."""
    new_prompt = prompt(recording(120))
    file = tmp_path / "voice.safetensors"
    file.write_bytes(new_prompt.data)
    spoken = speak(SpeechJob(TEXT, "", prompt=new_prompt, seed=5))
    assert np.array_equal(library_audio(library().get_state_for_audio_prompt(file), TEXT, 5), spoken)

    older = load(new_prompt.data)
    for name in [name for name in older if name.endswith("/offset")]:
        older[name.replace("offset", "current_end")] = torch.zeros(int(older.pop(name)))
    assert np.array_equal(speak(SpeechJob(TEXT, "", prompt=opened(loaded()[0], save(older)), seed=5)), spoken)


def test_voices_dropped_from_the_cache_sound_the_same() -> None:
    """However many voices alternate, each keeps its own sound."""
    prompts = [prompt(recording(100 + 17 * number)) for number in range(CACHED_STATES + 2)]
    first = [speak(SpeechJob("Hi.", "", prompt=one, seed=5)) for one in prompts]

    assert len({audio.tobytes() for audio in first}) == len(prompts)
    again = [speak(SpeechJob("Hi.", "", prompt=one, seed=5)) for one in prompts]
    assert all(np.array_equal(*pair) for pair in zip(first, again, strict=True))


def test_it_streams_frames() -> None:
    """With a seed audio comes frame by frame, 80 ms each; otherwise in whole frames."""
    sizes: dict[int | None, list[int]] = {5: [], None: []}
    for seed, seen in sizes.items():

        def emit(event: SpeechEvent, seen: list[int] = seen) -> bool:
            seen.append(len(event.pcm) // 2 if isinstance(event, Audio) else -1)
            return True

        run_speech(loaded()[0], SpeechJob(TEXT, "alba", seed=seed), emit)

    assert set(sizes[5]) == {FRAME}
    assert all(size % FRAME == 0 for size in sizes[None])
    assert sum(sizes[5]) == sum(sizes[None])


@pytest.mark.parametrize("accepted", [0, 1, 3])
def test_stops_when_emit_returns_false(accepted: int) -> None:
    """Once `emit` returns False nothing more is emitted, no thread works on, and the next job is not
    affected.
    """
    expected = speak(SpeechJob(TEXT, "alba", seed=5))
    threads = threading.active_count()
    calls = 0

    def emit(_: SpeechEvent) -> bool:
        nonlocal calls
        calls += 1
        return calls <= accepted

    run_speech(loaded()[0], SpeechJob("This goes on and on. " * 40, "alba", seed=5), emit)

    assert calls == accepted + 1
    wait_until(lambda: threading.active_count() <= threads, "no thread works on")
    assert np.array_equal(speak(SpeechJob(TEXT, "alba", seed=5)), expected)


def test_raises_what_emit_raises() -> None:
    """An exception of `emit` is raised from `speak`, and the engine is as before."""
    expected = speak(SpeechJob(TEXT, "alba", seed=5))

    def emit(_: SpeechEvent) -> bool:
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError, match="gone"):
        run_speech(loaded()[0], SpeechJob("This goes on and on. " * 40, "alba", seed=5), emit)
    assert np.array_equal(speak(SpeechJob(TEXT, "alba", seed=5)), expected)


def test_a_long_text_is_spoken_wholly() -> None:
    """A long text is as long as its sentences are, which the library speaks one by one."""
    sentences = [f"Sentence {name} is neither long nor short, but it is one." for name in ("one", "two")]
    alone = [len(speak(SpeechJob(sentence, "alba", seed=5))) for sentence in sentences]

    assert len(speak(SpeechJob(" ".join(sentences), "alba", seed=5))) == sum(alone)


@pytest.mark.parametrize("text", ["", " \n ", "…", "😀"])
def test_empty_texts(text: str) -> None:
    """A text without letters and digits yields no audio, and no error."""
    assert len(speak(SpeechJob(text, "alba"))) == 0


@pytest.mark.parametrize(
    "voice",
    ["nobody", "../model", "model", "/etc/passwd", "hf://kyutai/tts-voices/alba.wav", "http://x/y.wav"],
)
def test_voices_are_names_only(voice: str) -> None:
    """Only a preset's name is a voice: no path is opened, no address fetched, even for the library's own
    names.
    """
    with pytest.raises(UnknownVoice, match="has no voice"):
        speak(SpeechJob(TEXT, voice))
    with pytest.raises(UnknownVoice):
        speak(SpeechJob(TEXT, "cosette"))


def spoilt(how: Callable[[dict[str, Any]], object]) -> bytes:
    """Return a prompt with changed tensors."""
    tensors = load(prompt(recording(120)).data)
    how(tensors)
    return bytes(save(tensors))


@pytest.mark.parametrize(
    "data",
    [
        lambda: b"",
        lambda: b"x" * 100,
        lambda: prompt(recording(120)).data[:-10],
        lambda: save({"centroid": torch.zeros(1)}),
        lambda: spoilt(lambda state: state.pop(next(name for name in state if name.endswith("cache")))),
        lambda: spoilt(
            lambda state: state.update(
                {name: value[..., :8].contiguous() for name, value in state.items() if "cache" in name}
            )
        ),
        lambda: spoilt(
            lambda state: state.update(
                {name: value + 1000 for name, value in state.items() if "offset" in name}
            )
        ),
    ],
    ids=["empty", "noise", "cut", "another engine's", "a layer short", "another shape", "longer than it is"],
)
def test_invalid_prompts(data: Callable[[], bytes]) -> None:
    """A prompt that is not this model's is refused with the reason, and the next job is not affected."""
    with pytest.raises(BadInput, match="none of this model's"):
        speak(SpeechJob(TEXT, "", prompt=opened(loaded()[0], data())))
    assert len(speak(SpeechJob("Hi.", "alba"))) > 0


def test_files_that_are_missing(tmp_path: Path) -> None:
    """A missing file, folder, folder name or model of the library is named."""
    for number, name in enumerate(["model.safetensors", "tokenizer.json"]):
        with pytest.raises(EngineFailed, match=rf"files are not there: .*{name} is missing"):
            Pocket(path=str(linked(tmp_path / str(number), name))).load(Place(), QUIET)
    with pytest.raises(EngineFailed, match="knows no model 'klingon'"):
        Pocket(path=str(linked(tmp_path / "language", "config.yaml")), language="klingon").load(
            Place(), QUIET
        )
    with pytest.raises(EngineFailed, match="files are not there"):
        Pocket(path=str(tmp_path / "nowhere")).load(Place(), QUIET)
    with pytest.raises(EngineFailed, match="tell their folder"):
        Pocket().load(Place(), QUIET)


def test_files_that_are_broken(tmp_path: Path) -> None:
    """Files that cannot be read, or do not belong together, are named in a sentence."""
    for number, written in enumerate(
        ["{", "[]", "weights_path: model.safetensors\nflow_lm: 3", "unheard_of: 1"]
    ):
        place = linked(tmp_path / f"config{number}", "config.yaml")
        (place / "config.yaml").write_text(written)
        with pytest.raises(EngineFailed, match="Pocket TTS"):
            Pocket(path=str(place)).load(Place(), QUIET)
    for number, data in enumerate(
        [b"", (folder() / "model.safetensors").read_bytes()[:-100], save({"x": torch.zeros(1)})]
    ):
        place = linked(tmp_path / f"weights{number}", "model.safetensors")
        (place / "model.safetensors").write_bytes(data)
        with pytest.raises(EngineFailed, match="cannot load its files"):
            Pocket(path=str(place)).load(Place(), QUIET)


def test_a_broken_preset(tmp_path: Path) -> None:
    """A preset that cannot be read fails when it is used, and the others speak."""
    place = linked(tmp_path / "model", "embeddings")
    (place / "voices").mkdir()
    (place / "voices" / "broken.safetensors").write_bytes(b"nothing")
    (place / "own.safetensors").symlink_to(folder() / "embeddings" / "jane.safetensors")
    engine = Pocket(path=str(place))

    assert [voice.id for voice in engine.load(Place(), QUIET).voices] == ["broken", "own"]
    with pytest.raises(EngineFailed, match=r"broken\.safetensors is none of this model's"):
        speak(SpeechJob(TEXT, "broken"), engine)
    assert np.array_equal(
        speak(SpeechJob(TEXT, "own", seed=5), engine), speak(SpeechJob(TEXT, "jane", seed=5))
    )


def test_paths_of_its_configuration(tmp_path: Path) -> None:
    """A path in `config.yaml` may be one within the folder."""
    place = linked(tmp_path / "model", "config.yaml", "model.safetensors")
    config = yaml.safe_load((folder() / "config.yaml").read_text())
    config["weights_path"] = "weights/mine.safetensors"
    (place / "weights").mkdir()
    (place / "weights" / "mine.safetensors").symlink_to(folder() / "model.safetensors")
    (place / "config.yaml").write_text(yaml.safe_dump(config))
    engine = Pocket(path=str(place))
    engine.load(Place(), QUIET)

    assert np.array_equal(
        speak(SpeechJob(TEXT, "alba", seed=5), engine), speak(SpeechJob(TEXT, "alba", seed=5))
    )


def test_weights_without_cloning(tmp_path: Path) -> None:
    """With the published weights without cloning the engine's info has none; other weights are another
    version.
    """
    weights = load_file(folder() / "model.safetensors")
    versions = [loaded()[1].speech.cloning.version]  # type: ignore[union-attr] # tested above
    for name, factor in (("half", 0.5), ("blank", 0.0)):
        place = linked(tmp_path / name, "model.safetensors")
        save_file(
            {**weights, "flow_lm.speaker_proj_weight": weights["flow_lm.speaker_proj_weight"] * factor},
            place / "model.safetensors",
        )
        speech = Pocket(path=str(place)).load(Place(), QUIET).speech
        assert speech is not None
        versions.append(speech.cloning.version if speech.cloning else "")

    assert versions[2] == ""
    assert len(set(versions)) == 3


def test_the_number_of_torch_threads_stays() -> None:
    """Loading keeps torch's number of threads, which the library sets to one when it is imported."""
    script = (
        "import torch; torch.set_num_threads(3); from engines.adapters.pocket.engine import Pocket; "
        "from engines.api import Place; "
        f"Pocket(path={str(folder())!r}).load(Place(), None); print(torch.get_num_threads())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True, cwd=ROOT
    )
    assert done.stdout.split() == ["3"]
