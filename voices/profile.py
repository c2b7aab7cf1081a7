"""The records of a custom voice: its profile, its samples, the consent behind it, lines of the audit.

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

from engines.api import Settings
from engines.errors import BadInput
from engines.languages import alike, is_tag, read_language
from streaming.formats import TextFormat
from voices.crowded_text import is_crowded
from voices.pronunciation import Entry

VoiceType = Literal["preset", "cloned", "designed"]
VOICE = "voice_"
"""what the ids of profiles begin with"""
CONSENT = "cons_"
SAMPLE = "samp_"
LONGEST_NAME = 100
"""characters"""
LONGEST_LOOKED_UP = 1000
"""characters of what may be a name in another form, longer than that in which it is kept"""
LONGEST_FOLDED = 400
"""some signs stand for whole phrases, which is what they are compared by"""
NOBODY = ""
"""the owner of what was made without a key, and the scope of what all may use"""

Seconds = Annotated[float, Meta(ge=0)]


class Sample(msgspec.Struct, frozen=True, omit_defaults=True):
    """A recording of a voice, and what is known of it. Blobs are keys of the store of recordings."""

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
    """The stored record of a custom voice. Times are seconds since 1970."""

    id: str
    name: str
    voice_type: VoiceType
    owner: str = NOBODY
    """the caller that it belongs to, by the key's name; empty: made without a key, hence everybody's"""
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
    settings: Settings = {}
    """of engines' own, for requests that do not set them; an engine gets those that it has"""
    pronunciations: tuple[Entry, ...] = ()
    text_format: TextFormat | None = None
    """what texts for it are written in, where a request does not say"""
    consent: str = ""
    avatar: str = ""
    """blob"""
    avatar_type: str = ""
    created: float = 0.0
    updated: float = 0.0
    samples: tuple[Sample, ...] = ()

    @property
    def scope(self) -> str:
        """The callers among whom the name is unique: everybody, or its owner alone."""
        return NOBODY if self.shared else self.owner

    def visible(self, caller: str) -> bool:
        """Return whether a caller may use the voice."""
        return self.scope in (NOBODY, caller)

    def editable(self, caller: str) -> bool:
        """Return whether a caller may change the voice."""
        return self.owner in (NOBODY, caller)

    def blobs(self) -> set[str]:
        """Return the keys of all that the voice has in the store of recordings."""
        kept = {blob for sample in self.samples for blob in (sample.original, sample.prepared)}
        return kept | ({self.avatar} if self.avatar else set())


class NameRecords(msgspec.Struct, frozen=True):
    """What is kept under a name, as one caller may see it."""

    exact: Profile | None = None
    """the voice of that id, or that `profile:` and its id or name say"""
    own: Profile | None = None
    """the caller's own voice of that name"""
    shared: Profile | None = None
    """the voice of that name that others share, or that belongs to everybody while the caller has a key"""
    alias: str | None = None
    """where an alias of the caller's own leads"""
    common_alias: str | None = None
    """where an alias leads that was made for everybody, while the caller has a key"""
    words: tuple[Entry, ...] = ()
    """how the caller wants words said"""


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
        """Return whether a caller may see, use and change the consent."""
        return self.owner in (NOBODY, caller)


class Audit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of the audit: what was done with a voice. No names, no texts, no audio."""

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
    """Return a new id that nobody can guess; it begins with `kind`."""
    return kind + secrets.token_hex(12)


def folded(name: str) -> str:
    """Return the form by which names are compared: NFKC, no case, single spaces.

    What is too long or too crowded with marks for a name stays as it is, cut: nothing has that name.
    """
    if len(name) > LONGEST_LOOKED_UP or is_crowded(name):
        return name[: LONGEST_LOOKED_UP + 1]
    return unicodedata.normalize(
        "NFKC", " ".join(unicodedata.normalize("NFKD", name).casefold().split())
    ).casefold()


def checked_name(name: str, param: str = "name") -> str:
    """Return a name in NFC without outer spaces. Raises BadInput where nobody could use it."""
    if len(name) > LONGEST_LOOKED_UP:
        raise BadInput(f"`{param}` has {len(name)} characters; {LONGEST_NAME} are the most.", param=param)
    if is_crowded(name):
        raise BadInput(f"`{param}` has more marks on one letter than any script.", param=param)
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
    """Return the tag of a language: as it was written where that is one, `de` of `German`.

    Raises BadInput where no such language is known.
    """
    found, written = read_language(tag), tag.strip()
    if found is None:
        raise BadInput(f"`{param}` should be a BCP-47 language tag such as 'en-US'.", param=param)
    return written if is_tag(written) and alike(written, found) else found


def now() -> float:
    """Return the seconds since 1970."""
    return time.time()
