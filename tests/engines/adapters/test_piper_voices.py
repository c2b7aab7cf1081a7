"""Piper's voices on disk: several speakers, several files, options, and files that are not right. The voices are
made by the test, in the published layout. Offline.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loudness import integrated_loudness
from outputs import QUIET
from piper_in_process import Spoken, speak
from tiny_piper import write_voice

from engines.adapters.piper.engine import Piper
from engines.api import EngineInfo, Place, SpeechJob
from engines.errors import EngineFailed

TEXT = "Guten Tag, wie geht es Ihnen?"
KEY = "de_DE-duo-medium"
DUO = {"anna": 0, "bert": 1}
TONES = (330.0, 165.0)
PLACE = Place()

pytestmark = pytest.mark.usefixtures("offline")


def load(folder: Path, place: Place = PLACE, **options: Any) -> tuple[Piper, EngineInfo]:
    """Load an engine on a folder of voices."""
    engine = Piper(str(folder), **options)
    return engine, engine.load(place, QUIET)


def say(engine: Piper, voice: str = "", rate: int = 22_050) -> Spoken:
    """Speak the text."""
    return speak(SpeechJob(TEXT, voice, seed=1), engine, rate)


def pitch(spoken: Spoken) -> float:
    """Return the frequency of the tone, which is what a speaker is, in Hertz."""
    return float(np.argmax(np.abs(np.fft.rfft(spoken.sound))) / spoken.seconds)


def test_speakers(tmp_path: Path) -> None:
    """Each speaker of a voice is one by name; the default is the first, or the one that the option names."""
    write_voice(tmp_path, KEY, DUO, hertz=TONES)
    engine, info = load(tmp_path)

    assert [(voice.id, voice.name) for voice in info.voices] == [
        ("anna", "Duo (medium), anna"),
        ("bert", "Duo (medium), bert"),
    ]
    assert info.voices[0].languages == ("de-DE", "de")
    assert set(info.characters.values()) == {"anna", "bert"} and info.characters["alloy"] == "anna"
    assert [round(pitch(say(engine, voice))) for voice in ("", "anna", "bert")] == [330, 330, 165]
    for speaker in ("bert", 1, "1"):
        assert round(pitch(say(load(tmp_path, speaker=speaker)[0]))) == 165
    with pytest.raises(EngineFailed, match="no speaker 'carl': there are anna, bert"):
        load(tmp_path, speaker="carl")


def test_speakers_without_names(tmp_path: Path) -> None:
    """Speakers that the voice does not name go by their numbers."""
    write_voice(tmp_path, KEY, hertz=TONES)

    assert [voice.id for voice in load(tmp_path)[1].voices] == ["speaker-0", "speaker-1"]


def test_a_folder_of_voices(tmp_path: Path) -> None:
    """All voices of a folder are there, at any depth, in the rate of the default, and as loud as each other."""
    write_voice(tmp_path / "de" / "de_DE", KEY, DUO, hertz=TONES)
    write_voice(tmp_path, "fr_FR-petit-low", rate=16_000, hertz=(440.0,), espeak={"voice": "fr"})
    engine, info = load(tmp_path, speaker="fr_FR-petit-low")

    assert {voice.id for voice in info.voices} == {f"{KEY}-anna", f"{KEY}-bert", "fr_FR-petit-low"}
    assert info.speech is not None
    assert info.speech.sample_rate == 16_000
    assert {"de-DE", "fr-FR"} <= set(info.speech.languages)
    spoken = [say(engine, voice, 16_000) for voice in ("", f"{KEY}-anna")]
    assert [round(pitch(one)) for one in spoken] == [440, 330]
    levels = [integrated_loudness(one.sound, 16_000) for one in spoken]
    assert levels == pytest.approx([-19, -19], abs=1.5)
    for one in spoken:
        assert [TEXT[word.start : word.end] for word in one.words] == [
            "Guten",
            "Tag",
            "wie",
            "geht",
            "es",
            "Ihnen",
        ]


def test_one_voice_of_several(tmp_path: Path) -> None:
    """The option `voice` takes one of a folder, as pulls lie side by side; a graph's path does so too."""
    write_voice(tmp_path / "a", KEY, DUO, hertz=TONES)
    graph = write_voice(tmp_path / "b", "de_DE-solo-medium")

    assert [voice.id for voice in load(tmp_path, voice="de_DE-solo-medium")[1].voices] == [
        "de_DE-solo-medium"
    ]
    assert [voice.id for voice in load(graph)[1].voices] == ["de_DE-solo-medium"]
    with pytest.raises(EngineFailed, match="no Piper voice de_DE-trio-medium"):
        load(tmp_path, voice="de_DE-trio-medium")


