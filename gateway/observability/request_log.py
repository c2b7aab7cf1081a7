"""The log line of a request: filled in while it is handled, written when it has ended."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from typing import Any, Literal, cast

import msgspec
from litestar import Request

SCOPE_KEY = "voicebox.record"
"""where the ASGI scope holds the request's log entry"""
INTERNAL_FIELDS = frozenset({"began", "first_byte", "path", "template", "limits", "queue_seconds"})
"""fields that the line has in another form, or not at all"""
LONGEST_WARNING = 300
CLIENT_CLOSED_REQUEST = 499
"""nginx's status of a request whose client left, which is never sent"""

Outcome = Literal["ok", "refused", "failed", "broken", "client_gone"]


def new_request_id() -> str:
    """Return a new request id in OpenAI's form."""
    return f"req_{uuid.uuid4().hex}"


class RequestLog(msgspec.Struct):
    """The log entry of one request; times are of the monotonic clock, in seconds."""

    method: str
    path: str
    id: str = msgspec.field(default_factory=new_request_id)
    began: float = msgspec.field(default_factory=time.monotonic)
    status: int = 0
    first_byte: float | None = None
    outcome: Outcome = "ok"
    error: str | None = None
    client: str | None = None
    """the caller's address"""
    key: str | None = None
    route: str | None = None
    template: str | None = None
    """the path of the route, with the names of what changes in it"""
    engine: str | None = None
    model: str | None = None
    voice: str | None = None
    voice_type: str | None = None
    """preset, cloned or designed"""
    profile: str | None = None
    """the id of a custom voice"""
    language: str | None = None
    """of the text, where it was asked for or found"""
    format: str | None = None
    characters: int | None = None
    audio_seconds: float | None = None
    queue_seconds: float | None = None
    """from the request to the begin of its first job"""
    batch: bool = False
    underruns: int = 0
    """how often a player would have run dry"""
    retries: list[str] = []
    """why segments were synthesised again"""
    truncations: int = 0
    """segments that came out far too short for their text"""
    ran_away: bool = False
    """whether a segment was stopped, as its audio was far too long for its text"""
    verify: str | None = None
    """the engine by which segments are verified, or "unavailable" and why"""
    verified: dict[str, int] | None = None
    """how many segments were clean, mended, doubtful or unheard"""
    verify_seconds: float = 0.0
    """that transcribing them took"""
    verify_error: str | None = None
    """why the first of the unheard segments was not transcribed"""
    limits: dict[str, str] = {}
    """headers with the caller's limits"""
    ignored: list[str] = []
    """parameters that had no effect"""
    mapped: list[str] = []
    """names for which others were used"""
    advice: str | None = None
    """what would bring what was asked for, where something else was taken for it"""
    text: str | None = None
    warnings: list[str] = []
    """what the caller should know of what was done"""

    def note_choice(self, mapped: Iterable[str], advice: str) -> None:
        """Note which names were not used literally, and what would bring what was asked for."""
        self.mapped = list(mapped)
        self.advice = advice or None
        if advice:
            self.warnings = [*self.warnings, header_sentence(advice)]

    def headers(self) -> dict[str, str]:
        """Return the headers: engine, voice and language, what verifies them, what was ignored or mapped."""
        headers = {
            "x-voicebox-engine": self.engine,
            "x-voicebox-voice": header_safe(self.voice) if self.voice else None,
            "x-voicebox-language": header_safe(self.language) if self.language else None,
            "x-voicebox-verify": header_safe(self.verify) if self.verify else None,
            "x-voicebox-ignored": ", ".join(map(header_safe, self.ignored)),
            "x-voicebox-mapped": ", ".join(map(header_safe, self.mapped)),
        }
        return {name: value for name, value in headers.items() if value}

    def mark_client_gone(self) -> None:
        """Set the outcome of a request whose client left before the end, and, where it got no status, the one
        that proxies use for it.
        """
        self.outcome = "client_gone"
        self.status = self.status or CLIENT_CLOSED_REQUEST

    def line(self) -> dict[str, object]:
        """Return the fields of the log line: those that are set, times in milliseconds."""
        ended = time.monotonic()
        fields: dict[str, object] = {
            name: value
            for name in self.__struct_fields__
            if name not in INTERNAL_FIELDS and (value := getattr(self, name)) not in (None, [], 0)
        }
        fields["route"] = self.route or self.path
        if self.first_byte is not None:
            fields["first_byte_ms"] = round(1000 * (self.first_byte - self.began), 1)
        if self.queue_seconds is not None:
            fields["queue_ms"] = round(1000 * self.queue_seconds, 1)
        fields["total_ms"] = round(1000 * (ended - self.began), 1)
        if self.verify_seconds:
            fields["verify_seconds"] = round(self.verify_seconds, 3)
        if self.audio_seconds:
            fields["audio_seconds"] = round(self.audio_seconds, 3)
        return fields


def header_sentence(value: str) -> str:
    """Return a sentence as it may stand in a header that is no list: printable ASCII, with its commas."""
    kept = "".join(char if char.isascii() and char.isprintable() else "?" for char in value)
    return kept[:LONGEST_WARNING]


def header_safe(value: str, limit: int = 100) -> str:
    """Return a caller's text as it may stand in a header: printable ASCII, no separators, not long."""
    kept = "".join(
        char if char.isascii() and char.isprintable() and char not in '",;' else "?" for char in value
    )
    return kept[:limit]


def log_entry_of(request: Request[Any, Any, Any]) -> RequestLog:
    """Return the log entry of a request."""
    return cast(RequestLog, request.scope[SCOPE_KEY])  # type: ignore[literal-required]
