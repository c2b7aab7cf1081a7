"""Tests of OpenAI's voice names in every language that an engine here speaks."""

from __future__ import annotations

import msgspec
import pytest

from compat.openai import names
from compat.openai.peer_voices import peer_voice
from engines.api import (
    CloningCapabilities,
    EngineInfo,
    LanguageNeed,
    SpeechCapabilities,
    TranscriptionCapabilities,
    Voice,
)
from voices.naming.resolver import Choice, Names, Resolver, ResolverRules
from voices.profile import Profile, Sample

NAMES = Names(names.openai_kind, names.peer_kind, peer_voice)
OPENAI = ("alloy", "ash", "nova", "onyx")
ENGLISH = EngineInfo(
    "english", "1", "MIT", ("english",),
    voices=tuple(Voice(name, name.title(), ("en-US", "en")) for name in OPENAI),
    characters={name: name for name in OPENAI}, speech=SpeechCapabilities(24000, ("en-US", "en")),
)  # fmt: skip
SINGER = EngineInfo(
    "singer", "1", "MIT", ("singer",),
    voices=(Voice("af_a", "Alloy", ("en-US",), "female"), Voice("am_b", "B", ("en-US",), "male"),
            Voice("jf_c", "C", ("ja",), "female"), Voice("jf_d", "D", ("ja",), "female"), Voice("jm_e", "E", ("ja",), "male"),
            Voice("pf_f", "F", ("pt-PT",), "female"), Voice("pf_g", "G", ("pt-BR",), "female")),
    characters={"alloy": "af_a", "nova": "af_a", "ash": "am_b", "onyx": "am_b"}, speech=SpeechCapabilities(24000, ("en-US", "ja", "pt-PT", "pt-BR")),
)  # fmt: skip
ROBOT = EngineInfo(
    "robot", "1", "GPL", ("robot",), voices=(Voice("en-us", "English", ("en-US", "en"), "male"), Voice("de", "German", ("de",), "male")),
    characters={"alloy": "en-us+f5", "onyx": "en-us", "nova": "en-us+f1", "ash": "en-us+m2"}, speech=SpeechCapabilities(22050, ("en", "de", "ja", "eo"), language="taken"),
)  # fmt: skip
GERMAN = EngineInfo(
    "german", "1", "MIT", ("german",), voices=(Voice("thorsten", "Thorsten", ("de",), "male"),),
    characters=dict.fromkeys(OPENAI, "thorsten"), speech=SpeechCapabilities(22050, ("de",)),
)  # fmt: skip
EAR = EngineInfo("ear", "1", "MIT", ("ear",), transcription=TranscriptionCapabilities(("en",)))
GOOD_EAR = EngineInfo(
    "good-ear", "1", "MIT", ("good-ear",), transcription=TranscriptionCapabilities(("en", "de"))
)


def speak(voice: str, language: str | None, *engines: EngineInfo, model: str = "tts-1") -> Choice:
    """Return what is chosen among some engines, the best first."""
    resolver = Resolver({info.name: info for info in engines}, NAMES, ResolverRules("alloy"))
    return resolver.speak(model, voice, language=language)


@pytest.mark.parametrize(
    ("voice", "language", "engine", "preset", "told"),
    [
        ("alloy", "en", "singer", "af_a", None),
        ("alloy", None, "singer", "af_a", None),
        ("alloy", "en-GB", "singer", "af_a", None),
        ("alloy", "ja", "singer", "jf_c", None),
        ("nova", "ja", "singer", "jf_d", None),
        ("onyx", "ja", "singer", "jm_e", None),
        ("alloy", "pt-BR", "singer", "pf_g", None),
        ("alloy", "pt", "singer", "pf_f", None),
        ("onyx", "de", "robot", "de", "de"),
        ("alloy", "eo", "robot", "en-us+f5", "eo"),
        ("alloy", "xx", "singer", "af_a", None),
    ],
)
def test_a_name_speaks_every_language(
    voice: str, language: str | None, engine: str, preset: str, told: str | None
) -> None:
    """The best engine that speaks the language is taken, with a voice of it that is of the same gender; an engine
    that switches languages by itself is told which. Without any such engine the name means what it always does.
    """
    choice = speak(voice, language, SINGER, ENGLISH, ROBOT)

    assert (choice.engine, choice.voice, choice.language) == (engine, preset, told)


