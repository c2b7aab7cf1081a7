"""Profiles in two forms: as they are stored, and as /v1/voicebox shows them."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from msgspec import UNSET

from compat.openai import engine_settings
from compat.voicebox import profiles as dialect
from engines.catalogue.engines import CATALOGUE, FAKES
from engines.errors import BadInput
from gateway.config import addresses
from gateway.services.engine_snapshot import EngineSnapshot
from voices.naming import compatibility
from voices.naming.matching import did_you_mean
from voices.profile import Profile, Sample, checked_language, checked_name
from voices.pronunciation import Entry, check

STORED_NAMES = {"preset_voice_id": "preset_voice"}
"""by the names that the API has; the others are the same"""
TEXT_FIELDS = (
    "description",
    "instructions",
    "design_prompt",
    "model",
    "preset_engine",
    "preset_voice_id",
    "consent",
)


def profile_object(profile: Profile, caller: str, base_path: str = "") -> dialect.ProfileObject:
    """Return a profile as a caller may see it: who may only use it sees no recordings.

    `base_path` is what the paths of this server begin with, as the settings have it.
    """
    mine = profile.editable(caller)
    return dialect.ProfileObject(
        id=profile.id,
        name=profile.name,
        voice_type=profile.voice_type,
        mine=mine,
        shared=profile.shared,
        languages=profile.languages,
        description=profile.description,
        engines=profile.engines,
        model=profile.model,
        speed=profile.speed,
        instructions=profile.instructions if mine else "",
        settings=profile.settings or UNSET,
        text_format=profile.text_format or UNSET,
        pronunciations=pronunciation_bodies(profile.pronunciations),
        consent=profile.consent if mine else "",
        samples=tuple(map(sample_object, profile.samples)) if mine else (),
        created_at=int(profile.created),
        updated_at=int(profile.updated),
        preset_engine=profile.preset_engine or UNSET,
        preset_voice_id=profile.preset_voice or UNSET,
        design_prompt=profile.design_prompt if mine and profile.design_prompt else UNSET,
        design_script=profile.design_script if mine and profile.design_script else UNSET,
        designed_by=profile.designed_by or UNSET,
        avatar=f"{addresses.base_path(base_path)}/v1/voicebox/profiles/{profile.id}/avatar"
        if profile.avatar
        else UNSET,
    )


def sample_object(sample: Sample) -> dialect.SampleObject:
    """Return a sample as /v1/voicebox shows it."""
    return dialect.SampleObject(
        id=sample.id,
        created_at=int(sample.created),
        seconds=sample.seconds,
        sample_rate=sample.rate,
        media_type=sample.media_type,
        bytes=sample.size,
        sha256=sample.sha256,
        transcript=sample.transcript,
        transcribed_by=sample.transcribed_by or UNSET,
        trimmed=sample.trimmed or UNSET,
        facts=dict(sample.facts),
    )


def pronunciation_bodies(entries: tuple[Entry, ...]) -> tuple[dialect.PronunciationBody, ...]:
    """Return entries of a dictionary as /v1/voicebox shows them."""
    return tuple(dialect.PronunciationBody(entry.word, entry.respelling, entry.ipa) for entry in entries)


def checked_entries(bodies: tuple[dialect.PronunciationBody, ...]) -> tuple[Entry, ...]:
    """Return entries of a dictionary. Raises BadInput."""
    return check([Entry(body.word, body.respelling, body.ipa) for body in bodies])


async def words_of(body: dialect.ProfileBody) -> tuple[Entry, ...]:
    """Return the pronunciations that a body sets, checked beside the event loop. Raises BadInput."""
    bodies = () if body.pronunciations is UNSET else body.pronunciations
    return await asyncio.to_thread(checked_entries, bodies) if bodies else ()


def changed_profile(
    profile: Profile, body: dialect.ProfileBody, engines: EngineSnapshot, words: tuple[Entry, ...] = ()
) -> Profile:
    """Return a profile with what a body sets; `words` are its pronunciations, as `words_of` gives them.

    Raises BadInput where that makes no sense.
    """
    fields: dict[str, Any] = {
        name: value for name in body.__struct_fields__ if (value := getattr(body, name)) is not UNSET
    }
    for name in TEXT_FIELDS:
        if name in fields:
            fields[name] = fields[name].strip()
    if "name" in fields:
        fields["name"] = checked_name(fields["name"])
    if "languages" in fields:
        fields["languages"] = tuple(checked_language(tag, "languages") for tag in fields["languages"])
    if "settings" in fields:
        fields["settings"] = engine_settings.read(fields["settings"])
    if "pronunciations" in fields:
        fields["pronunciations"] = words
    if fields.get("design_script"):
        fields["design_script"] = _checked_script(fields["design_script"])
    after = msgspec.structs.replace(
        profile, **{STORED_NAMES.get(name, name): value for name, value in fields.items()}
    )
    _check_unchangeable(profile, after)
    check_profile(after, engines)
    return after


def check_profile(profile: Profile, engines: EngineSnapshot) -> None:
    """Check that a profile makes sense. Raises BadInput."""
    if profile.voice_type == "preset" and not (profile.preset_engine and profile.preset_voice):
        raise BadInput("A preset voice needs `preset_engine` and `preset_voice_id`.", param="preset_voice_id")
    if profile.voice_type == "designed" and not profile.design_prompt:
        raise BadInput("A designed voice needs a `design_prompt`.", param="design_prompt")
    _check_engines(profile, engines)


def _checked_script(script: str) -> str:
    from voices.authoring import checked_script

    return checked_script(script, "design_script")


def _check_unchangeable(before: Profile, after: Profile) -> None:
    """Check that a voice which has been made stays the same voice. Raises BadInput."""
    if before.samples and after.voice_type != before.voice_type:
        raise BadInput("`voice_type` cannot be changed once there are samples.", param="voice_type")
    was = (before.design_prompt, before.design_script)
    if (
        before.samples
        and before.voice_type == "designed"
        and was != (after.design_prompt, after.design_script)
    ):
        raise BadInput(
            "The voice has been made; it stays the same. Design another one.", param="design_prompt"
        )


def _check_engines(profile: Profile, engines: EngineSnapshot) -> None:
    known = speaking_names(engines.available)
    for param, names in (("engines", profile.engines), ("preset_engine", (profile.preset_engine,))):
        for name in filter(None, names):
            if name not in known:
                raise BadInput(
                    f"There is no engine or model `{name[:100]}` that speaks."
                    f"{did_you_mean(name, known - FAKES)} "
                    "GET /v1/voicebox/models lists the models.",
                    param=param,
                )
    if profile.voice_type == "preset" and profile.preset_engine in engines.infos:
        around = compatibility.AvailableEngines(engines.infos)
        fit = next(fit for fit in compatibility.fits(profile, around) if fit.engine == profile.preset_engine)
        if not fit.can:
            raise BadInput(f"`{fit.engine}` cannot speak this voice: {fit.reason}.", param="preset_voice_id")


def speaking_names(around: compatibility.AvailableEngines) -> set[str]:
    """Return the names of all engines and models that speak, here or not."""
    known = {record.name for record in CATALOGUE if "speech" in record.kinds}
    ready = {name for name, info in around.engines.items() if info.speech}
    return known | ready | {one.name for one in around.absent if one.speaks}


def absent_preset_engine(profile: Profile, engines: EngineSnapshot) -> str:
    """Return why the engine of a preset cannot speak now, and what would change that; empty if it can."""
    absent = (one for one in engines.available.absent if one.name == profile.preset_engine)
    reason = next((one.reason for one in absent), "")
    return f"{profile.preset_engine} cannot be used yet: {reason}" if reason else ""
