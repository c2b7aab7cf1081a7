"""From the `model` and `voice` of a request to an engine and one of its voices.

What belongs to callers is looked for first: custom voices and aliases, in the order of
`voices.naming.meaning`, which asks here (`is_taken`, `is_understood`) before anything that others share is
considered. What is then left is looked for, in this order, as:

1. an alias of the settings;
2. `engine/voice`;
3. one of OpenAI's voice names (before presets, as some engine may have one of that name), which the best
   engine that speaks the text's language has a voice for (`voices.naming.characters`);
4. a preset of the engine that the model names (or, where the model is one of OpenAI's, of the preferred
   engine, then of the others), by id, display name or language, or a mixture of presets (`a(2)+b(1)`) where
   the engine mixes;
5. a name of a voice of another server's (Kokoro's, Piper's), which gets one of its language and like it.

Case does not matter. A model that names a voice is taken as one. What is still unknown is an error with near
misses, or the default voice where the settings say so; then `mapped` says which. A custom voice is spoken by
the engine that the model names, or else by the best that can (`voices.naming.compatibility`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Literal

import msgspec

from engines.api import EngineInfo
from engines.errors import EngineUnavailable, SpeechError, UnknownModel, UnknownVoice
from voices.naming import compatibility, matching, mixture
from voices.naming.characters import (
    ENGLISH,
    OPENAI_MODELS,
    find_character,
    find_like,
    is_openai_voice,
    nearest_voice,
    speaks,
)
from voices.naming.compatibility import AvailableEngines, UnavailableEngine
from voices.naming.known_models import absence_of, absent_model, best_engine, first_known, mapped_to
from voices.naming.language_voices import plainest, voice_of_tag
from voices.profile import Profile

Kind = Literal["speech", "transcription"]


class Names(msgspec.Struct, frozen=True):
    """What a dialect knows of names; given by `compat`, which this package does not import."""

    openai_kind: Callable[[str], Kind | None]
    peer_kind: Callable[[str], Kind | None]
    peer_voice: Callable[[str], tuple[str, str, str, str] | None]
    """of a peer's voice: language, gender, the name of OpenAI's that is like it, and the model that has it"""
    other_names: Callable[[str], tuple[str, ...]] = lambda _: ()
    """the names under which engines may have what a model's name means"""
    plain_voice: Callable[[str], str] = str
    """a voice's name without the folder and the ending of its file"""


class ResolverRules(msgspec.Struct, frozen=True):
    """The settings about names."""

    default_voice: str
    model_aliases: dict[str, str] = {}
    voice_aliases: dict[str, str] = {}
    map_unknown: bool = False
    map_peers: bool = True
    """whether names of other servers' mean the nearest thing here"""


class Choice(msgspec.Struct, frozen=True):
    """The engine, model and voice that will do the work.

    `mapped` says, for x-voicebox-mapped, which names were not used literally.
    """

    engine: str
    model: str
    voice: str = ""
    mapped: tuple[str, ...] = ()
    mix: tuple[tuple[str, float], ...] = ()
    """voices with their weights, which add up to 1, where the voice is a mixture"""
    profile: Profile | None = None
    """a custom voice"""
    language: str | None = None
    """what the voice is to be told to speak, where it was chosen for a language that is not its own"""
    advice: str = ""
    """what would bring the model that was asked for, where another has taken its place"""


class WrongKind(UnknownModel):
    """The model exists, but is of the other kind: it speaks instead of transcribing, or the reverse."""


