"""The audit line of a custom voice that speaks."""

from __future__ import annotations

import time

from gateway.observability.request_log import RequestLog
from voices.library import Library
from voices.naming.resolver import Choice
from voices.profile import Audit


async def write_audit(library: Library, choice: Choice, log_entry: RequestLog) -> None:
    """Write that a custom voice is about to speak: before it does, so that nothing is left out.

    Presets, also those that are kept as profiles, have no audit. Raises LibraryFailed.
    """
    profile = choice.profile
    if profile is None or profile.voice_type == "preset":
        return
    opened = await library.open()
    line = Audit(
        time.time(),
        "spoken",
        profile.id,
        log_entry.key or "",
        log_entry.id,
        choice.engine,
        log_entry.characters or 0,
        consent=profile.consent,
    )
    await opened.store.write_audit(line)
