"""Models, voices, probes and paths: what clients look at before they ask for anything."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2 as httpx

from conformance import wire
from conformance.context import Context
from conformance.registry import NotOffered, check, expect


@check("models.list", "openai_surface §5.2, quirk 10")
async def models(context: Context) -> str:
    """The model list is OpenAI's, and the strict SDK reads it, sync and async."""
    body = wire.success(await context.http.get(context.url("/models"))).json()
    expect(body.get("object") == "list" and isinstance(body.get("data"), list), f"no list: {str(body)[:100]}")
    for entry in body["data"]:
        right = isinstance(entry.get("created"), int) and isinstance(entry.get("owned_by"), str)
        expect(right and entry.get("object") == "model", f"an entry is {entry}")
    listed = [model.id async for model in context.sdk.models.list()]
    again = await asyncio.to_thread(lambda: [model.id for model in context.sync_sdk.models.list()])
    expect(listed, "the list is empty")
    expect(again == listed and len(set(listed)) == len(listed), f"ids twice, or not the same again: {listed}")
    return f"{len(listed)} models: {', '.join(listed[:5])} …"


@check("models.retrieve", "openai_surface §5.2, quirk 10")
async def retrieve(context: Context) -> str:
    """Each listed model is found by its id, with slashes as they are and encoded, and so are the names in
    use.
    """
    listed = [model.id async for model in context.sdk.models.list()]
    slashed = [name for name in listed if "/" in name]
    for name in [*listed[:10], *slashed[:3], context.target.tts_model, context.target.stt_model]:
        found = await context.sdk.models.retrieve(name)
        expect(found.id == name, f"{name} is answered with {found.id}")
    for name in slashed[:3]:
        wire.success(await context.http.get(context.url(f"/models/{name}")))
    return f"{len(listed[:10])} models, {len(slashed)} of all with slashes"


@check("models.audio", "quirk 10")
async def audio_models(context: Context) -> str:
    """/v1/audio/models, where it is, lists models as Open WebUI reads them."""
    body = wire.offered(await context.http.get(context.url("/audio/models")), 404).json()
    found = body.get("models")
    right = isinstance(found, list) and found and all(isinstance(entry.get("id"), str) for entry in found)
    expect(right, f"no `models` with ids: {str(body)[:100]}")
    return f"{len(found)} models"


@check("models.unknown", "openai_surface §1.4")
async def unknown_model(context: Context) -> str:
    """An unknown model is a 404, model_not_found, param model; so is one with slashes."""
    for name in ("no-such-model-17", "org%2Fno-such-model-17", "org/no-such-model-17"):
        error = wire.error(await context.http.get(context.url(f"/models/{name}")), 404)
        expect((error["code"], error["param"]) == ("model_not_found", "model"), f"{name}: {error}")
    return str(error["message"])


@check("voices.list", "quirk 9")
async def voices(context: Context) -> str:
    """The voice list, an extension, has string `id` and `name` in each entry, under `voices` or `data`."""
    answer = wire.offered(await context.http.get(context.url("/audio/voices")), 404)
    body: Any = answer.json()
    found: Any = (body.get("voices") or body.get("data")) if isinstance(body, dict) else body
    expect(isinstance(found, list) and found, f"no list: {str(body)[:100]}")
    for voice in found:
        right = (
            isinstance(voice, dict)
            and isinstance(voice.get("id"), str)
            and isinstance(voice.get("name"), str)
        )
        expect(right, f"an entry without id or name: {str(voice)[:100]}")
    expect(len({voice["id"] for voice in found}) == len(found), "two entries share an id")
    return f"{len(found)} voices"


