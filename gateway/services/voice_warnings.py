"""Warnings of what a custom voice that was made or renamed means for requests."""

from __future__ import annotations

from gateway.observability.request_log import RequestLog, header_sentence
from gateway.services.container import Services
from gateway.services.engine_snapshot import EngineSnapshot
from gateway.services.profile_mapping import absent_preset_engine
from voices.profile import NOBODY, Profile


def warn_of_voice(
    services: Services, engines: EngineSnapshot, profile: Profile, log_entry: RequestLog
) -> None:
    """Say in the answer, and of names in the log, what is to be known of a voice that was made or renamed.

    It may go before one of the server's: for its owner only, but without a key that is everybody who has
    none. Or its engine is not here.
    """
    if absent := absent_preset_engine(profile, engines):
        log_entry.warnings.append(header_sentence(absent))
    if not engines.resolver.is_taken(profile.name):
        return
    whose = "your requests" if profile.owner != NOBODY else "the requests of every client without a key"
    what = f"{whose} for the voice {profile.name} now get this one instead of the server's own"
    log_entry.warnings.append(header_sentence(what))
    services.log.warning(
        "a custom voice has the name of one of the server's", voice=profile.name, profile=profile.id
    )
