"""Checks of translations into English: shapes, formats, errors, and OpenAI's own client."""

from __future__ import annotations

import re
import warnings

import httpx2 as httpx

from conformance import wire
from conformance.checks.transcripts import SEGMENT, SRT, VTT, clip
from conformance.context import Context
from conformance.registry import check, expect


async def _translate(context: Context, **fields: object) -> httpx.Response:
    return await context.transcribe(clip(context), name="clip.flac", route="translations", **fields)


@check("translations.json", "openai_surface §4")
async def translation(context: Context) -> str:
    """Translation answers json with the text."""
    text = wire.offered(await _translate(context), 400, 404).json().get("text")
    expect(isinstance(text, str) and text, f"text {text!r}")
    return str(text)[:60]


@check("translations.formats", "openai_surface §4")
async def translation_formats(context: Context) -> str:
    """Translation answers text, srt and vtt as transcription does, and verbose_json as translate into
    english.
    """
    wire.offered(await _translate(context), 400, 404)
    text = wire.success(await _translate(context, response_format="text"))
    expect(
        wire.kind(text) == "text/plain" and re.fullmatch(r"[^\"\n][^\n]*\n", text.text),
        f"{wire.kind(text)} {text.text[:60]!r}",
    )
    for name, pattern in (("srt", SRT), ("vtt", VTT)):
        answer = wire.success(await _translate(context, response_format=name))
        expect(
            wire.kind(answer) == "text/plain" and pattern.fullmatch(answer.text),
            f"{name}: {answer.text[:80]!r}",
        )
    body = wire.success(await _translate(context, response_format="verbose_json")).json()
    expect(
        (body.get("task"), body.get("language")) == ("translate", "english"),
        f"{body.get('task')}, {body.get('language')}",
    )
    for segment in body.get("segments") or [{}]:
        expect(set(segment) >= SEGMENT, f"a segment lacks {sorted(SEGMENT - set(segment))}")
    return "text, srt, vtt, verbose_json"


@check("translations.errors", "openai_surface §1.4, §4")
async def translation_errors(context: Context) -> str:
    """Translation refuses what transcription refuses: no model, an unknown one, an unknown format, no
    sound.
    """
    wire.offered(await _translate(context), 400, 404)
    wire.error(await _translate(context, model=None), 400)
    wire.error(await _translate(context, model="no-such-model-17"), 404)
    wire.error(await _translate(context, response_format="docx"), 400)
    return str(wire.error(await context.transcribe(b"no sound" * 99, route="translations"), 400)["message"])[
        :100
    ]


@check("translations.sdk", "openai_surface §4")
async def translation_sdk(context: Context) -> str:
    """The strict SDK parses a translation."""
    wire.offered(await _translate(context), 400, 404)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # OpenAI retires it; clients still send it
        answer = await context.sdk.audio.translations.create(
            model=context.target.stt_model, file=("clip.flac", clip(context))
        )
    return answer.text[:60]
