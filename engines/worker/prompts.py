"""Prompts in a worker: how they are asked for, and those that it holds, so that each crosses the wire once."""

from __future__ import annotations

import base64
import hashlib
import io
import threading
import wave
from collections import OrderedDict
from typing import Any

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from engines.api import Prompt, Sample
from engines.errors import BadAudio, BadInput, MissingPrompt

HELD_BYTES = 256 * 1024 * 1024
"""of prompts, beyond which those that were not used for the longest time are dropped"""


class Asked(msgspec.Struct):
    """What /tts/create_voice_prompt is to make a prompt of."""

    samples: tuple[Sample, ...]
    model: str = ""


class Prompts:
    """The prompts a worker holds, by id."""

    def __init__(self, limit: int = HELD_BYTES) -> None:
        self._limit = limit
        self._held: OrderedDict[str, Prompt] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def add(self, data: bytes) -> Prompt:
        """Hold a prompt."""
        prompt = Prompt(hashlib.sha256(data).hexdigest(), data)
        with self._lock:
            if prompt.id not in self._held:
                self._held[prompt.id] = prompt
                self._size += len(data)
            self._held.move_to_end(prompt.id)
            while self._size > self._limit and len(self._held) > 1:
                self._size -= len(self._held.popitem(last=False)[1].data)
        return prompt

    def take(self, voice_prompt: dict[str, Any]) -> Prompt | None:
        """Give the prompt that a job brings or names; None when it does neither. Raises BadInput or
        MissingPrompt.
        """
        known, data = voice_prompt.get("id"), voice_prompt.get("safetensors")
        if data is not None:
            return self._brought(known, data)
        if known is None:
            return None
        if not isinstance(known, str):
            raise BadInput("`voice_prompt.id` should be a string.", param="voice_prompt")
        with self._lock:
            if known not in self._held:
                raise MissingPrompt("The worker does not hold this voice prompt.")
            self._held.move_to_end(known)
            return self._held[known]

    def _brought(self, known: object, data: object) -> Prompt:
        try:
            prompt = self.add(base64.b64decode(str(data), validate=True))
        except ValueError as exc:
            raise BadInput("`voice_prompt.safetensors` should be base64.", param="voice_prompt") from exc
        if known not in (None, prompt.id):
            raise BadInput("`voice_prompt.id` is not the SHA-256 of its safetensors.", param="voice_prompt")
        return prompt


def body(prompt: Prompt) -> dict[str, str]:
    """Put a prompt into JSON."""
    return {"id": prompt.id, "safetensors": base64.b64encode(prompt.data).decode()}


def read(headers: dict[bytes, bytes], content: bytes, rate: int) -> Asked:
    """Read a form of `audio` parts (WAV), each with the `reference_text` that follows it. Raises BadInput or
    BadAudio.
    """
    asked = Asked(())
    for name, value in _parts(headers.get(b"content-type", b"").decode("latin-1"), content):
        if name == "audio":
            asked.samples += (Sample(_pcm(value, rate)),)
        elif name == "reference_text" and asked.samples:
            last = msgspec.structs.replace(asked.samples[-1], transcript=value.decode("utf-8", "replace"))
            asked.samples = (*asked.samples[:-1], last)
        elif name == "model":
            asked.model = value.decode("utf-8", "replace")
    if not asked.samples:
        raise BadInput("`audio` is missing.", param="audio")
    return asked


def _parts(content_type: str, content: bytes) -> list[tuple[str, bytes]]:
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data" or "boundary" not in options:
        raise BadInput("The body should be multipart/form-data with `audio` and `reference_text`.")
    parts: list[tuple[str, bytearray]] = []
    try:
        with PushMultipartParser(options["boundary"]) as parser:
            for piece in parser.parse(content):
                if isinstance(piece, MultipartSegment):
                    parts.append((piece.name, bytearray()))
                elif piece is not None:
                    parts[-1][1].extend(piece)
    except MultipartError as exc:
        raise BadInput(f"The multipart body is malformed: {exc}") from exc
    return [(name, bytes(value)) for name, value in parts]


def _pcm(content: bytes, rate: int) -> bytes:
    try:
        with wave.open(io.BytesIO(content)) as file:
            if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (rate, 1, 2):
                raise BadAudio(f"`audio` should be 16-bit mono at {rate} Hz.", param="audio")
            return bytes(file.readframes(file.getnframes()))
    except (wave.Error, EOFError) as exc:
        raise BadAudio(f"`audio` should be a WAV file: {exc}", param="audio") from exc
