"""Tests of the names of eSpeak NG's voices, and that the thirteen characters differ."""

from __future__ import annotations

import itertools
import math

import audio_measures
import pytest
from decoded import pitch
from espeak_in_process import RATE, loaded, say, speak
from loudness import integrated_loudness

from engines.adapters.espeak.voices import CHARACTERS, Voices, bcp47_tag
from engines.api import SpeechJob
from engines.errors import UnknownVoice
from engines.toolkit.espeak_library import EspeakVoice

OPENAI = {
    "alloy",
    "ash",
    "ballad",
    "cedar",
    "coral",
    "echo",
    "fable",
    "marin",
    "nova",
    "onyx",
    "sage",
    "shimmer",
    "verse",
}
SEMITONES_APART = 2.0
SPOKEN = (
    "People often travel by train when winter comes to the northern cities. My sister found seven old coins under the "
    "kitchen floor. Good evening, the last bus leaves in twenty minutes from the station. The quick brown fox jumps over it."
)


def some_voices() -> Voices:
    """Return a handful of eSpeak NG's voices as the library lists them."""
    rows = [
        ("French (Belgium)", "roa/fr-BE", ("fr-be", "fr"), (5, 8)),
        ("French (France)", "roa/fr", ("fr-fr", "fr"), (5, 5)),
        ("German", "gmw/de", ("de",), (5,)),
        ("Mandarin", "sit/cmn", ("cmn", "zh-cmn", "zh"), (5, 5, 5)),
        ("Cantonese", "sit/yue", ("yue", "zh-yue", "zh"), (5, 5, 8)),
        ("Jyutping", "sit/yue-Latn-jyutping", ("yue", "zh-yue", "zh"), (5, 5, 8)),
        ("English (Great Britain)", "gmw/en", ("en-gb", "en"), (2, 2)),
        ("English (America)", "gmw/en-US", ("en-us", "en"), (2, 3)),
        ("Spanish (Latin America)", "roa/es-419", ("es-419", "es-mx"), (5, 6)),
    ]
    return Voices(
        [EspeakVoice(name, file, codes, ranks, 1) for name, file, codes, ranks in rows], ("f3", "Mr serious")
    )


@pytest.mark.parametrize(
    ("voice", "language", "expected"),
    [
        ("en-us", None, "gmw/en-US"),
        ("EN_us+F3", None, "gmw/en-US+f3"),
        ("en-us+mr serious", None, "gmw/en-US+Mr serious"),
        ("fr", None, "roa/fr"),
        ("fr-FR", None, "roa/fr"),
        ("fr-CA", None, "roa/fr"),
        ("zh", None, "sit/cmn"),
        ("zh-Hans-CN", None, "sit/cmn"),
        ("yue", None, "sit/yue"),
        ("yue-latn-jyutping", None, "sit/yue-Latn-jyutping"),
        ("en", None, "gmw/en-US"),
        ("en-us+f3", "de", "gmw/de+f3"),
        ("en-us+f3", "de-AT", "gmw/de+f3"),
        ("en-us", "en-GB", "gmw/en"),
        ("en-gb", "en", "gmw/en"),
        ("en-gb", "en-AU", "gmw/en"),
        ("de", "en", "gmw/en-US"),
        ("de", "es-MX", "roa/es-419"),
        ("cmn", "zh", "sit/cmn"),
        ("yue", "zh", "sit/yue"),
        ("en-us", "tlh", "gmw/en-US"),
    ],
)
def test_identifies(voice: str, language: str | None, expected: str) -> None:
    """A voice is found by code, alias or longer tag in any case; a language replaces its language and keeps
    the variant.
    """
    assert some_voices().identify(voice, language) == expected


@pytest.mark.parametrize(
    "voice",
    [
        "",
        "xx",
        "+f3",
        "en-us+",
        "en-us+nope",
        "../x",
        "en-us+../../lang/gmw/de",
        "gmw/en-US",
        "en-us+f3+f3",
        "f3",
    ],
)
def test_refuses_unknown_voices(voice: str) -> None:
    """An invalid voice is refused: the library would ignore an unknown variant, and open a path as a file."""
    with pytest.raises(UnknownVoice) as caught:
        some_voices().identify(voice, None)
    assert caught.value.param == "voice"


def test_names_near_misses() -> None:
    """A misspelt voice is refused with similar names."""
    with pytest.raises(UnknownVoice, match=r"Did you mean en-us\+Mr serious"):
        some_voices().identify("en-us+mr-seriuos", None)
    with pytest.raises(UnknownVoice, match=r"Did you mean .*cmn"):
        some_voices().identify("cmm", None)


def test_refusal_reaches_the_caller() -> None:
    """An unknown voice is refused before any sound, and the engine goes on."""
    with pytest.raises(UnknownVoice):
        say("hello", "en-us+nope")
    assert say("hello").seconds > 0.3


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("en-us", "en-US"),
        ("vi-vn-x-south", "vi-VN-x-south"),
        ("cmn-latn-pinyin", "cmn-Latn-pinyin"),
        ("en-029", "en-029"),
        ("de", "de"),
    ],
)
def test_writes_tags(code: str, expected: str) -> None:
    """Language codes are written as BCP-47 recommends."""
    assert bcp47_tag(code) == expected


def test_language_changes_the_speech() -> None:
    """A job's language changes how the text is read: German numbers are not English ones."""
    english, german, native = (
        speak(SpeechJob("1234567", voice, language=language)).seconds
        for voice, language in (("en-us", None), ("en-us", "de"), ("de", None))
    )

    assert german == pytest.approx(native, rel=0.02)
    assert german != pytest.approx(english, rel=0.02)


def test_characters_are_openais() -> None:
    """There is one voice for each of OpenAI's names, none twice, all of them known."""
    info = loaded()[1]

    assert set(info.characters) == OPENAI
    assert len(set(info.characters.values())) == 13
    codes = {voice.id for voice in info.voices}
    assert all(
        voice in codes or (voice.split("+")[0] in codes and voice.split("+")[1] in info.variants)
        for voice in CHARACTERS.values()
    )


@pytest.mark.parametrize("name", CHARACTERS)
def test_characters_are_equally_loud(name: str) -> None:
    """Each of the thirteen is as loud as other engines are, -20 LUFS within 1."""
    sound = audio_measures.samples(say(SPOKEN * 2, CHARACTERS[name]).pcm)

    assert integrated_loudness(sound, RATE) == pytest.approx(-20, abs=1)


def test_characters_differ() -> None:
    """Any two of the thirteen are at least two semitones apart in pitch and brightness together, and none
    clips.
    """
    points = {}
    for name, voice in CHARACTERS.items():
        sound = audio_measures.samples(say(SPOKEN, voice).pcm)
        assert audio_measures.clipped(sound) == 0, name
        points[name] = (
            12 * math.log2(pitch(sound, RATE)),
            12 * math.log2(audio_measures.spectral_centroid(sound, RATE)),
        )

    distances = {
        pair: math.dist(points[pair[0]], points[pair[1]]) for pair in itertools.combinations(points, 2)
    }
    assert len(distances) == 78
    assert {pair: distance for pair, distance in distances.items() if distance < SEMITONES_APART} == {}
