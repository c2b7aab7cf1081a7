"""What a voice of one's own is: a profile, its samples, the consent behind it.

Everything here is kept as it is written: a field that is added later has a default, so that what was kept
before can be read.
"""

from __future__ import annotations

import secrets
import time
import unicodedata
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engines.errors import BadInput
from engines.languages import is_tag
from voices.pronunciation import Entry

VoiceType = Literal["preset", "cloned", "designed"]
VOICE, CONSENT, SAMPLE = "voice_", "cons_", "samp_"
LONGEST_NAME = 100
LONGEST_FOLDED = 400
"""some signs stand for whole phrases, which is what they are compared by"""
NOBODY = ""
"""the owner of what was made without a key, and the scope of what all may use"""

Seconds = Annotated[float, Meta(ge=0)]


class Sample(msgspec.Struct, frozen=True, omit_defaults=True):
    """A recording of a voice: where it lies, and what is known of it. Blobs are keys of the store of audio."""

    id: str
    original: str
    """blob: as it was uploaded"""
    prepared: str
    """blob: a WAV, mono, trimmed and of even loudness"""
    sha256: str
    """of the original"""
    seconds: float
    """of the prepared recording"""
    rate: int
    """Hertz, of the prepared recording"""
    media_type: str = "application/octet-stream"
    """of the original, as its content tells"""
    size: int = 0
    """bytes of the original"""
    transcript: str = ""
    transcribed_by: str = ""
    """the engine that wrote the transcript; empty: people did, or there is none"""
    trimmed: tuple[float, float | None] | None = None
    """the part of the original that is used, where it was cut by hand; seconds"""
    facts: dict[str, float | int | str] = {}
    """what its preparation measured"""
    created: float = 0.0


class Profile(msgspec.Struct, frozen=True, omit_defaults=True):
    """A voice. Times are seconds since 1970."""

    id: str
    name: str
    voice_type: VoiceType
    owner: str = NOBODY
    """the key whose it is, by name; empty: made without a key, hence everybody's"""
    shared: bool = False
    """other keys may use it too"""
    languages: tuple[str, ...] = ()
    description: str = ""
    engines: tuple[str, ...] = ()
    """the engines that may speak it; empty: all that can"""
    preset_engine: str = ""
    preset_voice: str = ""
    design_prompt: str = ""
    design_script: str = ""
    """what the design engine speaks to make the reference"""
    designed_by: str = ""
    """the engine that made the reference"""
    model: str = ""
    speed: float | None = None
    instructions: str = ""
    pronunciations: tuple[Entry, ...] = ()
    consent: str = ""
    avatar: str = ""
    """blob"""
    avatar_type: str = ""
    created: float = 0.0
    updated: float = 0.0
    samples: tuple[Sample, ...] = ()

    @property
    def scope(self) -> str:
        """Say among whom the name is taken: everybody, or its owner alone."""
        return NOBODY if self.shared else self.owner

    def visible(self, caller: str) -> bool:
        """Tell whether a key may use it."""
        return self.scope in (NOBODY, caller)

    def editable(self, caller: str) -> bool:
        """Tell whether a key may change it."""
        return self.owner in (NOBODY, caller)

    def blobs(self) -> set[str]:
        """Name all that it keeps in the store of audio."""
        kept = {blob for sample in self.samples for blob in (sample.original, sample.prepared)}
        return kept | ({self.avatar} if self.avatar else set())


class Consent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A recording in which a person agrees to have their voice cloned."""

    id: str
    name: str
    language: str
    recording: str
    """blob"""
    sha256: str
    media_type: str = "application/octet-stream"
    size: int = 0
    seconds: float = 0.0
    owner: str = NOBODY
    created: float = 0.0

    def visible(self, caller: str) -> bool:
        """Tell whether a key may see, use and change it."""
        return self.owner in (NOBODY, caller)


class Audit(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was done with a voice: no names, no texts, no audio."""

    time: float
    event: str
    """created, changed, deleted, exported, imported, spoken"""
    profile: str
    key: str = ""
    request: str = ""
    engine: str = ""
    characters: int = 0
    seconds: float = 0.0
    consent: str = ""


def new_id(kind: str) -> str:
    """Make an id that nobody can guess."""
    return kind + secrets.token_hex(12)


def folded(name: str) -> str:
    """Give what two names share that are the same to people: NFKC, no case, single spaces."""
    return unicodedata.normalize(
        "NFKC", " ".join(unicodedata.normalize("NFKD", name).casefold().split())
    ).casefold()


def checked_name(name: str, param: str = "name") -> str:
    """Trim a name. Raises BadInput where nobody could use it."""
    name = unicodedata.normalize("NFC", name).strip()
    if not name:
        raise BadInput(f"`{param}` must not be blank.", param=param)
    if len(name) > LONGEST_NAME:
        raise BadInput(f"`{param}` has {len(name)} characters; {LONGEST_NAME} are the most.", param=param)
    if len(folded(name)) > LONGEST_FOLDED or not name.isprintable():
        raise BadInput(f"`{param}` should have printable characters only.", param=param)
    if name.casefold().startswith((VOICE, "profile:")):
        raise BadInput(f"`{param}` must not begin with '{VOICE}' or 'profile:': ids do.", param=param)
    return name


def checked_language(tag: str, param: str = "language") -> str:
    """Check the shape of a BCP-47 tag. Raises BadInput."""
    if not is_tag(tag.strip()):
        raise BadInput(f"`{param}` should be a BCP-47 language tag such as 'en-US'.", param=param)
    return tag.strip()


def now() -> float:
    """Give the time in seconds since 1970."""
    return time.time()