@check("voices.usable", "quirk 9")
async def usable_voices(context: Context) -> str:
    """What the list gives as `id` and as `name` can be sent back as a voice."""
    answer = wire.offered(await context.http.get(context.url("/audio/voices")), 404)
    found = answer.json().get("voices") or answer.json()["data"]
    for voice in (found[0], found[len(found) // 2], found[-1]):
        for name in {voice["id"], voice["name"]}:
            wire.success(await context.speak(voice=name, input="One."))
    return f"{found[0]['id']}, {found[-1]['id']}"


@check("probes.wyoming", "quirk 24")
async def wyoming(context: Context) -> str:
    """The probes of Home Assistant's bridge do not take the server for another: /v1/readyz, /health,
    /v1/test.
    """
    ready = await context.http.get(context.url("/readyz"))
    health = await context.http.get(f"{context.target.root}/health")
    expect(
        ready.status_code != 200,
        "/v1/readyz is 200: taken for LocalAI, which wants the model's name as voice",
    )
    expect(health.text.strip() != "OK", "/health is exactly OK: taken for Speaches")
    test = await context.http.get(context.url("/test"))
    if test.status_code == 404:
        raise NotOffered("/v1/test is not there, so the bridge offers OpenAI's thirteen voices")
    expect(test.json() == {"status": "ok"}, f"/v1/test says {test.text[:60]}")
    return "taken for a server with a voice list"


@check("probes.health", "clients")
async def health(context: Context) -> str:
    """/health, /livez and /readyz answer."""
    statuses = {
        name: (await context.http.get(f"{context.target.root}/{name}")).status_code
        for name in ("health", "livez", "readyz")
    }
    if set(statuses.values()) == {404}:
        raise NotOffered("none of them is there")
    expect(statuses["health"] == 200, f"{statuses}")
    return str(statuses)


@check("paths.v1", "quirk 23")
async def paths(context: Context) -> str:
    """Paths work as bases are typed: with and without /v1, with it twice, with a slash at the end."""
    root = context.target.root
    seen: dict[str, int] = {}
    for path in ("/v1/models", "/models", "/v1/v1/models", "/v1/models/"):
        seen[path] = (await context.http.get(f"{root}{path}")).status_code
    if seen["/v1/models"] == 200 and set(list(seen.values())[1:3]) == {404}:
        raise NotOffered(f"only /v1 is served: {seen}")
    expect(set(seen.values()) == {200}, str(seen))
    return "all 200"


@check("paths.speech", "quirk 23")
async def speech_paths(context: Context) -> str:
    """So do the paths that are posted to."""
    seen = {}
    for path in ("/v1/audio/speech", "/audio/speech", "/v1/v1/audio/speech", "/v1/audio/speech/"):
        answer = await context.http.post(
            f"{context.target.root}{path}", json=context.speech_body(input="Hi.")
        )
        seen[path] = answer.status_code
    if seen["/v1/audio/speech"] == 200 and set(list(seen.values())[1:3]) == {404}:
        raise NotOffered(f"only /v1 is served: {seen}")
    expect(set(seen.values()) == {200}, str(seen))
    return "all 200"


@check("paths.options", "quirk 22")
async def options(context: Context) -> str:
    """OPTIONS is answered, needs no key and is never a server error; a refusal is in the envelope."""
    async with httpx.AsyncClient(timeout=context.target.timeout) as client:
        answer = await client.options(
            context.url("/audio/speech"), headers={"access-control-request-method": "POST"}
        )
    if answer.status_code >= 300:
        wire.error(answer, 400, 403, 404, 405)
    return f"{answer.status_code}, allow {answer.headers.get('allow', 'not said')}"


@check("paths.roots", "quirk 23")
async def roots(context: Context) -> str:
    """GET of the roots is cheap and no server error: clients warm up there."""
    statuses = [
        (await context.http.get(url)).status_code
        for url in (f"{context.target.root}/", f"{context.target.base_url}/")
    ]
    expect(max(statuses) < 500, f"{statuses}")
    return str(statuses)


@check("paths.head", "quirk 29")
async def head(context: Context) -> str:
    """HEAD of the model list answers as GET does, without a body, or is refused as a method."""
    answer: httpx.Response = await context.http.head(context.url("/models"))
    expect(answer.status_code in (200, 405), f"status {answer.status_code}")
    expect(not answer.content, "it has a body")
    return str(answer.status_code)


@check("openapi", "clients")
async def openapi(context: Context) -> str:
    """An OpenAPI document describes the routes."""
    for path in ("/schema/openapi.json", "/openapi.json", "/swagger/doc.json"):
        answer = await context.http.get(f"{context.target.root}{path}")
        if answer.status_code == 200 and "paths" in answer.json():
            expect(
                any("audio/speech" in route for route in answer.json()["paths"]),
                "it does not know /audio/speech",
            )
            return path
    raise NotOffered("no document at the usual places")
