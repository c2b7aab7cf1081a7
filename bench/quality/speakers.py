"""The server's side: which engines speak, and what they say, asked for over HTTP as any client does."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any
from uuid import uuid4

import msgspec

from bench.target import Target

PATIENCE = 600.0
"""seconds that an answer may take: an engine may have to load its model first"""
TRIES = 20
BUSY = (429, 503)
PRESENT = ("resting", "starting", "ready")
"""states of models that can be used"""
SEED = 5
"""of all requests, so that who measures again hears the same"""
VOICE = "marin"
"""the voice of hibari that is nobody in disguise; other engines have one of that name as well"""
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")


class Manner(msgspec.Struct, frozen=True):
    """How a text is to be spoken."""

    engine: str
    voice: str = VOICE
    format: str = "pcm"
    speed: float = 1.0


def speak(target: Target, text: str, manner: Manner) -> bytes:
    """Return the answer of the server to a text, whole; where it is busy it is asked again."""
    body: dict[str, Any] = {
        "model": manner.engine,
        "voice": manner.voice,
        "input": text,
        "response_format": manner.format,
        "speed": manner.speed,
        "seed": SEED,
    }
    headers = {"content-type": "application/json", **target.headers()}
    return _answer(f"{target.base_url}/audio/speech", json.dumps(body).encode(), headers)


def transcribe(target: Target, recording: bytes, model: str = "whisper-1") -> str:
    """Return the server's own transcript of a WAV file of English."""
    mark = uuid4().hex
    fields = {"model": model, "language": "en", "response_format": "text"}
    head = "".join(
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    file = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="spoken.wav"\r\n\r\n'
    body = f"{head}{file}".encode() + recording + f"\r\n--{mark}--\r\n".encode()
    headers = {"content-type": f"multipart/form-data; boundary={mark}", **target.headers()}
    return _answer(f"{target.base_url}/audio/transcriptions", body, headers).decode()


def speaking_engines(target: Target) -> list[str]:
    """Return the names of the engines and models of the server that speak English, hibari first."""
    models = _listed(target, "voicebox/models")
    known = {model["id"] for model in models}
    embedded = [
        one["id"]
        for one in _listed(target, "models")
        if one.get("task") == "text-to-speech" and one["owned_by"] == "voicebox" and one["id"] not in known
    ]
    pulled = [model["id"] for model in models if model["state"] in PRESENT and "speech" in model["kinds"]]
    able = [name for name in (*embedded, *pulled) if _speaks(target, name)]
    return sorted(able, key=lambda name: name != "hibari")


def _listed(target: Target, path: str) -> list[dict[str, Any]]:
    request = urllib.request.Request(f"{target.base_url}/{path}", headers=target.headers())
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        listed: list[dict[str, Any]] = json.load(answer)["data"]
    return listed


def _speaks(target: Target, engine: str) -> bool:
    try:
        return bool(speak(target, "Good morning.", Manner(engine)))
    except OSError:
        return False


def _answer(url: str, body: bytes, headers: dict[str, str]) -> bytes:
    for _ in range(TRIES):
        request = urllib.request.Request(url, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as exc:
            if exc.code not in BUSY:
                raise OSError(f"{url}: {exc.code} {exc.read().decode(errors='replace')[:300]}") from exc
            exc.close()
            time.sleep(float(exc.headers.get("retry-after", 1)))
    raise TimeoutError(f"{url}: still busy")