def test_what_was_moved_is_told() -> None:
    """A name that another voice speaks than in English is told as mapped; English itself is not."""
    assert speak("alloy", "de", ENGLISH, ROBOT).mapped == ("voice=alloy->robot/de+f5",)
    assert speak("alloy", "en", ENGLISH, ROBOT).mapped == ()
    assert speak("alloy", "de", ROBOT).mapped == ("voice=alloy->robot/de+f5",)


def test_an_engine_without_english_serves_its_own_language_only() -> None:
    """However good it is, it speaks no English for OpenAI's names, but its language before a lesser engine."""
    assert speak("alloy", "en", GERMAN, ENGLISH, ROBOT).engine == "english"
    assert speak("alloy", None, GERMAN, ENGLISH, ROBOT).engine == "english"
    assert speak("alloy", "de", GERMAN, ENGLISH, ROBOT).voice == "thorsten"


def test_a_named_model_keeps_its_engine() -> None:
    """A model of an engine's own is not left for a language; OpenAI's names get its voice of that language."""
    assert speak("nova", "ja", ENGLISH, SINGER, ROBOT, model="singer").voice == "jf_d"
    assert speak("nova", "de", ENGLISH, SINGER, ROBOT, model="singer").voice == "af_a"
    assert speak("german/thorsten", "en", ENGLISH, GERMAN).engine == "german"


def test_presets_of_openai_names_do_not_hide_better_engines() -> None:
    """An engine whose presets are called by OpenAI's names gets them only where no better one speaks."""
    assert speak("ash", "en", SINGER, ENGLISH).engine == "singer"
    assert speak("ash", "en", ENGLISH, SINGER).engine == "english"


def test_transcription_goes_to_an_engine_that_knows_the_language() -> None:
    """OpenAI's models transcribe a language with the best engine that knows it."""
    resolver = Resolver({"ear": EAR, "good-ear": GOOD_EAR}, NAMES, ResolverRules("alloy"))

    assert resolver.transcribe("whisper-1").engine == "ear"
    assert resolver.transcribe("whisper-1", "de").engine == "good-ear"
    assert resolver.transcribe("whisper-1", "fr").engine == "ear"
    assert resolver.transcribe("ear", "de").engine == "ear"


def test_names_of_kokoro_without_kokoro() -> None:
    """A voice of Kokoro's that is not here is spoken by the best engine that has one of its language and gender,
    and that is told; a model that clients of other servers name, and that lacks it here, does not stand in the way. One
    that goes by its own name speaks itself, with the voice that is nearest, and so with OpenAI's names.
    """
    british = speak("bf_emma", "en", ENGLISH, ROBOT)
    japanese_only = EngineInfo(
        "kokoro-int8", "1", "MIT", ("kokoro-int8", "kokoro"), voices=(Voice("jf_alpha", "Alpha", ("ja",), "female"),),
        characters={"alloy": "jf_alpha"}, speech=SpeechCapabilities(24000, ("ja",)),
    )  # fmt: skip
    nameless = msgspec.structs.replace(japanese_only, characters={})
    absent = speak("af_bella", "en", japanese_only, ENGLISH, ROBOT, model="kokoro")

    assert (british.engine, absent.engine) == ("english", "english")
    assert british.mapped == (f"voice=bf_emma->english/{british.voice}",)
    assert absent.mapped == (f"voice=af_bella->english/{absent.voice}",)
    assert speak("jf_alpha", "ja", japanese_only, ENGLISH, model="kokoro").mapped == ()
    for voice in ("af_bella", "alloy"):
        own = speak(voice, "en", nameless, ENGLISH, ROBOT, model="kokoro-int8")
        assert (own.engine, own.model) == ("kokoro-int8", "kokoro-int8")
        assert own.mapped == (f"voice={voice}->kokoro-int8/jf_alpha",)


