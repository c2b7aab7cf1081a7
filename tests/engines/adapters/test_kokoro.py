"""Tests of Kokoro with a network of random weights: the library's audio, voices, seeds, words, and broken
files. Offline.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from outputs import QUIET, run_speech

pytest.importorskip("kokoro")

import torch
from tiny_kokoro import (
    FRAME,
    LIMIT,
    RATE,
    VOICES,
    as_pcm,
    events_of,
    folder,
    library,
    loaded,
    pipeline,
    speak,
    voice,
)

from engines.adapters.kokoro.engine import Kokoro
from engines.api import Audio, Place, Prompt, SpeechEvent, SpeechJob, Steps, Word
from engines.errors import BadInput, EngineFailed, UnknownVoice, Unsupported

TEXT = "Hello there."
JAPANESE = all(map(find_spec, ("fugashi", "jaconv", "mojimoji", "unidic_lite")))
SEED = 5


pytestmark = pytest.mark.usefixtures("offline")


def library_results(
    text: str, voice: object, *, language: str = "a", speed: float = 1.0, seed: int = SEED
) -> list[Any]:
    """Return what the library itself computes for a text."""
    pipe = pipeline(language)  # making it draws random numbers
    torch.manual_seed(seed)
    return list(
        pipe(
            text,
            voice=str(folder() / "voices" / f"{voice}.pt") if isinstance(voice, str) else voice,
            speed=speed,
        )
    )


def linked(to: Path, *left_out: str) -> Path:
    """Create a folder with links to the model's files, but for some."""
    to.mkdir()
    for name in {"config.json", "kokoro-v1_0.pth", "voices"} - set(left_out):
        (to / name).symlink_to(folder() / name)
    return to


def test_info() -> None:
    """Its info has its name, rate and capabilities; its voices are the folder's, and every OpenAI name has
    one of them.
    """
    info = loaded()[1]

    assert (info.name, info.models, info.device, info.concurrency) == (
        "kokoro",
        ("kokoro",),
        "cpu",
        Steps(4, 4),
    )
    assert "GPL-3.0" in info.licence
    assert {voice.id for voice in info.voices} == set(VOICES)
    assert info.speech is not None
    assert (info.speech.sample_rate, info.speech.speed) == (RATE, (0.5, 2.0))
    assert info.speech.seed and info.speech.words and info.speech.mixing and info.speech.ipa
    assert info.speech.language == "ignored"
    assert {"en-US", "en-GB", "es", "fr", "ja", "zh"} <= set(info.speech.languages)
    assert "it" not in info.speech.languages
    assert len(info.characters) == 13
    assert set(info.characters.values()) <= set(VOICES)