def test_noise_and_length(tmp_path: Path) -> None:
    """What the voice says of noise and length is used, unless options say otherwise."""
    asked = {"noise_scale": 0, "length_scale": 1, "noise_w": 0}
    write_voice(tmp_path / "still", KEY, inference=asked)
    write_voice(tmp_path / "slow", KEY, inference=asked | {"length_scale": 2})
    still, slow = load(tmp_path / "still")[0], load(tmp_path / "slow")[0]

    assert speak(SpeechJob(TEXT, ""), still).pcm == speak(SpeechJob(TEXT, ""), still).pcm
    assert say(slow).seconds > 1.5 * say(still).seconds
    assert say(load(tmp_path / "slow", length=1)[0]).pcm == say(still).pcm
    noisy = load(tmp_path / "still", noise=1.0, noise_w=1.0)[0]
    assert speak(SpeechJob(TEXT, ""), noisy).pcm != speak(SpeechJob(TEXT, ""), noisy).pcm


def test_a_voice_that_reads_letters(tmp_path: Path) -> None:
    """A voice of the type `text` speaks without eSpeak, and its level is measured by its own letters."""
    write_voice(tmp_path, "uk_UA-mala-low", phoneme_type="text")
    engine, info = load(tmp_path)
    spoken = speak(SpeechJob("Guten Tag", "", seed=1), engine)

    assert info.speech is not None and not info.speech.ipa
    assert len(spoken.words) == 2 and spoken.seconds > 0.5
    assert integrated_loudness(spoken.sound, 22_050) == pytest.approx(-19, abs=2)


def test_what_is_no_voice(tmp_path: Path) -> None:
    """Each file that is not right is an error that names it and says what is wrong."""
    with pytest.raises(EngineFailed, match=r"NAME\.onnx"):
        load(tmp_path)
    graph = write_voice(tmp_path, KEY)
    config = graph.with_name(f"{graph.name}.json")
    right = json.loads(config.read_text())
    for change, message in (
        ({"phoneme_type": "pinyin"}, "'pinyin'.*only espeak and text"),
        ({"phoneme_id_map": {"a": [1]}}, "no ids for _, \\^, \\$"),
        ({"audio": {}}, "does not describe a Piper voice"),
        ({"espeak": {"voice": "../de"}}, "which is no such name"),
        ({"espeak": {"voice": "qqq"}}, "no voice 'qqq'"),
    ):
        config.write_text(json.dumps(right | change))
        with pytest.raises(EngineFailed, match=message):
            load(tmp_path)
    config.write_text(json.dumps(right))
    graph.write_bytes(b"no graph at all")
    with pytest.raises(EngineFailed, match=f"{KEY}.onnx cannot be loaded"):
        load(tmp_path)
    config.unlink()
    with pytest.raises(EngineFailed, match=r"lacks its file"):
        load(graph)


def test_options_that_are_wrong(tmp_path: Path) -> None:
    """A device that is not here and phonemes that nobody knows are errors that say what there is."""
    write_voice(tmp_path, KEY)

    with pytest.raises(EngineFailed, match="option `path`"):
        Piper().load(Place(), QUIET)
    with pytest.raises(EngineFailed, match=r"no device 'abacus'.*auto, cpu"):
        load(tmp_path, Place(device="abacus"))
    with pytest.raises(EngineFailed, match=r"no phonemes 'sampa'.*auto, espeak, english"):
        load(tmp_path, phonemes="sampa")