def test_a_language_without_voices_of_the_gender() -> None:
    """Where an engine's voices of a language are all of the other gender, one of these speaks it."""
    bilingual = EngineInfo(
        "bilingual", "1", "MIT", ("bilingual",),
        voices=(Voice("ann", "Ann", ("en",), "female"), Voice("otto", "Otto", ("de",), "male")),
        characters={"alloy": "ann"}, speech=SpeechCapabilities(24000, ("en", "de")),
    )  # fmt: skip

    assert speak("alloy", "de", bilingual, ROBOT).voice == "otto"


def test_a_region_that_has_voices_is_spoken_by_them() -> None:
    """A name's own voice speaks all regions of its language but those that other voices are of."""
    regional = EngineInfo(
        "regional", "1", "MIT", ("regional",),
        voices=(Voice("gb", "Emma", ("en-GB",), "female"), Voice("us", "Bella", ("en-US",), "female")),
        characters={"alloy": "gb"}, speech=SpeechCapabilities(24000, ("en-GB", "en-US")),
    )  # fmt: skip

    assert speak("alloy", "en-GB", regional).voice == "gb"
    assert speak("alloy", "en-AU", regional).voice == "gb"
    assert speak("alloy", "en-US", regional).voice == "us"


@pytest.mark.parametrize("told", ["ignored", "taken", "needed"])
def test_voices_of_no_language_speak_all_of_their_engine(told: LanguageNeed) -> None:
    """An engine whose voices name no language speaks under OpenAI's names what it says that it speaks."""
    speech = SpeechCapabilities(24000, ("en", "de"), language=told)
    free = EngineInfo("free", "1", "MIT", ("free",), voices=(Voice("one", "One"),), speech=speech)
    choice = speak("alloy", "de", ENGLISH, free)
    assert (choice.engine, choice.voice, choice.language) == ("free", "one", "de")
    assert speak("alloy", "fr", ENGLISH, free).engine == "english"


def test_a_cloned_voice_speaks_by_an_engine_of_the_language() -> None:
    """Of two engines that clone, the one that speaks the text's language is taken, unless a model is named."""
    sample = Sample("a", "b", "c", "d", 5.0, 24000)
    profile = Profile("p", "Voice", "cloned", samples=(sample,))
    cloners = [
        EngineInfo(
            name, "1", "MIT", (name,),
            speech=SpeechCapabilities(24000, languages, cloning=CloningCapabilities(24000)),
        )
        for name, languages in (("anglo", ("en",)), ("poly", ("en", "de")))
    ]  # fmt: skip
    resolver = Resolver({info.name: info for info in cloners}, NAMES, ResolverRules("alloy"))
    chosen = [
        resolver.speak(model, "Voice", profile, language).engine
        for model, language in (
            ("tts-1", "en"),
            ("tts-1", "de"),
            ("tts-1", "fr"),
            ("anglo", "de"),
            ("", "de"),
        )
    ]
    assert chosen == ["anglo", "poly", "anglo", "anglo", "poly"]


def test_the_default_voice_speaks_the_language_of_the_text() -> None:
    """Where the settings want the default voice for names that nobody knows, it speaks the text's language."""
    rules = ResolverRules("alloy", map_unknown=True)
    resolver = Resolver({info.name: info for info in (ENGLISH, GERMAN)}, NAMES, rules)
    assert resolver.speak("tts-1", "nobody", language="de").engine == "german"
    assert resolver.speak("tts-1", "nobody", language="en").engine == "english"


def test_an_engine_that_stands_for_no_name() -> None:
    """An engine that has voices but none for OpenAI's names speaks under these only where no other speaks the language."""
    shy = EngineInfo(
        "shy", "1", "MIT", ("shy",),
        voices=(Voice("jf", "Alpha", ("en",), "female"), Voice("yo", "Ade", ("yo",), "female")),
        speech=SpeechCapabilities(24000, ("en", "yo")),
    )  # fmt: skip

    assert speak("alloy", "en", shy, ENGLISH).engine == "english"
    assert speak("alloy", "yo", shy, ENGLISH).voice == "yo"