@pytest.mark.parametrize(
    ("voice_name", "text", "speed"),
    [
        ("af_heart", "Hi there, 2 of you!", 1.0),
        ("bf_emma", "Hello.", 1.5),
        ("ef_dora", "Hola.", 1.0),
        ("ff_siwis", "Salut.", 0.7),
        pytest.param(
            "zf_xiaobei",
            "你好。",
            1.0,
            marks=pytest.mark.skipif(find_spec("jieba") is None, reason="no misaki[zh]"),
        ),
        pytest.param(
            "jf_alpha",
            "こんにちは。",
            1.2,
            marks=pytest.mark.skipif(not JAPANESE, reason="no fugashi or unidic-lite"),
        ),
    ],
)
@pytest.mark.shows("equals", "kokoro")
def test_audio_is_the_librarys(voice_name: str, text: str, speed: float) -> None:
    """In every language, at any speed, audio is the library's own, sample for sample, but limited where it is
    too loud.
    """
    [result] = library_results(text, voice_name, language=voice_name[0], speed=speed)
    spoken = speak(SpeechJob(text, voice_name, speed=speed, seed=SEED))

    assert np.array_equal(spoken.pcm, as_pcm(result.audio))
    assert all(0 < size <= RATE for size in spoken.chunk_sizes)
    assert len(spoken.chunk_sizes) == -(-len(spoken.pcm) // RATE)


def test_too_loud_is_limited() -> None:
    """Samples beyond full scale are limited, and do not wrap around."""
    [result] = library_results(TEXT, voice("af_heart") * 3)
    loaded()[0]._network.voices._loaded["af_sky"] = voice("af_heart").numpy() * 3
    loaded()[0]._network.voices._readers["af_sky"] = lambda: np.zeros(0, np.float32)
    spoken = speak(SpeechJob(TEXT, "af_sky", seed=SEED))

    assert float(result.audio.abs().max()) > 1.1
    assert np.array_equal(spoken.pcm, as_pcm(result.audio))
    assert int(np.abs(spoken.pcm.astype(int)).max()) == 32767


def test_seeds_and_voices() -> None:
    """The same job yields the same audio; another seed or voice changes it. Without a seed no two are alike,
    though as long.
    """
    first = speak(SpeechJob(TEXT, "af_heart", seed=SEED)).pcm

    assert np.array_equal(speak(SpeechJob(TEXT, "af_heart", seed=SEED)).pcm, first)
    for other in (SpeechJob(TEXT, "af_heart", seed=SEED + 1), SpeechJob(TEXT, "am_michael", seed=SEED)):
        spoken = speak(other).pcm
        size = min(len(first), len(spoken))
        assert np.abs(spoken[:size].astype(int) - first[:size]).mean() > 500
    one, another = speak(SpeechJob(TEXT, "af_heart")).pcm, speak(SpeechJob(TEXT, "")).pcm
    assert len(one) == len(another)
    assert np.abs(one.astype(int) - another).mean() > 500


def test_any_seed() -> None:
    """Seeds are whole numbers of any size and sign."""
    for seed in (0, -1, 2**63 - 1, 2**80):
        assert len(speak(SpeechJob("Hi.", "af_heart", seed=seed)).pcm)


def test_mixtures() -> None:
    """A mixture is spoken with the weighted sum of its voices, in the language of the first."""
    parts = (("af_heart", 0.3), ("ff_siwis", 0.7))
    blend = voice("af_heart") * 0.3 + voice("ff_siwis") * 0.7
    [result] = library_results(TEXT, blend)
    spoken = speak(SpeechJob(TEXT, "", mix=parts, seed=SEED)).pcm

    expected = as_pcm(result.audio)
    assert len(spoken) == len(expected)
    assert np.abs(spoken.astype(int) - expected).mean() < 5
    assert len(speak(SpeechJob(TEXT, "", mix=parts[::-1], seed=SEED)).words) == 0


def test_words() -> None:
    """Words have their offsets in the text and the library's times, each before its sound."""
    text = "  Hello,  [there](/ðˈɛɹ/) 2 dogs."
    events = events_of(SpeechJob(text, "af_heart", seed=SEED))
    words = [event for event in events if isinstance(event, Word)]
    [result] = library_results("Hello, [there](/ðˈɛɹ/) 2 dogs.", "af_heart")

    assert [text[word.start : word.end] for word in words] == ["Hello", "there", "2", "dogs"]
    expected = [token.start_ts * 40 * FRAME / RATE for token in result.tokens if token.text not in ",."]
    assert [word.time for word in words] == pytest.approx(expected)
    emitted = 0
    for event in events:
        emitted += len(event.pcm) // 2 if isinstance(event, Audio) else 0
        assert not isinstance(event, Word) or event.time * RATE >= emitted - 1


def test_a_long_text_is_spoken_wholly() -> None:
    """A long text is cut into chunks that fit the network, and lasts as long as they do; words continue
    through them.
    """
    text = "The first one is this, and it goes on for long. The second is here, and it is as long."
    spoken = speak(SpeechJob(text, "af_heart", seed=SEED, speed=2.0))
    chunks = [chunk for chunk, _ in loaded()[0]._read(SpeechJob(text, "af_heart"))]
    alone = [
        library_results(sentence + ".", "af_heart", speed=2.0)[0].audio for sentence in text[:-1].split(". ")
    ]

    assert len(chunks) == 2
    assert all(len(chunk.phonemes) <= LIMIT for chunk in chunks)
    assert len(spoken.pcm) == sum(map(len, alone))
    assert np.array_equal(spoken.pcm[: len(alone[0])], as_pcm(alone[0]))
    assert [text[word.start : word.end] for word in spoken.words] == text.replace(",", "").replace(
        ".", ""
    ).split()
    assert all(before.time <= after.time for before, after in pairwise(spoken.words))
    second = next(word for word in spoken.words if word.start == text.index("The second"))
    assert second.time == pytest.approx(len(alone[0]) / RATE, abs=4 * FRAME / RATE)


def test_ipa() -> None:
    """A stretch with IPA is spoken in Kokoro's letters for it, and words stay where they are."""
    spoken = speak(SpeechJob("Say Kokoro.", "af_heart", seed=SEED, ipa=((4, 10, "ˈkəʊ.kɑ"),)))
    [result] = library_results("Say [Kokoro](/ˈkOkɑ/).", "af_heart")

    assert np.array_equal(spoken.pcm, as_pcm(result.audio))
    assert [(word.start, word.end) for word in spoken.words] == [(0, 3), (4, 10)]


@pytest.mark.parametrize("text", ["", " \n ", "\x00", "..."])
def test_texts_with_nothing_to_say(text: str) -> None:
    """A text without words yields a short silence, and no error."""
    spoken = speak(SpeechJob(text, "af_heart"))
    assert 0 < len(spoken.pcm) < RATE and not spoken.pcm.any()


def test_each_voice_tells_what_it_reads() -> None:
    """Japanese and Chinese voices name the scripts that they read; eSpeak NG reads those of any to the others."""
    info = loaded()[1]

    scripts = {voice.id[0]: voice.scripts for voice in info.voices}
    assert (scripts["a"], scripts["b"], scripts["e"], scripts["f"]) == ((), (), (), ())
    assert scripts["j"] == ("Han", "Hiragana", "Katakana", "Latin")
    assert scripts["z"] == ("Han", "Latin")
    assert info.speech and info.speech.scripts == ()


@pytest.mark.parametrize("accepted", [0, 1, 3])
def test_stops_when_emit_returns_false(accepted: int) -> None:
    """Once `emit` returns False nothing more is emitted, however long the text; the next job is not affected."""
    calls = 0

    def emit(_: SpeechEvent) -> bool:
        nonlocal calls
        calls += 1
        return calls <= accepted

    run_speech(loaded()[0], SpeechJob("On and on. " * 4000, "ef_dora", seed=SEED), emit)

    assert calls == accepted + 1
    [result] = library_results("Hola.", "ef_dora", language="e")
    assert np.array_equal(speak(SpeechJob("Hola.", "ef_dora", seed=SEED)).pcm, as_pcm(result.audio))


def test_raises_what_emit_raises() -> None:
    """An exception of `emit` is raised from `speak`, and the engine goes on working."""

    def emit(_: SpeechEvent) -> bool:
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError, match="gone"):
        run_speech(loaded()[0], SpeechJob(TEXT, "af_heart"), emit)
    assert len(speak(SpeechJob("Hi.", "af_heart")).pcm)


