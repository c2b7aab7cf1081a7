"""What checks work with: where the server is, and the ways to talk to it."""

from __future__ import annotations

import asyncio
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx2 as httpx
import msgspec
import openai

CLIP = Path(__file__).parent / "data" / "clip.flac"
RECORDING = Path(__file__).parent / "data" / "recording.ogg"
WORDS = (
    "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
)
"""what is said in the recording; the clip is its beginning"""
JITTER = 0.08
"""seconds by which an engine's answers to one request may differ and still be called the same"""
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
    def event_tts_model(self) -> str:
        """The model to ask for events: OpenAI's tts-1 answers plain audio instead."""
        return "gpt-4o-mini-tts" if self.tts_model.startswith("tts-1") else self.tts_model

    @property
    def event_stt_model(self) -> str:
        """The model to ask for events: OpenAI's whisper-1 answers plain JSON instead."""
        return "gpt-4o-transcribe" if self.stt_model == "whisper-1" else self.stt_model

    @property
    def recording(self) -> Path:
        """A longer recording, unless the caller brought one."""
        return RECORDING if self.audio == CLIP else self.audio

    @property
    def root(self) -> str:
        """The base URL without /v1."""
        return self.base_url.removesuffix("/v1")


class Context:
    """Open connections to the target."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.http = httpx.AsyncClient(timeout=target.timeout, headers=self._auth(), follow_redirects=True)
        self._pcm_by_request: dict[str, bytes] = {}
        self._jitter: float | None = None
        self._jitter_lock = asyncio.Lock()

    def _auth(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.target.api_key}"} if self.target.api_key else {}

    @cached_property
    def sdk(self) -> openai.AsyncOpenAI:
        """OpenAI's own client, which refuses what does not fit its types."""
        return openai.AsyncOpenAI(**self._options(), _strict_response_validation=True)

    @cached_property
    def sync_sdk(self) -> openai.OpenAI:
        """The same without asyncio."""
        return openai.OpenAI(**self._options(), _strict_response_validation=True)

    def _options(self) -> dict[str, Any]:
        key, timeout = self.target.api_key or "sk-none", self.target.timeout
        return {"base_url": self.target.base_url, "api_key": key, "max_retries": 0, "timeout": timeout}

    async def close(self) -> None:
        """Close all connections."""
        await self.http.aclose()
        if "sdk" in self.__dict__:
            await self.sdk.close()
        if "sync_sdk" in self.__dict__:
            self.sync_sdk.close()

    def url(self, path: str) -> str:
        """Return the URL of a path below /v1."""
        return f"{self.target.base_url}{path}"

    def speech_body(self, **fields: object) -> dict[str, Any]:
        """Make the JSON of a speech request; a field that is None is left out."""
        body = {"model": self.target.tts_model, "voice": self.target.voice, "input": TEXT, **fields}
        return {name: value for name, value in body.items() if value is not None}

    async def speak(self, **fields: object) -> httpx.Response:
        """Send a request for speech, and return the answer."""
        return await self.http.post(self.url("/audio/speech"), json=self.speech_body(**fields))

    async def pcm(self, **fields: object) -> bytes:
        """Ask for PCM, which has to come; the same request is made once only."""
        name = repr(sorted(fields.items()))
        if name not in self._pcm_by_request:
            answer = await self.speak(response_format="pcm", **fields)
            answer.raise_for_status()
            self._pcm_by_request[name] = answer.content
        return self._pcm_by_request[name]

    async def duration_jitter(self) -> float:
        """Return the share by which durations of answers to one request may differ: 0 for an engine that
        repeats itself.
        """
        async with self._jitter_lock:
            if self._jitter is None:
                again = (await self.speak(response_format="pcm")).raise_for_status()
                one, other = len(await self.pcm()) / 48_000, len(again.content) / 48_000
                self._jitter = (
                    0.0 if abs(one - other) <= JITTER else max(0.15, 3 * abs(one - other) / max(one, other))
                )
            return self._jitter

    async def transcribe(
        self, file: bytes, *, name: str | None = "clip.wav", route: str = "transcriptions", **fields: object
    ) -> httpx.Response:
        """Upload a recording with form fields; a list gives repeated parts."""
        data = {"model": self.target.stt_model, **fields}
        parts: list[tuple[str, Any]] = [("file", (name, file) if name is not None else file)]
        for field, value in data.items():
            parts += [
                (field, (None, str(one)))
                for one in (value if isinstance(value, list) else [value])
                if one is not None
            ]
        return await self.http.post(self.url(f"/audio/{route}"), files=parts)
