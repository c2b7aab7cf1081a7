"""Transcripts of the suite's two recordings: told apart by their length, and from silence by their loudness."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable
from typing import Any

import tone_speech as tones

from conformance import sound
from conformance.context import WORDS
from conformance.registry import Failed

Refuse = Callable[..., Exception]
FORMATS = ("json", "text", "srt", "vtt", "verbose_json")
ENGLISH = {"", "auto", "en", "en-us"}


def answer(translate: bool, kind: str, body: bytes, refuse: Refuse, models: list[str]) -> tuple[str, bytes]:
    """Answer a transcription; return content type and body. Raises what `refuse` returns."""
    fields, file = _json(body, refuse) if kind.startswith("application/json") else _form(kind, body, refuse)
    form, model = fields.get("response_format") or "json", fields.get("model")
    if not model:
        raise refuse("you must provide a model parameter")
    if model not in models and form != "diarized_json":
        raise refuse(f"The model `{model}` does not exist", 404, "model_not_found")
    if file is None:
        raise refuse("[{'type': 'missing', 'loc': ('body', 'file'), 'msg': 'Field required'}]")
    if form not in FORMATS:
        raise refuse(f"response_format should be one of {FORMATS}", 400)
    if fields.get("language", "").lower() not in ENGLISH:
        raise refuse("Invalid language. Use ISO-639-1.", 400, "invalid_language_format", "language")
    if fields.get("include[]"):
        raise refuse("There are no logprobs here.")
    return _written(_recognised(file, refuse), fields, form, translate)


def _recognised(file: bytes, refuse: Refuse) -> tuple[list[str], float]:
    if not file or file.startswith(b"#EXTM3U"):
        raise refuse("The audio file could not be decoded or its format is not supported.")
    try:
        decoded = sound.decode(file, 16_000)
    except Failed:
        raise refuse("The audio file could not be decoded or its format is not supported.") from None
    if decoded.seconds < 0.1:
        raise refuse("Audio file is too short.", 400, "audio_too_short", "file")
    words = WORDS.split() if decoded.seconds > 5 else WORDS.split()[:5]
    return (words if sound.loudness(decoded) > 50 else []), decoded.seconds


def _written(
    decoded: tuple[list[str], float], fields: dict[str, str], form: str, translate: bool
) -> tuple[str, bytes]:
    words, length = decoded
    text = " ".join(words)
    if fields.get("stream") == "true" and not translate and fields["model"] != "whisper-1":
        deltas = [f"{' ' if number else ''}{word}" for number, word in enumerate(words)]
        records: list[dict[str, object]] = [
            {"type": "transcript.text.delta", "delta": delta} for delta in deltas
        ]
        return "text/event-stream; charset=utf-8", tones.framed(
            [*records, {"type": "transcript.text.done", "text": text}]
        )
    if form in ("json", "verbose_json"):
        usage = {"type": "duration", "seconds": math.ceil(length)}
        short = {"text": text, "usage": usage}
        return "application/json", _compact(
            short if form == "json" else _verbose(words, length, fields, translate)
        )
    return "text/plain; charset=utf-8", (f"{text}\n" if form == "text" else _subtitles(words, form)).encode()


def _verbose(words: list[str], length: float, fields: dict[str, str], translate: bool) -> dict[str, Any]:
    asked = (
        fields.get("timestamp_granularities[]", "") + fields.get("timestamp_granularities", "")
    ) or "segment"
    step, text = length / max(1, len(words)), " ".join(words)
    rest = {
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
    }
    segment = {"id": 0, "seek": 0, "start": 0.0, "end": length, "text": f" {text}", **rest}
    timed = [
        {"word": word, "start": number * step, "end": number * step + step}
        for number, word in enumerate(words)
    ]
    body = {
        "task": "translate" if translate else "transcribe",
        "language": "english",
        "duration": length,
        "text": text,
    }
    return (
        body
        | ({"segments": [segment] if words else []} if "segment" in asked else {})
        | ({"words": timed} if "word" in asked else {})
    )


def _subtitles(words: list[str], form: str) -> str:
    text, mark = " ".join(words), "," if form == "srt" else "."
    cue = f"00:00:00{mark}000 --> 00:00:02{mark}000\n{text}\n\n" if words else ""
    return f"WEBVTT\n\n{cue}" if form == "vtt" else f"1\n{cue}\n" if words else "\n"


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _json(body: bytes, refuse: Refuse) -> tuple[dict[str, str], bytes | None]:
    try:
        fields = json.loads(body)
    except ValueError:
        raise refuse("We could not parse the JSON body of your request.") from None
    return {"model": fields["model"]}, base64.b64decode(fields["input_audio"]["data"])


def _form(kind: str, body: bytes, refuse: Refuse) -> tuple[dict[str, str], bytes | None]:
    """Read a form; parts of the same name are put behind one another."""
    edge = re.search(r'multipart/form-data;.*boundary="?([^";]+)', kind)
    mark = b"--" + (edge[1].encode() if edge else b"?")
    if not edge or not body.rstrip().endswith(mark + b"--"):
        raise refuse("We could not parse the form of your request.")
    fields: dict[str, str] = {}
    file = None
    for part in body.split(mark)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = re.search(rb'[; ]name="([^"]*)"', head)
        if name and name[1] == b"file":
            file = value.removesuffix(b"\r\n")
        elif name:
            fields[name[1].decode()] = fields.get(name[1].decode(), "") + value.removesuffix(b"\r\n").decode()
    return fields, file
