"""Speech: what may stand in a request, and how clients write it."""

from __future__ import annotations

import json

from conformance import sound, wire
from conformance.context import Context
from conformance.registry import check, expect


@check("speech.requests.unknown_fields", "quirk 12")
async def unknown_fields(context: Context) -> str:
    """Fields that nobody knows are no error."""
    wire.success(
        await context.speak(stream=True, params={"a": 1}, backend="x", user="me", normalization_options={})
    )
    return "200"


@check("speech.requests.null_fields", "openai_surface §1.5")
async def null_fields(context: Context) -> str:
    """Optional fields that are null are as good as absent."""
    names = ("instructions", "response_format", "speed", "stream_format")
    body = context.speech_body(input="Hello.") | dict.fromkeys(names)
    wire.success(await context.http.post(context.url("/audio/speech"), json=body))
    return ", ".join(names)


@check("speech.requests.content_type", "quirk 25")
async def content_type(context: Context) -> str:
    """JSON is read whatever the Content-Type says: curl -d sends a form's, others a charset, or none."""
    body = json.dumps(context.speech_body(input="Hello.")).encode()
    kinds = ("application/x-www-form-urlencoded", "application/json; charset=utf-8", "text/plain", "")
    for kind in kinds:
        answer = await wire.posted(context, body, kind)
        expect(answer.status_code == 200, f"{kind or 'no type'}: {answer.status_code} {answer.text[:100]}")
    return ", ".join(kind or "none" for kind in kinds)


@check("speech.requests.control_characters", "quirk 25")
async def control_characters(context: Context) -> str:
    """Raw newlines and tabs within JSON strings, and a newline behind, are taken (FreeSWITCH sends them)."""
    target = context.target
    body = f'{{"model":"{target.tts_model}","voice":"{target.voice}","input":"One\nline\tmore"}}\n'
    decoded = sound.decode(
        wire.success(await wire.posted(context, body.encode(), "application/json; charset=utf-8")).content
    )
    expect(decoded.seconds > 0.3, f"only {decoded.seconds:.2f} s")
    return f"{decoded.seconds:.2f} s"


@check("speech.requests.instructions", "openai_surface §2.1, quirk 13")
async def instructions(context: Context) -> str:
    """instructions are accepted, honoured or not, also the "None" of Home Assistant; or they are refused
    properly.
    """
    for text in ("None", "Speak cheerfully."):
        answer = await context.speak(instructions=text)
        if answer.status_code != 200:
            return f"refused: {wire.error(answer, 400)['message'][:80]}"
    return f"accepted; ignored: {answer.headers.get('x-voicebox-ignored', 'not said')}"


@check("speech.requests.long", "openai_surface §1.4")
async def long_input(context: Context) -> str:
    """More than 4,096 characters are spoken, or refused as OpenAI refuses them."""
    answer = await context.speak(input="A short sentence. " * 250, speed=4.0)
    if answer.status_code == 200:
        return f"accepted, {len(answer.content)} bytes"
    message = wire.error(answer, 400)["message"]
    expect(
        "4096" in message or "input" in message,
        f"the message names neither the field nor the limit: {message[:100]}",
    )
    return f"refused: {message[:80]}"


@check("speech.requests.languages", "field §4.14, §4.40")
async def scripts(context: Context) -> str:
    """Texts of any script, emoji and bare punctuation are no server error."""
    for text in ("你好，世界。", "مرحبا", "👋🏽", "…", "a\u0301\u200d"):
        answer = await context.speak(input=text)
        expect(answer.status_code in (200, 400), f"{text!r} gives {answer.status_code}")
        if answer.status_code == 400:
            wire.error(answer, 400)
    return "200 or 400 each"
