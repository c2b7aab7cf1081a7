"""Warnings of custom voices whose names are those of the server's own voices."""

from __future__ import annotations

from gateway.observability.request_log import RequestLog, header_safe
from gateway.services.container import Services
from gateway.services.engine_snapshot import EngineSnapshot
from voices.profile import NOBODY, Profile


def warn_of_name(
    services: Services, engines: EngineSnapshot, profile: Profile, log_entry: RequestLog
) -> None:
    """Say in the answer and the log that a voice which was made or renamed goes before one of the server's.

    It does so for its owner only; but without a key that is everybody who has none.
    """
    if not engines.resolver.is_taken(profile.name):
        return
    whose = "your requests" if profile.owner != NOBODY else "the requests of every client without a key"
    what = f"{whose} for the voice {profile.name} now get this one instead of the server's own"
    log_entry.warnings.append(header_safe(what, 300))
    services.log.warning(
        "a custom voice has the name of one of the server's", voice=profile.name, profile=profile.id
    )
