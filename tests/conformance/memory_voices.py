"""Voices and consents of the good server, in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from conformance import sound
from conformance.registry import Failed

Refuse = Callable[..., Exception]
Kept = dict[str, Any]
PATH = re.compile(r"/audio/(voices|voice_consents)(?:/([^/]+))?")
OBJECTS = {"voices": "audio.voice", "voice_consents": "audio.voice_consent"}
DELETED = {"voices": "audio.voice.deleted", "voice_consents": "audio.voice_consent"}


class Voices:
    """The stored objects, newest last."""

    def __init__(self, refuse: Refuse) -> None:
        self._refuse = refuse
        self._kept: dict[str, dict[str, Kept]] = {"voices": {}, "voice_consents": {}}

    def has(self, id: str) -> bool:
        """Return whether a voice exists."""
        return id in self._kept["voices"]

    def answer(self, method: str, path: str, query: str, kind: str, body: bytes) -> Kept | None:
        """Answer a request; None when it is about other routes. Raises what `refuse` returns."""
        found = PATH.fullmatch(path)
        if not found or (method, path) == ("GET", "/audio/voices"):
            return None
        stored, id = self._kept[found[1]], found[2]
        if id is None:
            return (
                self._page(stored, parse_qs(query)) if method == "GET" else self._create(found[1], kind, body)
            )
        if id not in stored:
            raise self._refuse(f"There is no {found[1]} '{id}'.", 404)
        if method == "DELETE":
            del stored[id]
            return {"id": id, "deleted": True, "object": DELETED[found[1]]}
        if method == "POST":
            stored[id]["name"] = json.loads(body)["name"]
        return stored[id]

    def _page(self, stored: dict[str, Kept], query: dict[str, list[str]]) -> Kept:
        written = query.get("limit", ["20"])[0]
        if not written.isdigit() or not 1 <= int(written) <= 100:
            raise self._refuse("limit should be from 1 to 100")
        ids = list(stored)[::-1]
        start = ids.index(query["after"][0]) + 1 if "after" in query else 0
        page = [stored[id] for id in ids[start : start + int(written)]]
        ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {}
        return {"object": "list", "data": page, "has_more": len(ids) > start + int(written), **ends}

    def _create(self, name: str, kind: str, body: bytes) -> Kept:
        fields = json.loads(body) if kind.startswith("application/json") else _form(kind, body)
        created = {
            "id": f"{'voice' if name == 'voices' else 'cons'}_{uuid4().hex}",
            "created_at": 1,
            "object": OBJECTS[name],
        }
        created |= self._voice(fields) if name == "voices" else self._consent(fields)
        self._kept[name][str(created["id"])] = created
        return created

    def _consent(self, fields: Kept) -> Kept:
        self._sound(fields, "recording")
        return {"name": self._text(fields, "name"), "language": self._text(fields, "language")}

    def _voice(self, fields: Kept) -> Kept:
        created = {"name": self._text(fields, "name"), "type": fields.get("type", "audio_sample")}
        if created["type"] == "prompt":
            created["prompt"] = self._text(fields, "prompt")
            if "script_hint" in fields:
                self._text(fields, "script_hint")
        elif created["type"] == "audio_sample":
            self._sound(fields, "audio_sample")
            if fields.get("consent") not in self._kept["voice_consents"]:
                raise self._refuse("There is no such consent.", 404)
        else:
            raise self._refuse("type should be audio_sample or prompt")
        return created

    def _text(self, fields: Kept, name: str) -> str:
        if not str(fields.get(name, "")).strip():
            raise self._refuse(f"{name} should not be blank")
        return str(fields[name])

    def _sound(self, fields: Kept, name: str) -> None:
        kind, data = fields.get(name, ("", b""))
        if not kind.startswith("audio/"):
            raise self._refuse(f"{name} should be audio")
        try:
            sound.decode(data, 16_000)
        except Failed:
            raise self._refuse(f"{name} cannot be decoded") from None


def _form(kind: str, body: bytes) -> Kept:
    """Read a form; a part that has a type of its own is a file."""
    edge = re.search(r'boundary="?([^";]+)', kind)
    fields: Kept = {}
    for part in body.split(b"--" + (edge[1].encode() if edge else b"?"))[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name, media = (
            re.search(rb'[; ]name="([^"]*)"', head),
            re.search(rb"(?i)content-type: *([^\r\n]+)", head),
        )
        if name:
            data = value.removesuffix(b"\r\n")
            fields[name[1].decode()] = (media[1].decode(), data) if media else data.decode()
    return fields
