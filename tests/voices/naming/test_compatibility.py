"""Tests of which engines can speak a custom voice, why the others cannot, and which of them is chosen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from libraries import sample, voice
from msgspec.structs import replace

from compat.openai import names
from compat.openai.peer_voices import peer_voice
from engines.api import CloningCapabilities, EngineInfo, SpeechCapabilities, TranscriptionCapabilities, Voice
from engines.errors import EngineUnavailable, UnknownModel, Unsupported
from voices.naming.compatibility import AvailableEngines, UnavailableEngine, fits, refusal
from voices.naming.resolver import Choice, Names, Resolver, ResolverRules, WrongKind
from voices.profile import Profile

NAMES = Names(names.openai_kind, names.peer_kind, peer_voice)
RATE = 24_000
ROBOT = EngineInfo(
    "robot", "1", "MIT", ("robot",), voices=(Voice("en-us", "English", ("en-US",)), Voice("de", "German", ("de",)), Voice("fr+f3", "French")),
    variants=("f3", "m7"), speech=SpeechCapabilities(RATE, ("en", "de")),
)  # fmt: skip
PARROT = EngineInfo(
    "parrot",
    "1",
    "MIT",
    ("parrot", "parrot-xl"),
    speech=SpeechCapabilities(RATE, ("en", "it"), cloning=CloningCapabilities(RATE)),
)
SCRIBE = EngineInfo(
    "scribe",
    "1",
    "MIT",
    ("scribe",),
    speech=SpeechCapabilities(RATE, (), cloning=CloningCapabilities(RATE, transcript="needed")),
)
PAINTER = EngineInfo(
    "painter", "1", "MIT", ("painter",), speech=SpeechCapabilities(RATE, ("en",), design=True)
)
MIXER = EngineInfo(
    "mixer", "1", "MIT", ("mixer",), voices=(Voice("Low", "Low"), Voice("high", "High"), Voice("a-b", "AB")), speech=SpeechCapabilities(RATE, ("en",), mixing=True),
)  # fmt: skip
EAR = EngineInfo("ear", "1", "MIT", ("ear",), transcription=TranscriptionCapabilities(("en",)))
ALL = (ROBOT, PARROT, SCRIBE, PAINTER, MIXER, EAR)
CLONE = voice("Anna", samples=(sample("samp_1"),))
SPOKEN = replace(CLONE, samples=(sample("samp_1", transcript="Hello."),))
HALF_SPOKEN = replace(CLONE, samples=(*SPOKEN.samples, sample("samp_2")))
BARE = replace(CLONE, samples=())
DESIGN = voice("Bert", voice_type="designed", design_prompt="old and warm")
MADE = replace(DESIGN, samples=SPOKEN.samples)


def preset(engine: str, id: str, **fields: Any) -> Profile:
    return voice("Carl", voice_type="preset", preset_engine=engine, preset_voice=id, **fields)


def around(*infos: EngineInfo, absent: tuple[UnavailableEngine, ...] = ()) -> AvailableEngines:
    return AvailableEngines({info.name: info for info in infos}, absent)


def reasons(
    profile: Profile, infos: Iterable[EngineInfo], absent: tuple[UnavailableEngine, ...] = ()
) -> dict[str, str]:
    """Return for each engine why it cannot; empty where it can."""
    found = fits(profile, around(*infos, absent=absent))
    assert all(fit.can == (not fit.reason) for fit in found)
    return {fit.engine: fit.reason for fit in found}


NOT = "it does not clone voices"
REASONS = {
    "a clone": (CLONE, ALL, {"robot": NOT, "parrot": "", "scribe": "", "painter": NOT, "mixer": NOT}),
    "a clone without words": (CLONE, (PARROT, SCRIBE), {"parrot": "", "scribe": "it needs the words of the samples, and no engine that transcribes is ready"}),
    "a clone with some words": (HALF_SPOKEN, (SCRIBE,), {"scribe": "it needs the words of the samples, and no engine that transcribes is ready"}),
    "a clone with its words": (SPOKEN, (SCRIBE,), {"scribe": ""}),
    "a clone of nothing": (BARE, (PARROT, EAR), {"parrot": "the voice has no sample yet"}),
    "a clone of nothing, and who designs": (BARE, (PARROT, PAINTER), {"parrot": "the voice has no sample yet", "painter": NOT}),
    "a design": (DESIGN, (PARROT, SCRIBE, PAINTER), {"parrot": "", "scribe": "", "painter": NOT}),
    "a design, and nobody who designs": (DESIGN, (PARROT,), {"parrot": "the voice has not been made yet, and no engine that designs voices is ready"}),
    "a design that was made": (MADE, (PARROT, SCRIBE, ROBOT), {"parrot": "", "scribe": "", "robot": NOT}),
    "kept to one": (replace(CLONE, engines=("scribe",)), (*ALL[:3], EAR),
                    {"robot": "the voice is kept to other engines", "parrot": "the voice is kept to other engines", "scribe": ""}),
    "Italian": (replace(CLONE, languages=("it-IT",)), ALL, {
        "robot": "it does not speak it-IT", "parrot": "", "scribe": "", "painter": "it does not speak it-IT", "mixer": "it does not speak it-IT"}),
    "of two languages": (replace(CLONE, languages=("xx", "EN-gb")), (PARROT,), {"parrot": ""}),
    "a preset": (preset("robot", "en-us"), (ROBOT, PARROT), {"robot": "", "parrot": "the voice is a preset of `robot`"}),
    "a preset in another case": (preset("robot", "EN-us"), (ROBOT,), {"robot": ""}),
    "a variant": (preset("robot", "de+m7"), (ROBOT,), {"robot": ""}),
    "a variant that is listed": (preset("robot", "fr+f3"), (ROBOT,), {"robot": ""}),
    "a variant that is none": (preset("robot", "de+x9"), (ROBOT,), {"robot": "it has no preset 'de+x9'"}),
    "a variant of nothing": (preset("robot", "fr"), (ROBOT,), {"robot": "it has no preset 'fr'"}),
    "a preset that has gone": (preset("robot", "gone"), (ROBOT,), {"robot": "it has no preset 'gone'"}),
    "a mixture": (preset("mixer", "low(2)+high"), (MIXER, ROBOT), {"mixer": "", "robot": "the voice is a preset of `mixer`"}),
    "a mixture that names nobody": (preset("mixer", "low+gone"), (MIXER,), {"mixer": "it has no preset 'low+gone'"}),
    "a mixture that is none": (preset("mixer", "low(2)+high(x"), (MIXER,), {"mixer": "it has no preset 'low(2)+high(x'"}),
    "a mixture, and nobody who mixes": (preset("robot", "en-us(2)+de"), (ROBOT,), {"robot": "it has no preset 'en-us(2)+de'"}),
    "a preset of another language": (preset("robot", "de", languages=("it",)), (ROBOT,), {"robot": "it does not speak it"}),
}  # fmt: skip


@pytest.mark.parametrize("what", REASONS)
def test_reasons_by_engine(what: str) -> None:
    """Each engine that speaks is listed with the reason why it cannot speak the voice, or none."""
    profile, infos, expected = REASONS[what]
    assert reasons(profile, infos) == expected


@pytest.mark.parametrize(("spoken", "named"), [("nb", "no"), ("cmn", "zh-CN"), ("tl", "fil")])
def test_a_language_of_two_names(spoken: str, named: str) -> None:
    """An engine that has another name for a language speaks its texts and voices all the same."""
    speech = SpeechCapabilities(RATE, (spoken,), cloning=CloningCapabilities(RATE))
    able = EngineInfo("able", "1", "MIT", ("able",), speech=speech)
    resolver = Resolver({"robot": ROBOT, "able": able}, NAMES, ResolverRules("en-us"))
    assert reasons(replace(CLONE, languages=(named,)), (able,)) == {"able": ""}
    assert resolver.model("tts-1", "speech", named).engine == "able"


def test_engines_that_are_not_ready() -> None:
    """An engine that is not ready is listed with that reason; whether it could speak the voice is reported
    too.
    """
    absent = (
        UnavailableEngine("later", "it is starting", clones=True),
        UnavailableEngine("robot", "it has failed"),
    )
    for profile, would in (
        (CLONE, ["later"]),
        (MADE, ["later"]),
        (preset("robot", "en-us"), ["robot"]),
        (replace(CLONE, engines=("parrot",)), []),
        (replace(CLONE, engines=("later",)), ["later"]),
    ):
        found = fits(profile, around(PAINTER, absent=absent))
        assert [(fit.engine, fit.reason) for fit in found if not fit.can][-2:] == [
            ("later", "it is starting"),
            ("robot", "it has failed"),
        ]
        assert [fit.engine for fit in found if fit.would] == would


# Error messages...


@pytest.mark.parametrize(
    ("profile", "infos", "absent", "tied", "message"),
    [
        (CLONE, (ROBOT, PAINTER), (), "",
         "No engine that is ready can speak the voice 'Anna' (`robot`, `painter`: it does not clone voices). "
         "The voice is kept; an engine that clones voices would do."),
        (CLONE, (), (), "", "No engine that is ready can speak the voice 'Anna'. The voice is kept; an engine that clones voices would do."),
        (CLONE, (ROBOT, PARROT), (), "robot", "The engine `robot` cannot speak the voice 'Anna': it does not clone voices. These can: `parrot`."),
        (CLONE, (ROBOT,), (UnavailableEngine("later", "it is starting", clones=True),), "robot",
         "The engine `robot` cannot speak the voice 'Anna': it does not clone voices. These would do: `later` (it is starting)."),
        (CLONE, (EAR,), (), "ear", "The engine `ear` cannot speak the voice 'Anna': it does not speak. The voice is kept; an engine that clones voices would do."),
        (preset("robot", "de"), (MIXER,), (UnavailableEngine("robot", "it has failed"),), "",
         "No engine that is ready can speak the voice 'Carl' (`mixer`: the voice is a preset of `robot`). These would do: `robot` (it has failed)."),
        (preset("robot", "gone"), (ROBOT,), (), "", "No engine that is ready can speak the voice 'Carl' (`robot`: it has no preset 'gone')."),
    ],
)  # fmt: skip
def test_refusals(
    profile: Profile,
    infos: tuple[EngineInfo, ...],
    absent: tuple[UnavailableEngine, ...],
    tied: str,
    message: str,
) -> None:
    """The refusal says why, engine by engine, and what would help."""
    error = refusal(profile, fits(profile, around(*infos, absent=absent)), tied)
    assert error.message == message
    assert (error.param, error.code) == ("voice", "voice_not_speakable")


def test_long_names_are_shortened() -> None:
    """No refusal repeats a long name whole."""
    long = preset("robot", "x" * 10_000)
    assert len(refusal(long, fits(long, around(ROBOT))).message) < 400


# Which engine is chosen...


def speak(
    model: str,
    profile: Profile,
    infos: Iterable[EngineInfo] = ALL,
    absent: tuple[UnavailableEngine, ...] = (),
    **rules: Any,
) -> Choice:
    resolver = Resolver({info.name: info for info in infos}, NAMES, ResolverRules("alloy", **rules), absent)
    choice = resolver.speak(model, profile.id, profile)
    assert choice.profile is profile
    return choice


@pytest.mark.parametrize(
    ("model", "engine", "own_model"),
    [("tts-1", "parrot", ""), ("gpt-4o-mini-tts", "parrot", ""), ("", "parrot", ""), ("parrot", "parrot", "parrot"), ("scribe", "scribe", "scribe"),
     ("PARROT-XL", "parrot", "parrot-xl"), ("parrot/parrot-xl", "parrot", "parrot-xl"), ("house", "scribe", "scribe")],
)  # fmt: skip
def test_the_model_selects_the_engine(model: str, engine: str, own_model: str) -> None:
    """An engine's own model selects that engine; one of OpenAI's, or none, selects the first engine that can."""
    choice = speak(model, CLONE, model_aliases={"house": "scribe"})
    assert (choice.engine, choice.model, choice.voice, choice.mapped, choice.mix) == (
        engine,
        own_model,
        "",
        (),
        (),
    )


@pytest.mark.parametrize(
    ("profile", "engine", "own_model"),
    [(CLONE, "parrot", ""), (replace(CLONE, model="scribe"), "scribe", "scribe"), (replace(CLONE, model="parrot-xl"), "parrot", "parrot-xl"),
     (replace(CLONE, engines=("scribe",)), "scribe", ""), (replace(CLONE, model="robot"), "parrot", ""), (replace(CLONE, model="gone"), "parrot", ""),
     (replace(CLONE, model="ear"), "parrot", ""), (replace(CLONE, model="tts-1-hd"), "parrot", ""),
     (replace(CLONE, model="parrot-xl", engines=("scribe",)), "scribe", "")],
)  # fmt: skip
def test_the_voices_model_is_preferred(profile: Profile, engine: str, own_model: str) -> None:
    """Where the caller names no engine, that of the voice's own model is used, if it can; else the first that
    can.
    """
    for model in ("", "tts-1"):
        choice = speak(model, profile)
        assert (choice.engine, choice.model) == (engine, own_model)


def test_the_callers_model_is_preferred() -> None:
    """The caller's model overrides the voice's own."""
    assert speak("parrot", replace(CLONE, model="scribe")).model == "parrot"
    assert speak("scribe", replace(CLONE, model="parrot-xl")).engine == "scribe"


@pytest.mark.parametrize("model", ["robot", "mixer"])
def test_a_named_engine_is_not_replaced(model: str) -> None:
    """An engine that was named and cannot speak the voice is not replaced by one that can."""
    with pytest.raises(Unsupported, match=rf"engine `{model}` cannot .* These can: `parrot`, `scribe`\."):
        speak(model, CLONE)


def test_unknown_models() -> None:
    """An unknown model, and one that transcribes, are errors as for any voice."""
    with pytest.raises(UnknownModel, match="does not exist"):
        speak("gone", CLONE)
    for model in ("whisper-1", "ear"):
        with pytest.raises(WrongKind):
            speak(model, CLONE)


def test_what_is_quickly_had_is_named_first() -> None:
    """Engines that would do are named by what has to be pulled for them, those of one reason together, and not more
    than a person reads.
    """
    install = "torch not installed: voicebox engines install main"
    absent = [UnavailableEngine(f"large-{n}", install, clones=True, size=9000 + n) for n in range(9)]
    absent.append(UnavailableEngine("small", install, clones=True, size=100))
    absent.append(UnavailableEngine("mine", "it has failed", clones=True, here=True, size=5000))
    with pytest.raises(Unsupported) as refused:
        speak("tts-1", CLONE, (ROBOT,), tuple(absent))
    assert refused.value.message.endswith(
        f"These would do: `mine` (it has failed), `small`, `large-0`, `large-1`, `large-2` ({install}), and 6 more."
    )


def test_unknown_models_are_mapped_on_request() -> None:
    """Where the settings map unknown models, the first engine that can speaks the voice, and the mapping is
    reported.
    """
    choice = speak("gone", CLONE, map_unknown=True)
    assert (choice.engine, choice.mapped) == ("parrot", ("model=gone->parrot",))


def test_no_engine_is_ready() -> None:
    """While no engine that speaks is ready, the error is to come back; of the engines, those that could are
    named.
    """
    with pytest.raises(EngineUnavailable):
        speak("tts-1", CLONE, (EAR,))
    with pytest.raises(Unsupported, match=r"These would do: `parrot` \(it is starting\)"):
        speak("", CLONE, (EAR,), (UnavailableEngine("parrot", "it is starting", clones=True),))


@pytest.mark.parametrize(
    ("id", "voice", "engine"),
    [("en-us", "en-us", "robot"), ("DE", "de", "robot"), ("de+M7", "de+m7", "robot"), ("fr+f3", "fr+f3", "robot"), ("LOW", "Low", "mixer"), ("a-b", "a-b", "mixer")],
)  # fmt: skip
def test_presets(id: str, voice: str, engine: str) -> None:
    """A preset is spoken by its engine, under that engine's name for it, with any model of OpenAI's and with
    the engine's own.
    """
    for model, own in (("tts-1", ""), ("", ""), (engine, engine)):
        choice = speak(model, preset(engine, id))
        assert (choice.engine, choice.model, choice.voice, choice.mix) == (engine, own, voice, ())


def test_a_preset_of_another_engine() -> None:
    """A preset is spoken by no other engine."""
    with pytest.raises(
        Unsupported,
        match=r"`mixer` cannot speak the voice 'Carl': the voice is a preset of `robot`\. These can: `robot`\.",
    ):
        speak("mixer", preset("robot", "de"))


@pytest.mark.parametrize("written", ["low(3)+HIGH", "low(1.5) + low(1.5)+high", "Low(6)+high(2)"])
def test_a_mixture(written: str) -> None:
    """A preset may be a mixture, whose weights add up to 1 in their original order."""
    choice = speak("tts-1", preset("mixer", written))
    assert (choice.engine, choice.mix) == ("mixer", (("Low", 0.75), ("high", 0.25)))
    assert choice.voice in ("Low(3)+high(1)", "Low(6)+high(2)")
