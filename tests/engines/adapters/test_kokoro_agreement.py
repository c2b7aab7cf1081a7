"""Kokoro by torch and by onnxruntime: the same weights say the same thing, at the same time. Offline."""

from __future__ import annotations

import functools
from pathlib import Path

import msgspec
import numpy as np
import pytest
from outputs import QUIET

pytest.importorskip("kokoro")
pytest.importorskip("hibari")

from kokoro_graph import exportable_transform, folders, no_noise
from tiny_kokoro import LIMIT, VOICES, SpokenJob, speak

from engines.adapters.kokoro.engine import Kokoro
from engines.adapters.kokoro.torch_network import TorchNetwork
from engines.api import EngineInfo, Place, SpeechJob
from engines.toolkit.onnx_outputs import (
    GRAPH_FIELD,
    NODE_FIELD,
    NODE_INPUT_FIELD,
    NODE_OUTPUT_FIELD,
    NODE_TYPE_FIELD,
)
from engines.toolkit.protobuf import write_field

FULL_SCALE = 32767
TEXT = "Say it."
IPA = ((0, 3, "ˈsɛː"), (4, 6, "ɪt"))
"""phonemes for all words, so that no front end matters"""

pytestmark = pytest.mark.usefixtures("offline")


@functools.cache
def engines() -> dict[str, tuple[Kokoro, EngineInfo]]:
    """Return both engines with their infos."""
    for_torch, with_graph = (Kokoro(str(path)) for path in folders())
    place = Place(device="cpu", threads=2)
    found = {
        "torch": (for_torch, for_torch.load(place, QUIET)),
        "graph": (with_graph, with_graph.load(place, QUIET)),
    }
    network = for_torch._network
    assert isinstance(network, TorchNetwork)
    network.network.decoder.generator.stft = exportable_transform()
    return found


def both(job: SpeechJob) -> tuple[SpokenJob, SpokenJob]:
    """Speak a job by both."""
    with no_noise():
        return speak(job, engines()["torch"][0]), speak(job, engines()["graph"][0])


@pytest.mark.parametrize(
    "job",
    [
        SpeechJob(TEXT, "af_heart", ipa=IPA),
        SpeechJob(TEXT, "bm_fable", ipa=IPA, speed=1.4),
        SpeechJob("Hola, ¿qué tal?", "ef_dora"),
        SpeechJob("Bonjour.", "ff_siwis", speed=0.7),
        SpeechJob("Hola.", "", mix=(("ef_dora", 0.4), ("am_michael", 0.6))),
        SpeechJob(
            "Hola. Son las tres y media de la tarde, y no hay nadie en la calle. Adiós.", "ef_dora", speed=2.0
        ),
    ],
    ids=["plain", "fast", "spanish", "slow", "mixture", "long"],
)
@pytest.mark.shows("equals", "kokoro-onnx")
def test_the_same_job(job: SpeechJob) -> None:
    """A job has the same length to the sample, the same times of words, and the same sound but for rounding."""
    by_torch, by_graph = both(job)
    difference = np.abs(by_torch.pcm.astype(int) - by_graph.pcm)
    level = float(np.abs(by_torch.pcm.astype(int)).mean())
    print(
        f"{len(by_torch.pcm)} samples, level {level / FULL_SCALE:.3f}, difference {difference.mean() / level:.5f}"
    )

    assert len(by_torch.pcm) == len(by_graph.pcm) > 0
    assert by_torch.words == by_graph.words
    assert level > 0.05 * FULL_SCALE
    assert difference.mean() < 0.01 * level


def test_another_voice_is_another_sound() -> None:
    """The measure can tell: voices differ by more than a hundred times what the two ways of computing do."""
    one, _ = both(SpeechJob("Hola.", "ef_dora"))
    _, other = both(SpeechJob("Hola.", "ff_siwis"))
    size = min(len(one.pcm), len(other.pcm))

    assert np.abs(one.pcm[:size].astype(int) - other.pcm[:size]).mean() > np.abs(one.pcm.astype(int)).mean()


def test_both_say_the_same_of_themselves() -> None:
    """Voices, languages, rate and limits are the same, but for the scripts that the two read English in."""
    by_torch, by_graph = engines()["torch"][1], engines()["graph"][1]

    assert {voice.id for voice in by_torch.voices} == set(VOICES)
    own = {voice.id: voice for voice in by_graph.voices}
    assert {voice.scripts for voice in by_graph.voices if voice.id[0] in "ab"} == {("Latin",)}
    assert by_torch.voices == tuple(
        msgspec.structs.replace(own[voice], scripts=()) if voice[0] in "ab" else own[voice] for voice in own
    )
    assert by_torch.characters == by_graph.characters
    assert by_torch.speech and by_graph.speech
    for name in ("sample_rate", "languages", "speed", "words", "mixing", "ipa"):
        assert getattr(by_torch.speech, name) == getattr(by_graph.speech, name)
    assert engines()["graph"][0]._network.facts.max_phonemes == LIMIT


def test_a_graph_that_draws_random_numbers(tmp_path: Path) -> None:
    """A graph with noise of its own cannot be told a seed, and does not claim to honour one."""
    noise = write_field(NODE_INPUT_FIELD, b"style") + write_field(NODE_OUTPUT_FIELD, b"noise")
    node = write_field(NODE_FIELD, noise + write_field(NODE_TYPE_FIELD, b"RandomNormalLike"))
    graph = (folders()[1] / "model.onnx").read_bytes() + write_field(GRAPH_FIELD, node)
    (tmp_path / "model.onnx").write_bytes(graph)
    for name in ("voices", "config.json"):
        (tmp_path / name).symlink_to(folders()[1] / name)
    info = Kokoro(str(tmp_path)).load(Place(device="cpu"), QUIET)

    assert info.speech and not info.speech.seed
    assert engines()["graph"][1].speech == msgspec.structs.replace(info.speech, seed=True)
