"""Errors about voices that do not exist, belong to another caller, or have a name that is taken."""

from __future__ import annotations

from engines.errors import BadInput, EngineUnavailable, Forbidden, NotFound, SpeechError


class LibraryFailed(EngineUnavailable):
    """The library of custom voices cannot be reached."""


class UnknownProfile(NotFound):
    """There is no such voice for this caller."""


class UnknownConsent(NotFound):
    """There is no such consent for this caller."""


class UnknownSample(NotFound):
    """The voice has no such sample."""


class RecordingDamaged(SpeechError):
    """A recording that is kept of a voice can no longer be read."""


class NameTaken(BadInput):
    """Another voice has the name."""


def unknown(id: str, hint: str = "") -> UnknownProfile:
    """Return the error of a voice that does not exist; `hint` is a sentence with a leading space."""
    return UnknownProfile(f"No voice found with id '{id[:100]}'.{hint}", code="voice_not_found")


def unknown_consent(id: str) -> UnknownConsent:
    """Return the error of a consent that does not exist."""
    return UnknownConsent(f"No voice consent found with id '{id[:100]}'.", code="voice_consent_not_found")


def unknown_sample(id: str) -> UnknownSample:
    """Return the error of a sample that does not exist."""
    return UnknownSample(f"This voice has no sample with id '{id[:100]}'.", code="sample_not_found")


def recording_damaged() -> RecordingDamaged:
    """Return the error of a voice whose recording has rotted."""
    return RecordingDamaged(
        "A recording of this voice is damaged and cannot be read. Upload it again.", code="recording_damaged"
    )


def not_yours() -> Forbidden:
    """Return the error of a voice that the caller may use, not change."""
    return Forbidden("This voice is shared with you; only the key that made it may change it.")


def taken(name: str) -> NameTaken:
    """Return the error of a name that another voice has."""
    return NameTaken(f"There is a voice named '{name}' already.", param="name", code="name_taken")
