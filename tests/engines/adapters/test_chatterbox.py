"""Tests of Chatterbox and its Turbo with models of random weights: the library's audio, voices, languages, the
end of speech, and how it stops. Offline.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
from outputs import run_speech

pytest.importorskip("torch")
# not importorskip: their own imports may be missing
if lacking := [name for name in ("chatterbox", "perth", "s3tokenizer") if not importlib.util.find_spec(name)]:
    pytest.skip(f"{lacking[0]} is not installed", allow_module_level=True)

import torch
from numpy.typing import NDArray
from tiny_chatterbox import (
    RATE,
    SOUNDS,
    cloned_by_library,
    library,
    loaded,
    prompt,
    sample,
    speak,
    without_warnings,
)

from engines.adapters.chatterbox.voice_files import LANGUAGES, MULTILINGUAL, TURBO
from engines.api import ALONE, Audio, SpeechEvent, SpeechJob
from engines.errors import BadInput

TEXT = "Hello you."
KINDS = (MULTILINGUAL, TURBO)
SEEDS = range(20)
"""that are tried one after the other until one shows a difference"""
pytestmark = pytest.mark.usefixtures("offline")


def job(text: str = TEXT, **more: Any) -> SpeechJob:
    """Return a job, in English with a seed unless it is said otherwise."""
    return SpeechJob(text, **{"voice": "", "language": "en", "seed": 5, **more})


def library_audio(kind: str, **options: Any) -> NDArray[np.int16]:
    """Return what the library's own `generate` makes, as PCM samples."""
    model = library(kind)
    if kind == MULTILINGUAL:
        options = {"language_id": "en", **options}
    torch.manual_seed(5)
    with without_warnings():
        sound = model.generate(TEXT, **options).numpy().ravel()
    pcm: NDArray[np.int16] = np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2")
    return pcm


def largest_difference(one: NDArray[np.int16], another: NDArray[np.int16]) -> int:
    """Return the largest difference within the shorter of two recordings."""
    shorter = min(len(one), len(another))
    return int(np.abs(one[:shorter].astype(int) - another[:shorter]).max())


def is_heard(engine: Any, fields: dict[str, Any], changed: dict[str, Any]) -> bool:
    """Return whether a change of a job changes its audio with some seed: random weights are sure of many tokens,
    whatever is asked of them.
    """
    pairs = ([speak(engine, job(seed=seed, **one)) for one in (fields, changed)] for seed in SEEDS)
    return any(one.shape != other.shape or largest_difference(one, other) > 20 for one, other in pairs)


@pytest.mark.parametrize("kind", KINDS)
def test_info(kind: str) -> None:
    """Its info has its name, rate, languages and limits, and one voice, which all of OpenAI's names are."""
    info = loaded(kind)[1]

    assert (info.name, info.models, info.licence, info.concurrency) == (kind, (kind,), "MIT", ALONE)
    assert [voice.id for voice in info.voices] == ["default"]
    assert set(info.characters.values()) == {"default"}
    speech = info.speech
    assert speech is not None
    assert (speech.sample_rate, speech.seed, speech.streaming, speech.longest_text) == (
        RATE,
        True,
        False,
        300,
    )
    assert speech.languages == (LANGUAGES if kind == MULTILINGUAL else ("en",))
    assert speech.language == ("needed" if kind == MULTILINGUAL else "ignored")
    assert len(LANGUAGES) == 23
    assert speech.cloning is not None
    assert (speech.cloning.sample_rate, speech.cloning.transcript) == (RATE, "no")
    assert speech.cloning.shortest == (0.5 if kind == MULTILINGUAL else 5.01)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.shows("equals", by="kind")
