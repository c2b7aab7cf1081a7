"""What callers are told about voices that are not there, not theirs, or not free."""

from __future__ import annotations

from engines.errors import BadInput, EngineUnavailable, NotFound, NotYours


class LibraryFailed(EngineUnavailable):
    """Voices of one's own are out of reach."""


class UnknownProfile(NotFound):
    """There is no such voice for this caller."""


class UnknownConsent(NotFound):
    """There is no such consent for this caller."""


class UnknownSample(NotFound):
    """The voice has no such sample."""


class NameTaken(BadInput):
    """Another voice has the name."""


def unknown(id: str) -> UnknownProfile:
    """Say that there is no such voice."""
    return UnknownProfile(f"No voice found with id '{id[:100]}'.", code="voice_not_found")


def unknown_consent(id: str) -> UnknownConsent:
    """Say that there is no such consent."""
    return UnknownConsent(f"No voice consent found with id '{id[:100]}'.", code="voice_consent_not_found")


def unknown_sample(id: str) -> UnknownSample:
    """Say that there is no such sample."""
    return UnknownSample(f"This voice has no sample with id '{id[:100]}'.", code="sample_not_found")


def not_yours() -> NotYours:
    """Say that a voice may be used, not changed."""
    return NotYours("This voice is shared with you; only the key that made it may change it.")


def taken(name: str) -> NameTaken:
    """Say that a name is in use."""
    return NameTaken(f"There is a voice named '{name}' already.", param="name", code="name_taken")