@pytest.mark.parametrize(
    "name", ["nobody", "af_bella.pt", "../config", "/etc/passwd", "af_bella,af_heart", "af_nova"]
)
def test_voices_are_names_only(name: str) -> None:
    """Only an existing voice's name is a voice: no path is opened, nothing is fetched."""
    for job in (SpeechJob(TEXT, name), SpeechJob(TEXT, "", mix=(("af_heart", 0.5), (name, 0.5)))):
        with pytest.raises(UnknownVoice, match="has no voice"):
            speak(job)
    with pytest.raises(BadInput, match="its own voices only"):
        speak(SpeechJob(TEXT, "", prompt=Prompt("id", b"")))


def test_languages_whose_packages_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A voice whose language needs missing packages is refused with their names, and the others speak."""
    monkeypatch.setitem(__import__("sys").modules, "fugashi", None)
    monkeypatch.setattr(loaded()[0], "_front_ends", {})
    with pytest.raises(Unsupported, match="Japanese needs fugashi"):
        speak(SpeechJob("こんにちは", "jf_alpha"))
    assert len(speak(SpeechJob("Hi.", "af_heart")).pcm)


def test_settings() -> None:
    """The engine has the name in the settings, and its own; a processor gets one job at a time, unless
    `batch` says otherwise.
    """
    info = Kokoro(path=str(folder()), model="kokoro-82m").load(Place(device="cpu"), QUIET)
    assert (info.models, info.concurrency) == (("kokoro-82m", "kokoro"), Steps(1))


def test_files_that_are_missing(tmp_path: Path) -> None:
    """A missing file, folder or folder name is named, and so is a missing device."""
    for number, name in enumerate(["config.json", "kokoro-v1_0.pth"]):
        with pytest.raises(EngineFailed, match=rf"files are not there: .*{name} is missing"):
            Kokoro(path=str(linked(tmp_path / str(number), name))).load(Place(device="cpu"), QUIET)
    with pytest.raises(EngineFailed, match="has no voices"):
        Kokoro(path=str(linked(tmp_path / "mute", "voices"))).load(Place(device="cpu"), QUIET)
    with pytest.raises(EngineFailed, match="tell their folder"):
        Kokoro().load(Place(), QUIET)
    with pytest.raises(EngineFailed, match="no device 'abacus'"):
        Kokoro(path=str(folder())).load(Place(device="abacus"), QUIET)


def changed(how: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """Return a function that writes a changed configuration."""

    def write(file: Path) -> None:
        config = json.loads((folder() / "config.json").read_text("utf-8"))
        how(config)
        file.write_text(json.dumps(config), "utf-8")

    return write


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda file: file.write_text("{"), "cannot be read"),
        (lambda file: file.write_bytes(b"\xff\xfe"), "cannot be read"),
        (lambda file: file.write_text("[]"), "is not an object"),
        (lambda file: file.write_text("{}"), "describes no network: KeyError"),
        (changed(lambda config: config["plbert"].update(num_hidden_layers="many")), "describes no network"),
        (changed(lambda config: config.update(n_token=100)), "does not fit its config.json"),
        (changed(lambda config: config.update(n_layer=2)), "lacks .* weights, such as"),
    ],
)
def test_invalid_configurations(tmp_path: Path, write: Callable[[Path], object], reason: str) -> None:
    """A configuration that cannot be read, or is of another network, is named in a sentence."""
    place = linked(tmp_path / "model", "config.json")
    write(place / "config.json")
    with pytest.raises(EngineFailed, match=reason):
        Kokoro(path=str(place)).load(Place(device="cpu"), QUIET)


def test_invalid_weights(tmp_path: Path) -> None:
    """Weights that are truncated, unsafe, another model's, or incomplete, are named in an error."""
    whole = torch.load(folder() / "kokoro-v1_0.pth", weights_only=True, mmap=True)
    some = {**whole, "bert_encoder": {"module.weight": whole["bert_encoder"]["module.weight"]}}
    place = linked(tmp_path / "model", "kokoro-v1_0.pth")
    file = place / "kokoro-v1_0.pth"
    for content, reason in (
        ({"bert": {}}, "has no part|lacks"),
        ({name: part for name, part in whole.items() if name != "decoder"}, "has no part 'decoder'"),
        (some, r"lacks 1 weights, such as 'bert_encoder\.bias'"),
        ([1, 2], "holds something else"),
        (Path(), "cannot be read"),
    ):
        torch.save(content, file)
        with pytest.raises(EngineFailed, match=reason):
            Kokoro(path=str(place)).load(Place(device="cpu"), QUIET)
    for data in (b"", b"nothing", (folder() / "kokoro-v1_0.pth").read_bytes()[:100_000]):
        file.write_bytes(data)
        with pytest.raises(EngineFailed, match="cannot be read"):
            Kokoro(path=str(place)).load(Place(device="cpu"), QUIET)


