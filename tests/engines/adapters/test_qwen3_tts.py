"""Tests of Qwen3-TTS in the environment that has its library, on checkpoints of random weights: audio and prompts
are the library's own, with voices of every kind. Offline.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from model_worker import ModelWorker
from numpy.typing import NDArray
from qwen3_checkpoints import (
    FRAME,
    RATE,
    TEXT,
    WORDS,
    Workers,
    as_pcm,
    assert_alike,
    job_of,
    library_audio,
    recording,
    running_workers,
)
from safetensors.numpy import load

from engines.adapters.qwen3_tts.languages import TAGS
from engines.adapters.qwen3_tts.request_options import OPTIONS
from engines.api import Audio, SpeechEvent, Steps

pytestmark = pytest.mark.engines
LOW = recording(130, WORDS)
CALLS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "words": ("base", {"sample": LOW}, {"language": "English"}),
    "vector": ("base", {"sample": recording(130)}, {}),
    "another": ("other", {"sample": LOW}, {"language": "German"}),
    "preset": ("custom", {}, {"speaker": "vivian", "language": "English"}),
    "dialect": ("custom", {}, {"speaker": "eric", "language": "Chinese"}),
    "unknown language": ("custom", {}, {"speaker": "ryan", "language": "Auto"}),
    "instructed": ("custom", {}, {"speaker": "ryan", "instruct": "Speak happily."}),
    "settings": (
        "custom",
        {},
        {
            "speaker": "ryan",
            "temperature": 0.6,
            "top_k": 9,
            "top_p": 0.8,
            "repetition_penalty": 1.3,
            "subtalker_temperature": 1.2,
            "subtalker_top_k": 30,
            "subtalker_top_p": 0.7,
        },
    ),
    "small": ("small", {}, {"speaker": "aiden", "language": "Italian", "instruct": "Speak happily."}),
    "own": ("own", {}, {"speaker": "zoe", "language": "French"}),
    "designed": ("design", {}, {"instruct": "A deep old voice.", "language": "Russian"}),
    "greedy": (
        "endless",
        {},
        {"speaker": "ryan", "do_sample": False, "subtalker_dosample": False, "max_new_tokens": 31},
    ),
}
"""for each name a checkpoint, what the call is, and the arguments of the library"""
JOBS: dict[str, tuple[str, dict[str, Any]]] = {
    "words": ("base", {"prompt": LOW, "language": "en-US"}),
    "vector": ("base", {"prompt": recording(130)}),
    "another": ("other", {"prompt": LOW, "language": "de"}),
    "preset": ("custom", {"voice": "vivian", "language": "en"}),
    "dialect": ("custom", {"voice": "eric", "language": "zh-CN"}),
    "unknown language": ("custom", {"voice": "ryan", "language": "sw"}),
    "instructed": ("custom", {"voice": "ryan", "instructions": "Speak happily."}),
    "settings": (
        "custom",
        {
            "voice": "ryan",
            "settings": {name: value for name, value in CALLS["settings"][2].items() if name != "speaker"},
        },
    ),
    "small": ("small", {"voice": "aiden", "language": "it", "instructions": "Speak happily."}),
    "own": ("own", {"voice": "zoe", "language": "fr"}),
    "designed": ("design", {"voice": "", "design": "A deep old voice.", "language": "ru"}),
    "greedy": ("endless", {"voice": "ryan", "settings": {"temperature": 0.0, "subtalker_temperature": 0.0}}),
}
"""the same as jobs of ours"""
ENGINES = {"base": "qwen3-tts", "other": "qwen3-tts", "design": "qwen3-tts-design"}
"""of the checkpoints; the others are CustomVoice"""
ROWS = {name: ENGINES.get(made, "qwen3-tts-custom") for name, (made, _) in JOBS.items()}
"""of the table of engines"""


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """Run workers of the checkpoints."""
    with running_workers() as running:
        yield running


@pytest.fixture(scope="module")
def library(workers: Workers, tmp_path_factory: pytest.TempPathFactory) -> dict[str, NDArray[Any]]:
    """Return what the library itself makes of all calls."""
    calls = [
        {
            "name": name,
            "folder": str(workers.folder / made),
            "text": TEXT,
            "seed": 5,
            "arguments": arguments,
            **more,
        }
        for name, (made, more, arguments) in CALLS.items()
    ]
    return library_audio(tmp_path_factory.mktemp("library") / "calls", calls)


@pytest.fixture
def base(workers: Workers) -> ModelWorker:
    """Return the worker of a Base model."""
    return workers.get("base")


@pytest.mark.parametrize("name", [name for name in CALLS if name != "greedy"])
@pytest.mark.shows("equals", by="name", rows=ROWS)
def test_the_same_as_the_library(workers: Workers, library: dict[str, NDArray[Any]], name: str) -> None:
    """Its stream, joined, is the library's whole for the same seed: in each kind of voice, with languages and
    dialects, instructions where the model follows them, settings, and in other shapes.
    """
    made, fields = JOBS[name]
    worker = workers.get(made)
    [ours] = worker.speak_together([job_of(worker, fields)])
    assert_alike(ours, as_pcm(library[name]))


def test_greedy(workers: Workers, library: dict[str, NDArray[Any]]) -> None:
    """Without chance it takes the codes that the library takes, as far as that goes."""
    made, fields = JOBS["greedy"]
    worker, theirs = workers.get(made), as_pcm(library["greedy"])
    came = 0

    def enough(event: SpeechEvent) -> bool:
        nonlocal came
        came += len(event.pcm) // 2 if isinstance(event, Audio) else 0
        return came >= len(theirs)

    ours = worker.speak(TEXT, None, enough, seed=9, **fields)
    assert_alike(ours[: len(theirs)], theirs)
    assert len(theirs) == 30 * FRAME


def test_calls_differ(library: dict[str, NDArray[Any]]) -> None:
    """The checkpoints react to voices, languages, words and instructions: else nothing above was shown."""
    spoken = [as_pcm(library[name]).tobytes() for name in CALLS]
    assert len(set(spoken)) == len(CALLS)
    assert library["words.codes"].shape == (25, 16)


def test_prompts_are_the_librarys_own(base: ModelWorker, library: dict[str, NDArray[Any]]) -> None:
    """A prompt has the library's speaker and codes of a recording, the same bytes each time, and the words in its
    header; without words it is the speaker alone.
    """
    prompt, vector = base.prompt(LOW), base.prompt(recording(130))
    tensors = load(prompt.data)

    assert base.prompt(LOW).id == prompt.id
    assert WORDS.encode() in prompt.data
    assert np.array_equal(tensors["ref_code"], library["words.codes"])
    assert tensors["ref_code"].dtype == np.int16
    assert np.array_equal(tensors["ref_spk_embedding"], library["words.speaker"])
    assert list(load(vector.data)) == ["ref_spk_embedding"]
    assert np.array_equal(load(vector.data)["ref_spk_embedding"], tensors["ref_spk_embedding"])


def test_info(workers: Workers) -> None:
    """Each kind says what it can: voices, cloning, design, instructions, and the checkpoint's own settings."""
    infos = {name: workers.get(name).info for name in ("base", "custom", "small", "design")}
    speeches = {name: info.speech for name, info in infos.items()}
    assert {name: info.models for name, info in infos.items()} == {
        "base": ("qwen3-tts-1.7b", "qwen3-tts"),
        "custom": ("qwen3-tts-custom-1.7b", "qwen3-tts-custom"),
        "small": ("qwen3-tts-custom-0.6b", "qwen3-tts-custom"),
        "design": ("qwen3-tts-design-1.7b", "qwen3-tts-design"),
    }
    assert [len(info.voices) for info in infos.values()] == [0, 9, 9, 1]
    for info, speech in zip(infos.values(), speeches.values(), strict=True):
        assert speech
        assert (speech.sample_rate, speech.seed, speech.streaming, speech.language) == (
            RATE,
            True,
            True,
            "taken",
        )
        assert set(speech.languages) == set(TAGS.values())
        assert {one.name: one.default for one in speech.settings} == {
            one.name: one.default for one in OPTIONS.settings
        }
        assert info.concurrency == Steps(4)
        assert (info.licence, info.version, info.device) == ("Apache-2.0", "0.1.1", "cpu")
    assert [bool(one and one.instructions) for one in speeches.values()] == [False, True, False, True]
    assert [bool(one and one.design) for one in speeches.values()] == [False, False, False, True]
    clonings = [one.cloning if one else None for one in speeches.values()]
    assert clonings[1:] == [None, None, None]
    assert clonings[0]
    assert (clonings[0].sample_rate, clonings[0].transcript, clonings[0].longest) == (RATE, "helps", 30.0)