def test_audio_is_the_librarys(kind: str) -> None:
    """Audio is that of the library's own `generate` with the same seed, sample for sample, with the voice that
    comes along, with a cloned one, and with other settings.
    """
    engine = loaded(kind)[0]
    voice_sample = sample(kind, 210)
    settings = {"temperature": 0.6, "top_p": 0.9, "repetition_penalty": 1.5}
    own = {"exaggeration": 0.9, "cfg_weight": 0.2, "min_p": 0.1} if kind == MULTILINGUAL else {"top_k": 50}

    assert np.array_equal(speak(engine, job()), library_audio(kind))
    changed = speak(engine, job(settings={**settings, **own}))
    assert np.array_equal(changed, library_audio(kind, **settings, **own))

    model, voice = library(kind), library(kind).conds
    try:
        model.conds = cloned_by_library(kind, voice_sample)
        assert np.array_equal(speak(engine, job(prompt=prompt(kind, voice_sample))), library_audio(kind))
    finally:
        model.conds = voice


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_texts_and_voices(kind: str) -> None:
    """The same job yields the same audio; another seed, text or voice changes it. Without a seed no two are
    alike.
    """
    engine = loaded(kind)[0]
    first = speak(engine, job())

    assert len(first) > RATE // 10
    assert np.array_equal(speak(engine, job(voice="default")), first)
    assert largest_difference(speak(engine, job(seed=6)), first) > 20
    for other in ({"text": "Good night."}, {"prompt": prompt(kind, sample(kind, 120))}):
        assert is_heard(engine, {}, other)
    unseeded = [speak(engine, job(seed=None)) for _ in range(2)]
    assert largest_difference(*unseeded) > 20


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (MULTILINGUAL, {"exaggeration": 0.0}),
        (MULTILINGUAL, {"cfg_weight": 0.0}),
        (MULTILINGUAL, {"temperature": 0.3}),
        (MULTILINGUAL, {"min_p": 0.5}),
        (TURBO, {"temperature": 0.3}),
        (TURBO, {"top_k": 5.0}),
    ],
)
def test_nothing_of_a_job_is_left_for_the_next(kind: str, settings: dict[str, float]) -> None:
    """Settings and voice are those of one job: the next has the defaults, and its own voice, again."""
    engine = loaded(kind)[0]
    low, high = prompt(kind, sample(kind, 120)), prompt(kind, sample(kind, 260))
    usual = [speak(engine, job(prompt=voice)) for voice in (low, high, None)]

    assert is_heard(engine, {"prompt": low}, {"prompt": low, "settings": settings})
    again = [speak(engine, job(prompt=voice)) for voice in (low, high, None)]
    for before, after in zip(usual, again, strict=True):
        assert np.array_equal(before, after)
    assert engine._model.conds is None


@pytest.mark.parametrize(
    ("language", "text", "token"),
    [
        ("ar", "مرحبا بكم", "[ar]"),
        ("he", "שלום לכולם", "[he]"),
        ("hi", "नमस्ते दुनिया", "[hi]"),
        ("ja", "こんにちは日本", "[ja]"),
        ("ko", "안녕하세요", "[ko]"),
        ("zh-CN", "你好", "[zh]"),
        ("pt-BR", "Olá", "[pt]"),
        ("nb", "Hei", "[no]"),
        ("ru", "Привет", "[ru]"),
        ("el", "Γειά", "[el]"),
    ],
)
def test_languages(language: str, text: str, token: str) -> None:
    """Each language speaks, its text marked as the model was taught, whatever its country; none of its letters
    is unknown.
    """
    engine = loaded()[0]
    tokenizer = engine._model.tokenizer.tokenizer
    read = engine._network._read(job(text, language=language))
    names = [tokenizer.id_to_token(int(number)) for number in read[0]]

    assert names[:2] == ["[START]", token]
    assert names[-1] == "[STOP]"
    assert "[UNK]" not in names
    assert len(speak(engine, job(text, language=language))) > 0


@pytest.mark.parametrize("language", [None, "xx", "eo", "../en", "[en]"])
def test_other_languages_are_refused(language: str | None) -> None:
    """A language that the model does not speak is refused, and so is a text without one."""
    with pytest.raises(BadInput, match="speaks no language"):
        speak(loaded()[0], job(language=language))


def test_chinese_is_read_by_its_codes() -> None:
    """A character becomes the tokens of its Cangjie code, from the file of the pull; words are kept apart."""
    engine = loaded()[0]
    tokenizer = engine._model.tokenizer
    read = engine._network._read(job("你好", language="zh"))
    names = [tokenizer.tokenizer.id_to_token(int(number)) for number in read[0]]

    expected = ["[cj_O]", "[cj_N]", "[cj_F]", "[cj_.]", "[cj_V]", "[cj_N]", "[cj_D]", "[cj_.]"]
    assert [name for name in names if name.startswith("[cj")] == expected
    if importlib.util.find_spec("jieba"):
        assert "".join(tokenizer.cangjie_converter.segmenter.cut("你好日本")) == "你好日本"


