"""Custom voices and the consents behind them, as `client.audio.voices` and
`client.audio.voice_consents` have them.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2 as httpx
import openai
from openai.types.audio import Voice, VoiceConsent

from conformance import wire
from conformance.context import Context
from conformance.registry import Failed, NotOffered, check, expect

CLAUSE = "openai_surface §5.1"
ABSENT = (403, 404, 405, 501)
LARGEST = 10 * 1024 * 1024
ATTEMPTS = 6


def _name() -> str:
    return f"conformance {uuid.uuid4().hex[:12]}"


@asynccontextmanager
async def _consent(context: Context) -> AsyncIterator[VoiceConsent]:
    """Have a consent for a while. Raises NotOffered where there are none."""
    recording = ("consent.flac", context.target.audio.read_bytes(), "audio/flac")
    try:
        made = await context.sdk.audio.voice_consents.create(
            name=_name(), language="en-US", recording=recording
        )
    except openai.APIStatusError as exc:
        if exc.status_code in ABSENT:
            raise NotOffered(f"{exc.status_code}: {exc.message[:120]}") from exc
        raise
    try:
        yield made
    finally:
        with suppress(openai.APIStatusError):
            await context.sdk.audio.voice_consents.delete(made.id)


@asynccontextmanager
async def _voice(context: Context) -> AsyncIterator[Voice]:
    """Have a cloned voice for a while."""
    sample = ("sample.flac", context.target.audio.read_bytes(), "audio/flac")
    async with _consent(context) as consent:
        made = await context.sdk.audio.voices.create(name=_name(), audio_sample=sample, consent=consent.id)
        try:
            yield made
        finally:
            with suppress(openai.APIStatusError):
                await context.sdk.audio.voices.delete(made.id)


@check("voices.consents.lifecycle", CLAUSE)
async def consents(context: Context) -> str:
    """A consent is created, retrieved, renamed and deleted, and then it is not there."""
    api = context.sdk.audio.voice_consents
    async with _consent(context) as made:
        expect(
            made.id.startswith("cons_") and made.object == "audio.voice_consent", f"{made.id}, {made.object}"
        )
        renamed = await api.update(made.id, name="another name")
        found = await api.retrieve(made.id)
        expect(
            (renamed.name, found.name) == ("another name", "another name"),
            f"renamed: {renamed.name}, then: {found.name}",
        )
        expect(found.language == "en-US" and found.created_at == made.created_at, f"{found}")
        deleted = await api.delete(made.id)
        expect(deleted.deleted and deleted.object == "audio.voice_consent", f"deleted: {deleted}")
        return await _missing(context, "GET", f"/audio/voice_consents/{made.id}")


@check("voices.consents.pages", CLAUSE)
async def pages(context: Context) -> str:
    """The list comes in pages that follow each other without a gap, each consent once."""
    async with _consent(context) as one, _consent(context) as two, _consent(context) as three:
        seen = await _listed(context)
        expect(len(seen) == len(set(seen)), "a consent is there twice")
        lost = {one.id, two.id, three.id} - set(seen)
        expect(not lost, f"not in the list: {', '.join(lost)}")
        body = (await context.http.get(context.url("/audio/voice_consents"), params={"limit": 2})).json()
        expect(body["has_more"] is True and len(body["data"]) == 2, f"limit=2: {str(body)[:150]}")
        ends = (body["data"][0]["id"], body["data"][-1]["id"])
        expect(
            (body["first_id"], body["last_id"]) == ends,
            f"first_id and last_id are {body['first_id']}, {body['last_id']}",
        )
    return f"{len(seen)} consents"


async def _listed(context: Context) -> list[str]:
    """Return the ids on all pages of one consent each; again when others delete what a page follows."""
    for _ in range(ATTEMPTS):
        with suppress(openai.NotFoundError):
            return [consent.id async for consent in context.sdk.audio.voice_consents.list(limit=1)]
    raise Failed("in each of several tries a page's last consent was gone before the next was asked for")


@check("voices.consents.errors", CLAUSE)
async def consent_errors(context: Context) -> str:
    """What is wrong with a consent is a 400, what is not there a 404."""
    async with _consent(context):
        url = context.url("/audio/voice_consents")
        for limit in ("0", "101", "many"):
            wire.error(await context.http.get(url, params={"limit": limit}), 400)
        clip = context.target.audio.read_bytes()
        wrong: list[dict[str, Any]] = [
            {"data": {"name": "x", "language": "en-US"}},
            {"data": {"language": "en-US"}, "files": {"recording": ("a.flac", clip, "audio/flac")}},
            {"data": {"name": "x"}, "files": {"recording": ("a.flac", clip, "audio/flac")}},
            {
                "data": {"name": "x", "language": "en-US"},
                "files": {"recording": ("a.txt", clip, "text/plain")},
            },
            {
                "data": {"name": "x", "language": "en-US"},
                "files": {"recording": ("a.flac", b"no audio", "audio/flac")},
            },
        ]
        for fields in wrong:
            wire.error(await context.http.post(url, **fields), 400)
        return await _missing(context, "GET", "/audio/voice_consents/cons_nosuchconsent")


@check("voices.sample", CLAUSE)
async def from_sample(context: Context) -> str:
    """A voice is made of a sample and a consent, listed, and deleted; deleting it again is a 404."""
    async with _voice(context) as made:
        expect(made.id.startswith("voice_") and made.object == "audio.voice", f"{made.id}, {made.object}")
        expect(made.type == "audio_sample" and made.prompt is None, f"type {made.type}, prompt {made.prompt}")
        deleted = await context.sdk.audio.voices.delete(made.id)
        expect(deleted.deleted and deleted.object == "audio.voice.deleted", f"deleted: {deleted}")
        return await _missing(context, "DELETE", f"/audio/voices/{made.id}")


@check("voices.prompt", CLAUSE)
async def from_prompt(context: Context) -> str:
    """A voice is made of a description, sent as a form and as JSON."""
    async with _consent(context):
        api, prompt = context.sdk.audio.voices, "A calm elderly man with a deep voice."
        form = await api.create(name=_name(), type="prompt", prompt=prompt)
        fields = {
            "name": _name(),
            "type": "prompt",
            "prompt": prompt,
            "script_hint": "It was a dark and stormy night, they say.",
        }
        body = wire.success(await context.http.post(context.url("/audio/voices"), json=fields)).json()
        await api.delete(form.id)
        await api.delete(body["id"])
        expect((form.type, form.prompt) == ("prompt", prompt), f"{form}")
        expect((body["type"], body["prompt"], body["object"]) == ("prompt", prompt, "audio.voice"), f"{body}")
    return form.id


@check("voices.errors", CLAUSE)
async def voice_errors(context: Context) -> str:
    """What is wrong with a voice is a 400 in the envelope, an unknown consent a 400 or 404, too large a file
    a 400 or 413.
    """
    url, clip = context.url("/audio/voices"), context.target.audio.read_bytes()
    async with _consent(context) as consent:
        wrong: list[dict[str, Any]] = [
            {
                "data": {"name": _name(), "consent": consent.id},
                "files": {"audio_sample": ("a.flac", b"no audio", "audio/flac")},
            },
            {
                "data": {"name": _name(), "consent": consent.id},
                "files": {"audio_sample": ("a.txt", clip, "text/plain")},
            },
            {"data": {"consent": consent.id}, "files": {"audio_sample": ("a.flac", clip, "audio/flac")}},
            {"json": {"name": _name(), "type": "prompt"}},
            {"json": {"name": _name(), "type": "prompt", "prompt": "  "}},
            {"json": {"name": _name(), "type": "prompt", "prompt": "deep", "script_hint": " "}},
            {"json": {"name": _name(), "type": "portrait", "prompt": "deep"}},
        ]
        for fields in wrong:
            message = wire.error(await context.http.post(url, **fields), 400)["message"]
        sample = ("a.flac", clip, "audio/flac")
        unknown = {"name": _name(), "consent": "cons_nosuchconsent"}
        wire.error(await context.http.post(url, data=unknown, files={"audio_sample": sample}), 400, 404)
        large = ("a.flac", clip + bytes(LARGEST), "audio/flac")
        fields = {"name": _name(), "consent": consent.id}
        wire.error(await context.http.post(url, data=fields, files={"audio_sample": large}), 400, 413)
    return str(message)[:100]


@check("voices.speak", "openai_surface §2.1, §5.1")
async def speak(context: Context) -> str:
    """A voice that was made speaks as `voice: {"id": …}`; where no engine can, the error says so."""
    async with _voice(context) as made:
        answer: httpx.Response = await context.speak(voice={"id": made.id})
        if answer.status_code == 400:
            message = str(wire.error(answer, 400)["message"])
            expect(
                "voice" in message.lower(),
                f"the message does not say that it is about the voice: {message[:100]}",
            )
            raise NotOffered(message[:150])
        return f"{len(wire.success(answer).content)} bytes"


async def _missing(context: Context, method: str, path: str) -> str:
    """Ask for what is not there."""
    return str(wire.error(await context.http.request(method, context.url(path)), 404)["message"])[:100]
