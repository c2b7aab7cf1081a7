"""Errors: OpenAI's envelope, statuses and codes, and the exceptions its SDK makes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai

from conformance import wire
from conformance.context import Context
from conformance.registry import Failed, NotOffered, Run, check, expect

SPEECH: dict[str, tuple[dict[str, Any], tuple[int, ...], str | None, str]] = {
    "model_missing": ({"model": None}, (400,), None, "a request without a model is a 400"),
    "model_unknown": ({"model": "no-such-model-17"}, (404,), "model_not_found", "an unknown model is a 404, model_not_found"),
    "input_missing": ({"input": None}, (400,), None, "a request without input is a 400"),
    "input_empty": ({"input": ""}, (400,), None, "empty input is a 400"),
    "input_number": ({"input": 17}, (400,), None, "input that is no string is a 400"),
    "format_unknown": ({"response_format": "midi"}, (400,), "unsupported_value", "an unknown format is a 400, unsupported_value"),
    "speed_word": ({"speed": "fast"}, (400,), None, "a speed that is no number is a 400"),
    "stream_format": ({"stream_format": "smoke"}, (400,), None, "an unknown stream_format is a 400"),
}


def _speech(name: str) -> Run:
    fields, statuses, code, promise = SPEECH[name]

    async def run(context: Context) -> str:
        body = {key: value for key, value in {**context.speech_body(), **fields}.items() if value is not None}
        error = wire.error(await context.http.post(context.url("/audio/speech"), json=body), *statuses)
        expect(error["type"] == "invalid_request_error", f"type {error['type']!r}")
        expect(error["code"] == code, f"code {error['code']!r}, not {code!r}")
        return str(error["message"])[:100]

    run.__doc__ = f"{promise[0].upper()}{promise[1:]}."
    return run


for _name in SPEECH:
    check(f"errors.speech.{_name}", "openai_surface §1.4")(_speech(_name))


@check("errors.json", "openai_surface §1.4")
async def bad_json(context: Context) -> str:
    """A body that is no JSON is a 400."""
    headers = {"content-type": "application/json"}
    answer = await context.http.post(context.url("/audio/speech"), content=b'{"model": ', headers=headers)
    return str(wire.error(answer, 400)["message"])[:100]


@check("errors.route", "openai_surface §1.4")
async def unknown_route(context: Context) -> str:
    """An unknown route is a 404 in the envelope."""
    return str(wire.error(await context.http.get(context.url("/no/such/route")), 404)["message"])[:100]


@check("errors.method", "openai_surface §1.4")
async def wrong_method(context: Context) -> str:
    """A wrong method is a 405 in the envelope."""
    return str(wire.error(await context.http.get(context.url("/audio/speech")), 405)["message"])[:100]


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
    """Every answer has an x-request-id of its own: successes, mistakes, unknown routes and wrong methods."""
    answers = [
        await context.speak(input="Hi."),
        await context.speak(input=""),
        await context.http.get(context.url("/no/such/route")),
        await context.http.get(context.url("/audio/speech")),
        await context.http.get(context.url("/models")),
    ]
    ids = [answer.headers.get("x-request-id") for answer in answers]
    expect(all(ids), f"missing on {[answer.status_code for answer, one in zip(answers, ids, strict=True) if not one]}")
    expect(len(set(ids)) == len(ids), "two answers share an id")
    return str(ids[0])


@check("errors.sdk", "openai_surface §1.3")
async def sdk_exceptions(context: Context) -> str:
    """The SDK raises the exceptions that it raises against OpenAI."""
    speech, target = context.sdk.audio.speech, context.target
    await _raises(openai.NotFoundError, speech.create(model="no-such-model-17", voice=target.voice, input="x"))
    await _raises(openai.BadRequestError, speech.create(model=target.tts_model, voice=target.voice, input=""))
    await _raises(openai.NotFoundError, context.sdk.models.retrieve("no-such-model-17"))
    return "NotFoundError, BadRequestError"


async def _raises(kind: type[openai.APIStatusError], call: Any) -> None:  # noqa: ANN401 - whatever the SDK awaits
    try:
        await call
    except kind as exc:
        expect(exc.request_id, "no request id in the exception")
        return
    except openai.OpenAIError as exc:
        raise Failed(f"{type(exc).__name__} instead of {kind.__name__}: {exc}") from exc
    raise Failed(f"no {kind.__name__}")


@check("errors.key", "openai_surface §1.4")
async def wrong_key(context: Context) -> str:
    """A wrong key is a 401, invalid_api_key, that does not repeat the key."""
    if not context.target.api_key:
        raise NotOffered("no --api-key was given, so none is known to be wanted")
    wrong = "sk-this-key-is-certainly-wrong-0123456789"
    headers = {"authorization": f"Bearer {wrong}"}
    answer = await context.http.post(context.url("/audio/speech"), json=context.speech_body(), headers=headers)
    error = wire.error(answer, 401)
    expect(error["code"] == "invalid_api_key", f"code {error['code']!r}")
    expect(wrong not in error["message"], "the message repeats the key")
    return str(error["message"])[:100]
