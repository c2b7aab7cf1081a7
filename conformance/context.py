"""What checks work with: where the server is, and the ways to talk to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import msgspec
import openai

CLIP = Path(__file__).parent / "data" / "clip.flac"
TEXT = "The quick brown fox jumps over the lazy dog, and then it runs into the forest."


class Target(msgspec.Struct, frozen=True):
    """The server, and the names to use there."""

    base_url: str
    """up to and with /v1"""
    api_key: str | None = None
    tts_model: str = "tts-1"
    stt_model: str = "whisper-1"
    voice: str = "alloy"
    audio: Path = CLIP
    timeout: float = 60.0

    @property
    def root(self) -> str:
        """The base URL without /v1."""
        return self.base_url.removesuffix("/v1")


class Context:
    """Open connections to the target."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.http = httpx.AsyncClient(timeout=target.timeout, headers=self._auth(), follow_redirects=True)
        key = target.api_key or "sk-none"
        options: dict[str, Any] = {"base_url": target.base_url, "api_key": key, "max_retries": 0, "timeout": target.timeout}
        self.sdk = openai.AsyncOpenAI(**options, _strict_response_validation=True)
        self.sync_sdk = openai.OpenAI(**options, _strict_response_validation=True)
        self._remembered: dict[str, bytes] = {}

    def _auth(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.target.api_key}"} if self.target.api_key else {}

    async def close(self) -> None:
        """Close all connections."""
        await self.http.aclose()
        await self.sdk.close()
        self.sync_sdk.close()

    def url(self, path: str) -> str:
        """Give the URL of a path below /v1."""
        return f"{self.target.base_url}{path}"

    def speech_body(self, **fields: object) -> dict[str, Any]:
        """Make the JSON of a speech request; a field that is None is left out."""
        body = {"model": self.target.tts_model, "voice": self.target.voice, "input": TEXT, **fields}
        return {name: value for name, value in body.items() if value is not None}

    async def speak(self, **fields: object) -> httpx.Response:
        """Ask for speech."""
        return await self.http.post(self.url("/audio/speech"), json=self.speech_body(**fields))

    async def pcm(self, **fields: object) -> bytes:
        """Ask for PCM, which has to come; the same request is made once only."""
        name = repr(sorted(fields.items()))
        if name not in self._remembered:
            answer = await self.speak(response_format="pcm", **fields)
            answer.raise_for_status()
            self._remembered[name] = answer.content
        return self._remembered[name]

    async def transcribe(
        self, file: bytes, *, name: str | None = "clip.wav", route: str = "transcriptions", **fields: object
    ) -> httpx.Response:
        """Upload a recording with form fields; a list gives repeated parts."""
        data = {"model": self.target.stt_model, **fields}
        parts: list[tuple[str, Any]] = [("file", (name, file) if name is not None else file)]
        for field, value in data.items():
            parts += [(field, (None, str(one))) for one in (value if isinstance(value, list) else [value]) if one is not None]
        return await self.http.post(self.url(f"/audio/{route}"), files=parts)