def test_invalid_voices(tmp_path: Path) -> None:
    """A voice's file that is broken or of another shape fails when it is used; an invalid voice name is not
    listed.
    """
    place = linked(tmp_path / "model", "voices")
    (place / "voices").mkdir()
    (place / "voices" / "af_heart.pt").symlink_to(folder() / "voices" / "af_heart.pt")
    (place / "voices" / "readme.pt").write_bytes(b"")
    (place / "voices" / "af_bella.pt").write_bytes(b"nothing")
    torch.save(torch.zeros(510, 1, 12), place / "voices" / "am_adam.pt")
    torch.save({"x": torch.zeros(1)}, place / "voices" / "af_mine.pt")
    engine = Kokoro(path=str(place))

    assert [voice.id for voice in engine.load(Place(device="cpu"), QUIET).voices] == [
        "af_heart",
        "af_bella",
        "am_adam",
        "af_mine",
    ]
    for name, reason in (
        ("af_bella", "cannot be read"),
        ("am_adam", "another shape"),
        ("af_mine", "another shape"),
    ):
        with pytest.raises(EngineFailed, match=reason):
            speak(SpeechJob(TEXT, name), engine)


def test_the_library_loads_the_same_files() -> None:
    """The library loads the same files, and its audio depends on both halves of a voice."""
    network = library()
    row = voice("af_heart")[5]
    for half in (slice(0, 128), slice(128, 256)):
        other = row.clone()
        other[:, half] = voice("af_bella")[5][:, half]
        audio = []
        for style in (row, other):
            torch.manual_seed(SEED)
            audio.append(network("həlˈO.", style))
        size = min(map(len, audio))
        assert float((audio[0][:size] - audio[1][:size]).abs().mean()) > 0.01
