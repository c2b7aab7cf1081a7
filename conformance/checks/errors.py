"""Errors: OpenAI's envelope, statuses and codes, and the exceptions its SDK makes of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import msgspec
import openai

from conformance import wire
from conformance.context import Context
from conformance.registry import Failed, NotOffered, Run, check, expect


class Case(msgspec.Struct, frozen=True):
    """A speech request that must be refused, and how."""

    fields: dict[str, Any]
    promise: str
    names: str
    """what the message or param has to name"""
    status: int = 400
    code: str | None = None
    param: str | None = None


SPEECH = {
    "model_missing": Case({"model": None}, "A request without a model is a 400.", "model"),
    "model_unknown": Case(
        {"model": "no-such-model-17"},
        "An unknown model is a 404, model_not_found.",
        "no-such-model-17",
        404,
        "model_not_found",
    ),
    "input_missing": Case({"input": None}, "A request without input is a 400 that names it.", "input"),
    "input_empty": Case({"input": ""}, "Empty input is a 400 that names it.", "input"),
    "input_number": Case({"input": 17}, "Input that is no string is a 400 that names it.", "input"),
    "format_unknown": Case(
        {"response_format": "midi"},
        "An unknown format is a 400, unsupported_value, and param says which.",
        "response_format",
        code="unsupported_value",
        param="response_format",
    ),
    "speed_word": Case({"speed": "fast"}, "A speed that is no number is a 400 that names it.", "speed"),
    "stream_format": Case(
        {"stream_format": "smoke"}, "An unknown stream_format is a 400 that names it.", "stream_format"
    ),
}


def _speech(case: Case) -> Run:
    async def run(context: Context) -> str:
        error = wire.error(await context.speak(**case.fields), case.status)
        expect(error["type"] == "invalid_request_error", f"type {error['type']!r}")
        expect(error["code"] == case.code, f"code {error['code']!r}, not {case.code!r}")
        expect(error["param"] == case.param, f"param {error['param']!r}, not {case.param!r}")
        expect(
            case.names in error["message"] or case.names == error["param"],
            f"it does not name {case.names}: {error}",
        )
        return str(error["message"])[:100]

    run.__doc__ = case.promise
    return run


for _name, _case in SPEECH.items():
    check(f"errors.speech.{_name}", "openai_surface §1.4")(_speech(_case))


BODIES = {
    "cut off": b'{"model": ',
    "empty": b"",
    "a list": b"[1, 2]",
    "a string": b'"tts-1"',
    "no UTF-8": b'{"model": "\xff\xfe"}',
}


@check("errors.json", "openai_surface §1.4")
async def bad_json(context: Context) -> str:
    """A body that is no JSON, or no object, is a 400."""
    for what, body in BODIES.items():
        answer = await wire.posted(context, body, "application/json")
        expect(answer.status_code == 400, f"{what}: {answer.status_code} {answer.text[:80]}")
        message = wire.error(answer, 400)["message"]
    return str(message)[:100]


@check("errors.form", "openai_surface §1.4")
async def bad_form(context: Context) -> str:
    """An upload that is no form, or a broken one, is a 400 or 415 in the envelope."""
    multipart = "multipart/form-data"
    part = b'--edge\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
    for kind, body in (
        (multipart, part),
        (f"{multipart}; boundary=edge", b""),
        (f"{multipart}; boundary=edge", b"nothing"),
        ("text/plain", b"nothing"),
        ("application/json", b"{"),
    ):
        wire.error(await wire.posted(context, body, kind, "/audio/transcriptions"), 400, 415)
    return "five of them"


@check("errors.route", "openai_surface §1.4")
async def unknown_route(context: Context) -> str:
    """An unknown route is a 404 in the envelope, whatever the method."""
    for method, path in (
        ("GET", "/no/such/route"),
        ("POST", "/audio/no-such-route"),
        ("DELETE", "/files/file-17"),
    ):
        error = wire.error(await context.http.request(method, context.url(path)), 404)
        expect(error["type"] == "invalid_request_error", f"type {error['type']!r}")
    return str(error["message"])[:100]


@check("errors.method", "openai_surface §1.4")
async def wrong_method(context: Context) -> str:
    """A wrong method is a 405 in the envelope."""
    for method, path in (
        ("GET", "/audio/speech"),
        ("GET", "/audio/transcriptions"),
        ("PUT", "/audio/speech"),
        ("POST", "/models"),
    ):
        error = wire.error(await context.http.request(method, context.url(path)), 405)
        expect(error["type"] == "invalid_request_error", f"type {error['type']!r}")
    return str(error["message"])[:100]


@check("errors.realtime", "quirk 27")
async def realtime(context: Context) -> str:
    """Where there is no realtime API, its address is a plain error in the envelope."""
    answer = await context.http.get(context.url("/realtime"), params={"intent": "transcription"})
    raise NotOffered(f"{answer.status_code}: {wire.error(answer, 400, 404, 426)['message'][:80]}")


@check("errors.too_large", "openai_surface §1.4, trap 30")
async def too_large(context: Context) -> str:
    """A body far beyond any limit is refused in the envelope, and the client hears it."""

    async def body() -> AsyncIterator[bytes]:
        yield b'{"model":"tts-1","voice":"alloy","input":"'
        for _ in range(100):
            yield b"a" * 100_000
        yield b'"}'

    try:
        answer = await context.http.post(context.url("/audio/speech"), content=body())
    except httpx.TransportError as exc:
        raise Failed(f"the connection broke instead: {exc!r}") from exc
    return f"{answer.status_code}: {wire.error(answer, 400, 413)['message'][:80]}"


@check("errors.request_id", "openai_surface §1.2")
async def request_id(context: Context) -> str:
    """Every answer has an x-request-id of its own: audio, events, transcripts, lists, mistakes, unknown
    routes, wrong methods.
    """
    answers = {
        "speech": await context.speak(input="Hi."),
        "events": await context.speak(input="Hi.", stream_format="sse", model=context.target.event_tts_model),
        "transcript": await context.transcribe(context.target.audio.read_bytes()),
        "list": await context.http.get(context.url("/models")),
        "400": await context.speak(input=""),
        "404 model": await context.speak(model="no-such-model-17"),
        "404 route": await context.http.get(context.url("/no/such/route")),
        "405": await context.http.get(context.url("/audio/speech")),
    }
    ids = {what: answer.headers.get("x-request-id") for what, answer in answers.items()}
    expect(all(ids.values()), f"missing on {[what for what, one in ids.items() if not one]}")
    expect(len(set(ids.values())) == len(ids), "two answers share an id")
    return str(ids["speech"])


@check("errors.sdk", "openai_surface §1.3")
async def sdk_exceptions(context: Context) -> str:
    """The SDK, sync and async, raises the exceptions that it raises against OpenAI."""
    speech, target, spoken = context.sdk.audio.speech, context.target, context.sync_sdk.audio.speech
    unknown = {"model": "no-such-model-17", "voice": target.voice, "input": "x"}
    empty = {"model": target.tts_model, "voice": target.voice, "input": ""}
    await _raises(openai.NotFoundError, speech.create(**unknown))  # type: ignore[arg-type]
    await _raises(openai.BadRequestError, speech.create(**empty))  # type: ignore[arg-type]
    await _raises(openai.NotFoundError, asyncio.to_thread(spoken.create, **unknown))  # type: ignore[arg-type]
    await _raises(openai.BadRequestError, asyncio.to_thread(spoken.create, **empty))  # type: ignore[arg-type]
    await _raises(openai.NotFoundError, context.sdk.models.retrieve("no-such-model-17"))
    listen = context.sdk.audio.transcriptions.create(model=target.stt_model, file=("x.wav", b"no sound"))
    await _raises(openai.BadRequestError, listen)
    exc = await _raises(openai.APIStatusError, context.sdk.get("/audio/speech", cast_to=httpx.Response))
    expect(exc.status_code == 405, f"status {exc.status_code} for a wrong method")
    return "NotFoundError, BadRequestError, APIStatusError"


async def _raises(kind: type[openai.APIStatusError], call: Any) -> openai.APIStatusError:  # noqa: ANN401 - any awaitable
    try:
        await call
    except kind as exc:
        expect(exc.request_id, f"no request id in the {kind.__name__}")
        expect(exc.type, f"no type in the {kind.__name__}: {exc}")
        return exc
    except openai.OpenAIError as exc:
        raise Failed(f"{type(exc).__name__} instead of {kind.__name__}: {exc}") from exc
    raise Failed(f"no {kind.__name__}")


WRONG = "sk-this-key-is-certainly-wrong-0123456789"
PLACEHOLDERS = (
    None,
    "Bearer",
    "Bearer ",
    "Bearer null",
    "Bearer undefined",
    "undefined",
    "Bearer not-needed",
    "Basic dTpw",
)


@check("errors.key", "openai_surface §1.4, quirk 11")
async def wrong_key(context: Context) -> str:
    """Where a key is wanted, a wrong one is a 401, invalid_api_key, that does not repeat it; none is a 401
    too.
    """
    if not context.target.api_key:
        raise NotOffered("no --api-key was given, so none is known to be wanted")
    for given in (f"Bearer {WRONG}", None, "Bearer", "Bearer null"):
        error = wire.error(await _with(context, given), 401)
        expect(error["type"] == "invalid_request_error", f"type {error['type']!r}")
        expect(WRONG not in error["message"], "the message repeats the key")
        expect(given != f"Bearer {WRONG}" or error["code"] == "invalid_api_key", f"code {error['code']!r}")
    # It shares the client's connections, and must not close them.
    create = context.sdk.with_options(api_key=WRONG).audio.speech.create
    await _raises(
        openai.AuthenticationError,
        create(model=context.target.tts_model, voice=context.target.voice, input="x"),
    )
    return str(error["message"])[:100]


@check("auth.placeholders", "quirk 11")
async def placeholders(context: Context) -> str:
    """Where no key is wanted, none is taken amiss: absent, empty, null, undefined, or of another kind."""
    if context.target.api_key:
        raise NotOffered("an --api-key was given, so one is wanted")
    for given in PLACEHOLDERS:
        body = json.dumps(context.speech_body(input="Hi.")).encode()
        lines = [
            f"POST {wire.path(context, '/audio/speech')} HTTP/1.1",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *([f"Authorization: {given}"] if given else []),
        ]
        status, answer = await wire.raw(context, lines, [body])
        expect(status == 200, f"{given!r}: {status} {answer[:80]!r}")
    return f"{len(PLACEHOLDERS)} spellings"


async def _with(context: Context, authorization: str | None) -> httpx.Response:
    headers = {"authorization": authorization} if authorization is not None else {}
    async with httpx.AsyncClient(timeout=context.target.timeout, headers=headers) as client:
        return await client.post(context.url("/audio/speech"), json=context.speech_body(input="Hi."))