def test_words_in_brackets_are_said() -> None:
    """What stands in brackets is said, even if the model has a token of that name: `[he]` is not Hebrew."""
    read = loaded()[0]._network._read(job("Then [he] left [STOP]"))
    tokens = [loaded()[0]._model.tokenizer.tokenizer.id_to_token(int(number)) for number in read[0]]

    assert tokens[1] == "[en]"
    assert "[he]" not in tokens
    assert tokens.count("[STOP]") == 1
    assert "".join(token for token in tokens if len(token) == 1) == "then(he)left(stop)."


@pytest.mark.parametrize("sound", SOUNDS)
def test_sounds_pass_untouched(sound: str) -> None:
    """Each of Turbo's sounds is one token of its text, and a mark of its capabilities."""
    import re

    engine, info = loaded(TURBO)
    tokenizer = engine._model.tokenizer
    numbers = engine._network._read(f"Well {sound} hello")[0].tolist()

    assert tokenizer.get_added_vocab()[sound] in numbers
    assert info.speech is not None
    assert any(re.fullmatch(mark, sound) for mark in info.speech.marks)
    assert not any(re.search(mark, "[he] [1] laugh (laugh)") for mark in info.speech.marks)
    assert len(speak(engine, job(sound))) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_audio_is_watermarked(kind: str) -> None:
    """All audio has the library's watermark, as its own detector finds."""
    engine = loaded(kind)[0]
    samples = speak(engine, job("Hello there, my friend. How are you today? It is a fine day."))
    found = engine._model.watermarker.get_watermark(samples.astype(np.float32) / 32768, sample_rate=RATE)
    assert float(found) == 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_printed(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The library's progress and warnings go nowhere: they would fill the log."""
    speak(loaded(kind)[0], job())
    prompt(kind, sample(kind, 120))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("accepted", [0, 3, 40])
def test_stops_within_a_token(kind: str, accepted: int) -> None:
    """Once nobody wants the rest no further layer is computed, and the next job is not affected."""
    engine = loaded(kind)[0]
    expected = speak(engine, job())
    calls = computed = 0

    def count(*_: object) -> None:
        nonlocal computed
        computed += 1

    def emit(event: SpeechEvent) -> bool:
        nonlocal calls
        assert isinstance(event, Audio)
        calls += 1
        return calls <= accepted

    layers = engine._model.t3.tfmr.layers if kind == MULTILINGUAL else engine._model.t3.tfmr.h
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        run_speech(engine, job("This goes on. " * 5, seed=7, prompt=prompt(kind, sample(kind, 120))), emit)
    finally:
        for hook in hooks:
            hook.remove()

    assert calls == accepted + 1
    assert computed <= accepted
    assert np.array_equal(speak(engine, job()), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_raises_what_its_output_raises(kind: str) -> None:
    """An error of its output is raised from `speak`, and the engine is as before."""
    engine = loaded(kind)[0]
    expected = speak(engine, job())

    def emit(_: SpeechEvent) -> bool:
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError, match="gone"):
        run_speech(engine, job(), emit)
    assert np.array_equal(speak(engine, job()), expected)


def count_hooks(network: Any) -> int:
    """Return how many forward hooks there are in a network."""
    return sum(len(module._forward_hooks) for module in network.modules())


def test_nothing_grows() -> None:
    """The library's hooks, one set more for each text, are taken away, after a text that was stopped too; and
    no text's state stays in the model.
    """
    engine = loaded()[0]
    before = count_hooks(engine._model.t3)
    for _ in range(3):
        speak(engine, job())
        run_speech(engine, job(), lambda _: False)

    assert count_hooks(engine._model.t3) == before
    assert "patched_model" not in dict(engine._model.t3.named_children())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["", " \n ", "…", "😀", "()"])
def test_empty_texts(kind: str, text: str) -> None:
    """A text without letters and digits yields no audio, and no error: the library would ask for some."""
    assert len(speak(loaded(kind)[0], job(text))) == 0
