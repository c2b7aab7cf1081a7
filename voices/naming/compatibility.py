"""Which engines can speak a custom voice, and why the others cannot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from engines.api import EngineInfo
from engines.errors import BadInput, Unsupported
from engines.languages import alike
from voices.naming import mixture
from voices.naming.matching import shown
from voices.profile import Profile

MOST_NAMED = 5
"""engines that a message names at most"""
MIDDLING = 500_000_000
"""bytes, for what nobody has measured"""


class UnavailableEngine(msgspec.Struct, frozen=True):
    """An engine that is not ready now, and why."""

    name: str
    reason: str
    clones: bool = False
    designs: bool = False
    speaks: bool = True
    here: bool = False
    """it has been installed or pulled, and only cannot work now"""
    size: int = 0
    """in bytes, of what has to be pulled; 0 where that is not known"""


class Fit(msgspec.Struct, frozen=True):
    """Whether an engine can speak a voice; if not, why."""

    engine: str
    can: bool
    reason: str = ""
    would: bool = False
    """it could, if it were there"""
    ready: bool = True
    size: int = 0
    """in bytes, of what has to be pulled before it can"""


class AvailableEngines(msgspec.Struct, frozen=True):
    """All engines: those that are ready, and those that are not."""

    engines: Mapping[str, EngineInfo]
    absent: tuple[UnavailableEngine, ...] = ()

    @property
    def designs(self) -> bool:
        """Whether some engine makes a voice of its description."""
        return any(info.speech and info.speech.design for info in self.engines.values())

    @property
    def transcribes(self) -> bool:
        """Whether some engine transcribes, so that a sample's words can be found."""
        return any(info.transcription for info in self.engines.values())


def fits(profile: Profile, around: AvailableEngines) -> list[Fit]:
    """Return for every engine that speaks whether it can speak a voice."""
    ready = [_fit(profile, info, around) for info in around.engines.values() if info.speech]
    return ready + [_absent(profile, one) for one in around.absent if one.speaks]


def refusal(profile: Profile, found: Sequence[Fit], tied: str = "") -> Unsupported:
    """Return the error that a voice cannot be spoken by the engine that was asked for, or by any, and who
    could.
    """
    name = shown(profile.name)
    can = [fit.engine for fit in found if fit.can]
    would = sorted((fit for fit in found if fit.would), key=lambda fit: fit.size)  # what is quickly had first
    if tied:
        reason = next((fit.reason for fit in found if fit.engine == tied), "it does not speak")
        others = f" These can: {', '.join(f'`{engine}`' for engine in can)}." if can else ""
        message = f"The engine `{tied}` cannot speak the voice '{name}': {reason}.{others}"
    else:
        unable = _by_reason([fit for fit in found if fit.ready and not fit.can])
        reasons = "; ".join(f"{names}: {reason}" for names, reason in unable)
        message = f"No engine that is ready can speak the voice '{name}'{f' ({reasons})' if reasons else ''}."
    if would and not can:
        named = ", ".join(f"{names} ({reason})" for names, reason in _by_reason(would[:MOST_NAMED]))
        more = f", and {len(would) - MOST_NAMED} more" if len(would) > MOST_NAMED else ""
        message += f" These would do: {named}{more}."
    elif not can and profile.voice_type != "preset":
        message += " The voice is kept; an engine that clones voices would do."
    return Unsupported(message, param="voice", code="voice_not_speakable")


def _by_reason(found: Iterable[Fit]) -> Iterator[tuple[str, str]]:
    """Yield engines that have one reason together, with it: four that do not clone are one thing to say."""
    together: dict[str, list[str]] = {}
    for fit in found:
        together.setdefault(fit.reason, []).append(f"`{fit.engine}`")
    yield from ((", ".join(engines), reason) for reason, engines in together.items())


def _fit(profile: Profile, info: EngineInfo, around: AvailableEngines) -> Fit:
    reason = _barred(profile, info) or (
        _preset_reason(profile, info)
        if profile.voice_type == "preset"
        else _cloning_reason(profile, info, around)
    )
    return Fit(info.name, not reason, reason)


def _barred(profile: Profile, info: EngineInfo) -> str:
    """Return what keeps an engine from speaking any voice like this one; empty where nothing does."""
    if profile.engines and info.name not in profile.engines:
        return "the voice is kept to other engines"
    known = info.speech.languages if info.speech else ()
    if (
        profile.languages
        and known
        and not any(alike(one, other) for one in known for other in profile.languages)
    ):
        return f"it does not speak {', '.join(profile.languages)}"
    return ""


def _preset_reason(profile: Profile, info: EngineInfo) -> str:
    if info.name != profile.preset_engine:
        return f"the voice is a preset of `{profile.preset_engine}`"
    if not _has_preset(profile.preset_voice, info):
        return f"it has no preset '{shown(profile.preset_voice)}'"
    return ""


def _has_preset(preset: str, info: EngineInfo) -> bool:
    """Return whether an engine has a voice, as it stands, as a variant of one, or as a mixture of several."""
    known = {voice.id.casefold() for voice in info.voices}
    base, _, variant = preset.casefold().partition("+")
    if preset.casefold() in known or (base in known and variant in map(str.casefold, info.variants)):
        return True
    try:
        parts = mixture.parse(preset) if info.speech and info.speech.mixing else None
    except BadInput:
        return False
    return bool(parts) and all(part.voice.casefold() in known for part in parts or ())


def _cloning_reason(profile: Profile, info: EngineInfo, around: AvailableEngines) -> str:
    cloning = info.speech.cloning if info.speech else None
    if cloning is None:
        return "it does not clone voices"
    if not profile.samples and profile.voice_type == "cloned":
        return "the voice has no sample yet"
    if not profile.samples and not around.designs:
        return "the voice has not been made yet, and no engine that designs voices is ready"
    if (
        cloning.transcript == "needed"
        and not around.transcribes
        and not all(sample.transcript for sample in profile.samples)
    ):
        return "it needs the words of the samples, and no engine that transcribes is ready"
    return ""


def _absent(profile: Profile, one: UnavailableEngine) -> Fit:
    made = profile.samples or profile.voice_type == "cloned"
    would = one.name == profile.preset_engine
    if profile.voice_type != "preset":
        would = one.clones if made else one.designs
    barred = bool(profile.engines) and one.name not in profile.engines
    size = 0 if one.here else one.size or MIDDLING
    return Fit(one.name, False, one.reason, would=would and not barred, ready=False, size=size)
