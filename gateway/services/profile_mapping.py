"""Profiles between their two forms: as they are kept, and as /v1/voicebox has them."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from compat.voicebox import profiles as dialect
from engines.catalogue.engines import CATALOGUE
from engines.errors import BadInput
from gateway.services.container import Services
from voices.naming import compatibility
from voices.profile import Profile, Sample, checked_language, checked_name
from voices.pronunciation import Entry, check

RENAMED = {"preset_voice_id": "preset_voice"}
TEXTS = (
    "description",
    "instructions",
    "design_prompt",
    "model",
    "preset_engine",
    "preset_voice_id",
    "consent",
)


def profile_object(profile: Profile, caller: str) -> dialect.ProfileObject:
    """Give a profile as a caller sees it: who may only use it sees no recordings."""
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
        avatar=f"/v1/voicebox/profiles/{profile.id}/avatar" if profile.avatar else UNSET,
    )


def sample_object(sample: Sample) -> dialect.SampleObject:
    """Give a sample."""
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
    """Give entries of a dictionary."""
    return tuple(dialect.PronunciationBody(entry.word, entry.respelling, entry.ipa) for entry in entries)


def entries(bodies: tuple[dialect.PronunciationBody, ...]) -> tuple[Entry, ...]:
    """Check entries of a dictionary. Raises BadInput."""
    return check([Entry(body.word, body.respelling, body.ipa) for body in bodies])


def changed(profile: Profile, body: dialect.ProfileBody, services: Services) -> Profile:
    """Give a profile with what a body sets. Raises BadInput where that makes no sense."""
    fields: dict[str, Any] = {
        name: value for name in body.__struct_fields__ if (value := getattr(body, name)) is not UNSET
    }
    for name in TEXTS:
        if name in fields:
            fields[name] = fields[name].strip()
    if "name" in fields:
        fields["name"] = checked_name(fields["name"])
    if "languages" in fields:
        fields["languages"] = tuple(checked_language(tag, "languages") for tag in fields["languages"])
    if "pronunciations" in fields:
        fields["pronunciations"] = entries(fields["pronunciations"])
    if fields.get("design_script"):
        fields["design_script"] = _script(fields["design_script"])
    made = msgspec.structs.replace(
        profile, **{RENAMED.get(name, name): value for name, value in fields.items()}
    )
    _check_stays(profile, made)
    check_profile(made, services)
    return made


def check_profile(profile: Profile, services: Services) -> None:
    """Check that a profile makes sense. Raises BadInput."""
    if profile.voice_type == "preset" and not (profile.preset_engine and profile.preset_voice):
        raise BadInput("A preset voice needs `preset_engine` and `preset_voice_id`.", param="preset_voice_id")
    if profile.voice_type == "designed" and not profile.design_prompt:
        raise BadInput("A designed voice needs a `design_prompt`.", param="design_prompt")
    _check_engines(profile, services)


def _script(script: str) -> str:
    from voices.authoring import checked_script

    return checked_script(script, "design_script")


def _check_stays(before: Profile, after: Profile) -> None:
    """Refuse to make another voice of one that has been made. Raises BadInput."""
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


def _check_engines(profile: Profile, services: Services) -> None:
    known = {record.name for record in CATALOGUE if "speech" in record.kinds}
    for param, names in (("engines", profile.engines), ("preset_engine", (profile.preset_engine,))):
        for name in filter(None, names):
            if name not in known:
                raise BadInput(
                    f"There is no engine `{name[:100]}`; there are: {', '.join(sorted(known))}.", param=param
                )
    if profile.voice_type == "preset" and profile.preset_engine in services.infos():
        around = compatibility.AvailableEngines(services.infos())
        fit = next(fit for fit in compatibility.fits(profile, around) if fit.engine == profile.preset_engine)
        if not fit.can:
            raise BadInput(f"`{fit.engine}` cannot speak this voice: {fit.reason}.", param="preset_voice_id")
