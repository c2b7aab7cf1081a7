"""What a route says of itself for the API's description, beside what its handler's signature says.

Handlers read bodies more forgivingly than a schema can say, and answer in several media types; so both stand
in `Documented`, in the handler's `opt`. Name, group and summary are Litestar's own `operation_id`, `tags` and
`summary`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from engines.errors import SpeechError

DOCUMENTED = "documented"
"""the key in a handler's `opt` under which its `Documented` is"""
JSON_TYPE = "application/json"
FORM_TYPE = "multipart/form-data"
BINARY_TYPE = "application/octet-stream"
TEXT_TYPE = "text/plain"
EVENTS_TYPE = "text/event-stream"
ZIP_TYPE = "application/zip"

Content = type | tuple[type, ...]
"""a Struct, `bytes` or `str`; several are alternatives, or, of an event stream, its events"""

SPEECH_TAG = "Speech"
TRANSCRIPTION_TAG = "Transcription"
MODELS_TAG = "Models"
VOICES_TAG = "Voices"
CONSENTS_TAG = "Voice consents"
PROFILES_TAG = "Profiles"
SAMPLES_TAG = "Samples"
NAMES_TAG = "Names and pronunciations"
FILES_TAG = "Model files"
SERVER_TAG = "Server"
TAGS = {
    SPEECH_TAG: "A text in, audio out.",
    TRANSCRIPTION_TAG: "A recording in, its words out.",
    MODELS_TAG: "The models that requests can name.",
    VOICES_TAG: "The voices that there are, and voices of your own, as OpenAI's SDKs make them.",
    CONSENTS_TAG: "Recordings in which a person agrees to have their voice cloned.",
    PROFILES_TAG: "Voices of your own, with everything that is known of them; export and import.",
    SAMPLES_TAG: "The recordings that a cloned voice is made of.",
    NAMES_TAG: "The engines' voices, further names of voices, and how words are pronounced.",
    FILES_TAG: "Which models are on this machine: pull, load, unload and delete them.",
    SERVER_TAG: "What this server is, whether it can serve, and its metrics.",
}
"""the groups of the description, in their order"""


class Query(msgspec.Struct, frozen=True):
    """A query parameter."""

    name: str
    description: str
    schema: Mapping[str, Any] = {}
    """empty: a string"""


class Documented(msgspec.Struct, frozen=True, kw_only=True):
    """What a route takes and answers."""

    body: Mapping[str, Content] = {}
    """by media type"""
    body_required: bool = True
    answers: Mapping[str, Content] = {}
    """of success, by media type; empty: JSON of what the handler returns"""
    answer_headers: tuple[str, ...] = ()
    """headers beside those that every answer has"""
    unready: type[msgspec.Struct] | None = None
    """what a 503 has for its body, where that is no error"""
    query: tuple[Query, ...] = ()
    raises: tuple[type[SpeechError], ...] = ()
    """errors beside those that every route may answer"""
    is_queued: bool = False
    """it waits for an engine: it takes the headers of priority and deadline"""
    is_file: bool = False
    """it answers a stored file, or the range of it that is asked for"""
    is_counted: bool = False
    """it counts against the caller's limits"""


def page_query(highest: int, default: int) -> tuple[Query, ...]:
    """Return the query parameters of a list that comes in pages of at most `highest`."""
    limit = {"type": "integer", "minimum": 1, "maximum": highest, "default": default}
    return (
        Query("after", "The id of the last that you have: the page behind it."),
        Query("limit", "How many at most.", limit),
    )