class Resolver:
    """Resolves names against the engines that are ready, best first."""

    def __init__(
        self,
        engines: Mapping[str, EngineInfo],
        names: Names,
        rules: ResolverRules,
        absent: tuple[UnavailableEngine, ...] = (),
        own: tuple[str, ...] = (),
        *,
        usual: tuple[str, ...] = (),
    ) -> None:
        self._around = AvailableEngines(engines, absent)
        self._own = own
        """names of custom voices, for near misses"""
        self._usual = usual
        """the engines in their usual order, where one of them is given up for now and hence last"""
        self._speaking = {name: info for name, info in engines.items() if info.speech}
        self._transcribing = {name: info for name, info in engines.items() if info.transcription}
        self._names = names
        self._rules = rules

    def transcribe(self, model: str, language: str | None = None) -> Choice:
        """Choose the engine and model that transcribe, one that knows the language for a model of OpenAI's.

        Raises UnknownModel, WrongKind or EngineUnavailable.
        """
        return self.model(model, "transcription", language)

    def speak(
        self, model: str, voice: str | None, profile: Profile | None = None, language: str | None = None
    ) -> Choice:
        """Choose engine, model and voice. Raises UnknownModel, UnknownVoice, Unsupported, WrongKind or
        EngineUnavailable.

        `profile` is the custom voice that `voice` names; where `model` named it, there is no model. OpenAI's
        voice names and custom voices speak `language`, where an engine does that can.
        """
        if profile:
            return self._profile(model, profile, language)
        if self._is_voice(model):
            return self._voice(None, voice or model, language)
        if "/" in model and not self._is_model(model) and self._is_voice(model.partition("/")[2]):
            chosen = self.model(model.partition("/")[0], "speech", language)
            return self._voice(chosen, voice or model.partition("/")[2], language)
        return self._voice(self.model(model, "speech", language), voice, language)

    def is_model(self, model: str) -> bool:
        """Return whether a name is a model's, hence no voice's."""
        return self._is_model(model)

    def is_voice(self, voice: str) -> bool:
        """Return whether an engine that is ready has a voice by that name, or the settings lead to one."""
        return self._find_voice(voice, list(self._speaking)) is not None

    def is_taken(self, voice: str) -> bool:
        """Return whether a name has a meaning that no custom voice of another caller may take: an engine's
        voice, OpenAI's, a peer's, or one that the settings lead to.
        """
        known = is_openai_voice(voice) or self._peer(voice) is not None
        return known or self.is_voice(voice)

    def is_understood(self, model: str) -> bool:
        """Return whether a model's name has such a meaning, be it that of a model which is not here."""
        exact = Resolver(
            self._around.engines,
            self._names,
            msgspec.structs.replace(self._rules, map_unknown=False),
            self._around.absent,
        )
        if exact.is_taken(model):
            return True
        try:
            exact.speak(model, None)
        except UnknownModel as exc:
            return isinstance(exc, WrongKind)
        except SpeechError:
            return True
        return True

    def _profile(self, model: str, profile: Profile, language: str | None) -> Choice:
        chosen = self.model(model, "speech", language) if model else None
        tied = chosen.engine if chosen and chosen.model else ""
        preferred = chosen
        if profile.model and not tied:
            with suppress(UnknownModel, EngineUnavailable):
                preferred = self.model(profile.model, "speech", language)
        found = compatibility.fits(profile, self._around)
        can = {fit.engine for fit in found if fit.can and tied in ("", fit.engine)}
        able = [name for name in self._preferring(preferred.engine if preferred else None) if name in can]
        fluent = [name for name in able if language and speaks(self._speaking[name], language)]
        is_own = preferred is not None and bool(preferred.model) and preferred.engine in able
        engine = next(iter(able if is_own else fluent or able), None)
        if engine is None:
            raise compatibility.refusal(profile, found, tied)
        own_model = preferred.model if preferred and preferred.engine == engine else ""
        mapped = mapped_to(chosen.mapped if chosen else (), engine)
        if profile.voice_type != "preset":
            return Choice(engine, own_model, mapped=mapped, profile=profile)
        preset = self._own_voice(engine, profile.preset_voice) or Choice(engine, "", profile.preset_voice)
        return Choice(engine, own_model, preset.voice, mapped, preset.mix, profile)

    # Models...

    def model(self, model: str, kind: Kind, language: str | None = None) -> Choice:
        """Choose the engine of a model. Raises UnknownModel, WrongKind or EngineUnavailable.

        Behind OpenAI's names is the best one that knows `language`, which is English where nobody says.
        """
        ready = self._speaking if kind == "speech" else self._transcribing
        if not ready:
            raise EngineUnavailable(f"No engine for {kind} is ready yet.")
        target = matching.alias(model, self._rules.model_aliases) or model
        others = self._names.other_names(target)
        named, kin = absent_model((target,), self._around.absent), first_known(others, ready)
        # the same weights for another library hear the same; other graphs of one network have other voices
        is_same = kind == "transcription" or not named
        if known := first_known((target,), ready) or (kin if is_same else None):
            return Choice(*known)
        asked_for = self._names.openai_kind(target)
        if asked_for == kind:
            best = best_engine(ready, kind, language or ENGLISH)
            usual = {name: ready[name] for name in self._usual if name in ready} or ready
            is_other = best != best_engine(usual, kind, language or ENGLISH)
            return Choice(best, "", mapped=(f"model={matching.shown(model)}->{best}",) if is_other else ())
        if asked_for or (not kin and first_known((target, *others), self._speaking | self._transcribing)):
            raise WrongKind(matching.shown(model))
        peer_kind = self._names.peer_kind(target)
        if peer_kind and peer_kind != kind:
            raise WrongKind(matching.shown(model))
        absent = named or absent_model(others, self._around.absent)
        is_mapped = (peer_kind == kind and self._rules.map_peers) or self._rules.map_unknown
        if kin or (is_mapped and not (absent and absent.here)):
            best = kin.engine if kin else best_engine(ready, kind, language or ENGLISH)
            advice = absence_of(absent) if absent else ""
            return Choice(best, "", mapped=(f"model={model}->{best}",), advice=advice)
        if absent:
            raise EngineUnavailable(f"The model `{absent.name}` cannot be used yet: {absent.reason}.")
        raise UnknownModel(
            f"The model `{matching.shown(model)}` does not exist or you do not have access to it."
            + matching.did_you_mean(model, self._all_models(kind))
        )

    def _is_model(self, model: str) -> bool:
        candidates = (model, *self._names.other_names(model))
        return first_known(candidates, self._speaking | self._transcribing) is not None or bool(
            self._names.openai_kind(model) or matching.alias(model, self._rules.model_aliases)
        )

    def _all_models(self, kind: Kind) -> list[str]:
        ready = self._speaking if kind == "speech" else self._transcribing
        return [*(model for info in ready.values() for model in info.models), *OPENAI_MODELS[kind]]

    # Voices...

    def _is_voice(self, name: str) -> bool:
        return not self._is_model(name) and self._find_voice(name, list(self._speaking)) is not None

    def _voice(self, chosen: Choice | None, voice: str | None, language: str | None) -> Choice:
        """Choose a voice; a model that is an engine's own (`chosen.model` set) ties the voice to that
        engine.
        """
        asked = voice or self._rules.default_voice
        tied = chosen is not None and bool(chosen.model)
        order = [chosen.engine] if chosen and tied else self._preferring(chosen.engine if chosen else None)
        found = self._find_voice(asked, order, language)
        if not found and self._peer(asked) and not (tied and self._is_own_name(chosen)):
            # clients send such names, of models and voices, whatever is here
            found = self._find_voice(asked, self._preferring(None), language)
        if not found and chosen and tied:
            found = self._nearest_voice(chosen.engine, asked, language)
        if found:
            mapped = mapped_to(chosen.mapped if chosen else (), found.engine)
            model = chosen.model if chosen and chosen.engine == found.engine else ""
            advice = (chosen.advice if chosen else "") or found.advice
            return msgspec.structs.replace(found, model=model, mapped=mapped + found.mapped, advice=advice)
        if self._rules.map_unknown and (
            default := self._find_voice(self._rules.default_voice, order, language)
        ):
            note = f"voice={asked}->{default.engine}/{default.voice}"
            told = mapped_to(chosen.mapped if chosen else (), default.engine)
            return msgspec.structs.replace(default, mapped=(*told, note))
        raise self._unknown_voice(asked, chosen if tied else None)

    def _preferring(self, engine: str | None) -> list[str]:
        return sorted(self._speaking, key=lambda name: name != engine)

    def _find_voice(self, voice: str, order: list[str], language: str | None = None) -> Choice | None:
        if target := matching.alias(voice, self._rules.voice_aliases):
            voice = target
        engine, slash, rest = voice.partition("/")
        if slash and (named := next((name for name in order if name.casefold() == engine.casefold()), None)):
            order, voice = [named], rest
        elif slash:
            voice = next(iter(self._names.other_names(voice)), voice)
        if found := self._character(order, voice, language):
            return found
        for spelling in dict.fromkeys((voice, self._names.plain_voice(voice))):
            if own := next(filter(None, (self._own_voice(name, spelling) for name in order)), None):
                return own
        return self._peer_voice(order, voice, language) or self._first_part(order, voice, language)

    def _own_voice(self, engine: str, voice: str) -> Choice | None:
        folded, info = voice.casefold(), self._speaking[engine]
        for candidate in info.voices:
            if candidate.id.casefold() == folded:
                return Choice(engine, "", candidate.id)
        for candidate in info.voices:
            if candidate.name.casefold() == folded:
                return Choice(engine, "", candidate.id)
        if plain := plainest(info.voices, folded) or voice_of_tag(info.voices, voice):
            return Choice(engine, "", plain.id)
        base, plus, variant = voice.partition("+")
        if plus and variant.casefold() in (known.casefold() for known in info.variants):
            own = next((known for known in info.variants if known.casefold() == variant.casefold()), variant)
            return next(
                (
                    Choice(engine, "", f"{known.id}+{own}")
                    for known in info.voices
                    if known.id.casefold() == base.casefold()
                ),
                None,
            )
        return self._mixture(engine, voice) if info.speech and info.speech.mixing else None

    def _mixture(self, engine: str, voice: str) -> Choice | None:
        info = self._speaking[engine]
        mixed = mixture.of_voices(voice, info.characters | {own.id.casefold(): own.id for own in info.voices})
        return Choice(engine, "", mixed[0], mix=mixed[1]) if mixed else None

    def _first_part(self, order: list[str], voice: str, language: str | None) -> Choice | None:
        """Choose the voice of the first of OpenAI's names in a mixture that nothing here can mix."""
        names = [part.voice for part in mixture.parts_of(voice)] if self._rules.map_peers else []
        is_theirs = bool(names) and all(map(is_openai_voice, names))
        first = self._character(order, names[0], language) if is_theirs else None
        note = f"voice={matching.shown(voice)}->{first.engine}/{first.voice}" if first else ""
        return msgspec.structs.replace(first, mapped=(note,)) if first else None

    def _character(self, order: list[str], voice: str, language: str | None) -> Choice | None:
        found = find_character(self._speaking, order, voice, language)
        usual = order if len(order) == 1 else list(self._speaking)
        plain = find_character(self._speaking, usual, voice, ENGLISH if language else None)
        if found is None or plain is None:
            return None
        is_moved = (found.engine, found.preset) != (plain.engine, plain.preset)
        mapped = (f"voice={matching.shown(voice)}->{found.engine}/{found.preset}",) if is_moved else ()
        return Choice(found.engine, "", found.preset, mapped, language=found.language)

    def _peer(self, voice: str) -> tuple[str, str, str, str] | None:
        return self._names.peer_voice(voice) if self._rules.map_peers else None

    def _peer_voice(self, order: list[str], voice: str, language: str | None) -> Choice | None:
        if not (traits := self._peer(voice)):
            return None
        found = find_like(self._speaking, order, traits, language)
        if found is None:
            return None
        note = f"voice={matching.shown(voice)}->{found.engine}/{found.preset}"
        return Choice(
            found.engine,
            "",
            found.preset,
            (note,),
            language=found.language,
            advice=matching.absence(voice, traits[3]),
        )

    def _is_own_name(self, chosen: Choice | None) -> bool:
        """Return whether a model was named as nobody's elsewhere is, hence this very engine is meant."""
        return chosen is not None and (
            chosen.model == chosen.engine or self._names.peer_kind(chosen.model) is None
        )

    def _nearest_voice(self, engine: str, voice: str, language: str | None) -> Choice | None:
        """Return an engine's voice that is most like one of OpenAI's or a peer's; None for other names."""
        traits = self._peer(voice)
        like = voice.casefold() if is_openai_voice(voice) else traits[2] if traits else ""
        preset = nearest_voice(self._speaking[engine], like, language) if like else None
        if preset is None:
            return None
        return Choice(engine, "", preset, (f"voice={matching.shown(voice)}->{engine}/{preset}",))

    def _unknown_voice(self, asked: str, tied: Choice | None) -> UnknownVoice:
        if tied and (elsewhere := self._find_voice(asked, self._preferring(None))):
            return UnknownVoice(
                f"The model `{tied.model}` cannot speak the voice '{matching.shown(asked)}'; "
                f"`{elsewhere.engine}` can."
            )
        near = matching.did_you_mean(asked, self._voice_names(tied))
        traits = self._names.peer_voice(asked)
        absence = f" {matching.absence(asked, traits[3])}." if traits and traits[3] else ""
        return UnknownVoice(
            f"Input should be a known voice: '{matching.shown(asked)}' is not one.{absence}{near} "
            "GET /v1/audio/voices lists them."
        )

    def _voice_names(self, tied: Choice | None) -> Iterator[str]:
        yield from self._own
        for name, info in self._speaking.items():
            if tied is None or tied.engine == name:
                yield from info.characters
                yield from (voice.id for voice in info.voices)
