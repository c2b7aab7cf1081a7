"""Tests of resolving the names in a request to an engine and a voice."""

from __future__ import annotations

import msgspec
import pytest

from compat.openai import names
from compat.openai.peer_voices import peer_voice
from engines.api import EngineInfo, SpeechCapabilities, TranscriptionCapabilities, Voice
from engines.errors import BadInput, EngineUnavailable, UnknownModel, UnknownVoice
from voices.naming import matching
from voices.naming.compatibility import UnavailableEngine
from voices.naming.resolver import Names, Resolver, ResolverRules, WrongKind

NAMES = Names(names.openai_kind, names.peer_kind, peer_voice)
LIKE_SERVERS = Names(names.openai_kind, names.peer_kind, peer_voice, names.other_names)
ROBOT = EngineInfo(
    "robot", "1", "MIT", ("robot", "robot-xl"),
    voices=(Voice("en-us", "English (America)", ("en-US",), "male"), Voice("de", "German", ("de",), "male"),
            Voice("shared", "Shared", ("en",)), Voice("en-us+f3", "English (America), f3", ("en-US",), "female")),
    characters={"alloy": "en-us", "nova": "de"}, variants=("f3", "m7"), speech=SpeechCapabilities(22050, ("en", "de")),
)  # fmt: skip
SINGER = EngineInfo(
    "singer", "1", "MIT", ("singer",), voices=(Voice("Aria", "Aria", ("it",), "female"), Voice("shared", "Shared", ("en",))),
    characters={"alloy": "Aria"}, speech=SpeechCapabilities(24000, ("it",)),
)  # fmt: skip
EAR = EngineInfo("ear", "1", "MIT", ("ear",), transcription=TranscriptionCapabilities(("en",)))
ENGINES = {"robot": ROBOT, "singer": SINGER, "ear": EAR}


def resolver(**rules: object) -> Resolver:
    return Resolver(ENGINES, NAMES, ResolverRules(default_voice="alloy", **rules))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "voice", "engine", "preset"),
    [
        ("tts-1", "alloy", "robot", "en-us"),
        ("tts-1", "ALLOY", "robot", "en-us"),
        ("tts-1", None, "robot", "en-us"),
        ("tts-1", "aria", "singer", "Aria"),
        ("tts-1", "German", "robot", "de"),
        ("tts-1", "singer/aria", "singer", "Aria"),
        ("tts-1", "EN-US+F3", "robot", "en-us+f3"),
        ("singer", "alloy", "singer", "Aria"),
        ("robot-xl", "nova", "robot", "de"),
        ("alloy", None, "robot", "en-us"),
        ("alloy", "nova", "robot", "de"),
        ("singer/Aria", None, "singer", "Aria"),
        ("aria", "", "singer", "Aria"),
        ("robot/robot-xl", "de", "robot", "de"),
        ("gpt-4o-mini-tts-2025-12-15", "shared", "robot", "shared"),
    ],
)
def test_what_names_mean(model: str, voice: str | None, engine: str, preset: str) -> None:
    """Models and voices have several names each, in any case; none of these counts as mapped."""
    choice = resolver().speak(model, voice)

    assert (choice.engine, choice.voice, choice.mapped) == (engine, preset, ())


def test_unknown_voice_names_near_misses() -> None:
    """An unknown voice is an error that suggests similar names."""
    with pytest.raises(UnknownVoice, match=r"'alloyy' is not one.*Did you mean 'alloy'"):
        resolver().speak("tts-1", "alloyy")


def test_unknown_model_names_near_misses() -> None:
    """An unknown model is an error that suggests similar names."""
    with pytest.raises(UnknownModel, match=r"`tts-l` does not exist.*Did you mean 'tts-1'"):
        resolver().speak("tts-l", "alloy")


def test_absurd_names_cost_nothing() -> None:
    """A name of a million characters is refused at once, and is not repeated whole."""
    for model, voice in (("x" * 1_000_000, "alloy"), ("tts-1", "y" * 1_000_000)):
        with pytest.raises(BadInput) as caught:
            resolver().speak(model, voice)
        assert len(caught.value.message) < 500


def test_a_voice_of_another_engine() -> None:
    """An engine's own model selects that engine; the error says which engine has the voice."""
    with pytest.raises(UnknownVoice, match="`robot` cannot speak the voice 'aria'; `singer` can"):
        resolver().speak("robot", "aria")


def test_unknown_names_are_mapped_on_request() -> None:
    """With `unknown: default` the default voice speaks, and the mapping is reported."""
    lenient = resolver(map_unknown=True)

    assert lenient.speak("mystery", "stranger").mapped == (
        "model=mystery->robot",
        "voice=stranger->robot/en-us",
    )
    assert lenient.transcribe("mystery").mapped == ("model=mystery->ear",)


def test_models_of_the_wrong_kind() -> None:
    """A transcription model cannot speak, nor a speech model transcribe."""
    for model in ("whisper-1", "ear"):
        with pytest.raises(WrongKind):
            resolver().speak(model, "alloy")
    for model in ("tts-1", "robot"):
        with pytest.raises(WrongKind):
            resolver().transcribe(model)


def test_peers_names_are_mapped_and_reported() -> None:
    """Names of other servers' models and voices are mapped to the nearest here: same language, same gender
    where there is one.
    """
    choice = resolver().speak("kokoro", "if_sara")

    assert (choice.engine, choice.voice) == ("singer", "Aria")
    assert choice.mapped == ("model=kokoro->singer", "voice=if_sara->singer/Aria")


