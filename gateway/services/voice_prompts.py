"""Voice prompts: a custom voice in its engine's computed form, made when it is first needed and then kept."""

from __future__ import annotations

from engines.api import BYTES_PER_SAMPLE, CloningCapabilities, EngineInfo, Prompt, PromptJob, Sample
from engines.errors import EngineUnavailable, NotFound, Unsupported
from engines.fleet.streams import RequestTerms
from gateway.services import sample_transcripts, voice_design
from gateway.services.container import Services
from gateway.services.engine_snapshot import EngineSnapshot
from gateway.services.sample_audio import sample_pcm
from voices.naming.resolver import Choice
from voices.profile import Profile


async def voice_prompt(
    services: Services, engines: EngineSnapshot, choice: Choice, terms: RequestTerms
) -> Prompt | None:
    """Return the voice's prompt, made now if need be; None for a preset. Raises what the engine raises."""
    profile = choice.profile
    info = engines.infos.get(choice.engine)
    if profile is None or profile.voice_type == "preset":
        return None
    from voices import prompts

    cloning = info.speech.cloning if info and info.speech else None
    if info is None or cloning is None:
        raise EngineUnavailable(f"The engine `{choice.engine}` is not ready any more.")
    await _check_consent(services, profile)
    # Others will use what is made here, so this request's deadline is not that of the work.
    terms = RequestTerms(terms.caller, terms.batch)
    profile = await voice_design.ensure_reference(services, engines, profile, terms)
    engines = services.engine_snapshot()  # anew: a design may have taken minutes
    if cloning.transcript == "needed" or (
        cloning.transcript == "helps" and sample_transcripts.find_transcriber(engines, profile)
    ):
        profile = await sample_transcripts.with_transcripts(services, engines, profile, terms)
    model = choice.model or info.models[0]
    opened = await services.library.open()
    return await opened.prompts.get(
        prompts.path(profile, info, model),
        lambda: _create_prompt(services, profile, info, cloning, model, terms),
    )


async def _check_consent(services: Services, profile: Profile) -> None:
    """Check that a voice which needs a consent still has it, where the settings demand one. Raises
    Unsupported.
    """
    if not services.settings.voices.require_consent or profile.voice_type != "cloned":
        return
    try:
        await (await services.library.open()).consents.get(profile.consent, profile.owner)
    except NotFound as exc:
        raise Unsupported(
            f"There is no consent for the voice '{profile.name}' any more, "
            "and this server clones none without.",
            param="voice",
            code="consent_missing",
        ) from exc


async def _create_prompt(
    services: Services,
    profile: Profile,
    info: EngineInfo,
    cloning: CloningCapabilities,
    model: str,
    terms: RequestTerms,
) -> Prompt:
    """Have the engine make a prompt of as many seconds of the voice's samples as it uses.

    A sample that would be too long is cut; where its words belong to it, it is left out instead, unless it is
    the only one, which the engine refuses with the figure.
    """
    samples: list[Sample] = []
    seconds_left = cloning.longest
    for sample in profile.samples:
        if seconds_left <= 0:
            break
        pcm = await sample_pcm(services, sample, cloning.sample_rate)
        if cloning.transcript == "no":
            pcm = pcm[: BYTES_PER_SAMPLE * round(seconds_left * cloning.sample_rate)]
        elif sample.seconds > seconds_left and samples:
            continue
        samples.append(Sample(pcm, sample.transcript))
        seconds_left -= sample.seconds
    job = PromptJob(tuple(samples), model, profile.languages[0] if profile.languages else None)
    async with services.engines.pool(info.name).open(terms) as stream:
        return await stream.create_prompt(job, cloning.sample_rate)