def test_peers_voices_keep_their_gender() -> None:
    """Where a language has only voices of the other gender, the engine's variants are used."""
    bilingual = EngineInfo("robot", "1", "MIT", ("robot",), voices=(Voice("ja", "Japanese", ("ja",), "male"), *ROBOT.voices),
                        variants=("f3",), speech=SpeechCapabilities(22050, ("ja",)))  # fmt: skip

    assert (
        Resolver({"robot": bilingual}, NAMES, ResolverRules("alloy")).speak("kokoro", "jf_alpha").voice
        == "ja+f3"
    )
    assert resolver().speak("kokoro", "af_bella").voice == "en-us+f3"


def test_aliases_of_the_settings_go_first() -> None:
    """The settings may map any name to any other, with patterns."""
    own = resolver(model_aliases={"house-*": "singer"}, voice_aliases={"alloy": "singer/Aria"})

    assert own.speak("house-voice", None).engine == "singer"
    assert own.speak("tts-1", "Alloy").voice == "Aria"


def test_nothing_ready() -> None:
    """While no engine is ready the error is to come back, not that the name is wrong."""
    with pytest.raises(EngineUnavailable):
        Resolver({}, NAMES, ResolverRules("alloy")).speak("tts-1", "alloy")


def test_who_stands_in_is_told() -> None:
    """Where the best engine for one of OpenAI's models is given up for now, `mapped` names the one that does its
    work; it is empty where another than the best is given up, or the best is asked for by its own name.
    """
    good = EngineInfo("good-ear", "1", "MIT", ("good-ear",), transcription=TranscriptionCapabilities(("en",)))
    others = {"ear": EAR, "good-ear": good}
    rules = ResolverRules("alloy")
    given_up = Resolver(others, NAMES, rules, usual=("good-ear", "robot", "ear"))
    chosen = given_up.transcribe("whisper-1", "en")

    assert (chosen.engine, chosen.mapped) == ("ear", ("model=whisper-1->ear",))
    assert given_up.transcribe("good-ear", "en").mapped == ()
    assert Resolver(others, NAMES, rules, usual=("ear", "good-ear")).transcribe("whisper-1").mapped == ()
    assert Resolver(others, NAMES, rules).transcribe("whisper-1").mapped == ()


def test_names_that_are_understood() -> None:
    """A name of a model or a voice is understood, also one of a model that only transcribes; any other is not."""
    names_here = (
        "robot-xl",
        "robot/robot",
        "tts-1",
        "ear",
        "whisper-1",
        "alloy",
        "German",
        "af_bella",
        "kokoro",
    )
    for name in names_here:
        assert resolver().is_understood(name), name
    for name in ("stranger", "singer/robot-xl", "nobody/alloy", "robot/stranger"):
        assert not resolver(map_unknown=True).is_understood(name), name


def test_a_model_belongs_to_its_engine() -> None:
    """The name of an engine before the model of another one is no model."""
    for model in ("singer/robot-xl", "nobody/robot"):
        with pytest.raises(UnknownModel):
            resolver().speak(model, "alloy")
    assert resolver().speak("ROBOT/Robot-XL", "alloy").model == "robot-xl"


def test_near_misses_among_many_names() -> None:
    """Among more names than can be compared letter by letter, those that share most with a name are found, in
    whatever case it is written.
    """
    known = [f"Voice {number:04}" for number in range(matching.MOST_KNOWN - 1)] + ["Siegfried"]

    assert matching.nearest("siegfriet", known) == ["Siegfried"]
    assert matching.nearest("SIEGFRIET", known) == ["Siegfried"]
    assert matching.nearest("SIEGFRIET", ["Siegfried", "alloy"]) == ["Siegfried"]
    assert matching.nearest("VOICE 1234", known)[0] == "Voice 1234"


def test_models_that_are_not_here() -> None:
    """A model of the catalogue that is not here is told as such, in any spelling, whichever stands in; and what is told
    of the one that speaks is true, though the voice has chosen it.
    """
    absent = tuple(
        UnavailableEngine(name, f"voicebox models pull {name}")
        for name in ("piper-de_DE-thorsten-medium", "kokoro-onnx")
    )
    around = Resolver(ENGINES, LIKE_SERVERS, ResolverRules(default_voice="alloy"), absent)
    kin = msgspec.structs.replace(SINGER, name="kokoro-int8", models=("kokoro-int8", "kokoro"))
    with_kin = Resolver({**ENGINES, "kokoro-int8": kin}, LIKE_SERVERS, ResolverRules("alloy"), absent)

    piper = around.speak("piper-de_DE-thorsten-medium", "aria")
    assert piper.mapped == ("model=piper-de_DE-thorsten-medium->singer",)
    assert piper.advice.startswith("`piper-de_DE-thorsten-medium` is not here: voicebox models pull")
    graph = with_kin.speak("kokoro-onnx", "alloy")
    assert graph.mapped[0] == f"model=kokoro-onnx->{graph.engine}"
    assert graph.advice == "`kokoro-onnx` is not here: voicebox models pull kokoro-onnx"
    assert with_kin.speak("kokoro", "alloy").engine == "kokoro-int8"
