"""The multipart forms a worker reads: a recording to transcribe, as it comes, and the samples of a voice."""

from __future__ import annotations

import asyncio

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from engines.api import PromptJob, Sample, TranscriptionJob
from engines.errors import BadInput
from engines.wire.wav import WavStream, decode_wav
from engines.worker.audio_queue import AudioQueue


def read_prompt_job(headers: dict[bytes, bytes], content: bytes, rate: int) -> PromptJob:
    """Return the job in a form of `/tts/create_voice_prompt`: `audio` parts (WAV at `rate` Hertz), each with
    the `reference_text` that follows it, and `model` and `language`.

    Raises BadInput or BadAudio.
    """
    samples: list[Sample] = []
    fields: dict[str, str] = {}
    for name, value in _parts(headers, content):
        if name == "audio":
            samples.append(Sample(decode_wav(value, rate)))
        elif name == "reference_text" and samples:
            samples[-1] = Sample(samples[-1].pcm, value.decode("utf-8", "replace"))
        else:
            fields[name] = value.decode("utf-8", "replace")
    if not samples:
        raise BadInput("`audio` is missing.", param="audio")
    return PromptJob(tuple(samples), fields.get("model", ""), fields.get("language") or None)


def _parts(headers: dict[bytes, bytes], content: bytes) -> list[tuple[str, bytes]]:
    """Return the names and contents of a form's parts. Raises BadInput."""
    boundary = _boundary(headers, "`audio` and `reference_text`")
    parts: list[tuple[str, bytearray]] = []
    try:
        with PushMultipartParser(boundary) as parser:
            for piece in parser.parse(content):
                if isinstance(piece, MultipartSegment):
                    parts.append((piece.name, bytearray()))
                elif piece is not None:
                    parts[-1][1].extend(piece)
    except MultipartError as exc:
        raise BadInput(f"The multipart body is malformed: {exc}") from exc
    return [(name, bytes(value)) for name, value in parts]


def _boundary(headers: dict[bytes, bytes], parts: str) -> str:
    """Return the boundary of a form's parts. Raises BadInput, naming `parts`, when the body is no form."""
    kind, options = parse_options_header(headers.get(b"content-type", b"").decode("latin-1"))
    if kind != "multipart/form-data" or "boundary" not in options:
        raise BadInput(f"The body should be multipart/form-data with {parts}.")
    return str(options["boundary"])


class TranscriptionForm:
    """A reader of `/stt/transcribe`: `options` (JSON of a TranscriptionJob), then `audio` (WAV) into the
    queue.
    """

    def __init__(self, headers: dict[bytes, bytes], audio: AudioQueue) -> None:
        self._parser = PushMultipartParser(_boundary(headers, "`options` and `audio`"))
        self._audio = audio
        self._wav = WavStream()
        self._part = ""
        """name of the part that is being read"""
        self._options = b""
        self.job = TranscriptionJob()
        self.ready = asyncio.Event()
        """set once the options are known and the audio begins"""

    async def feed(self, data: bytes) -> None:
        """Read some more of the body. Raises BadInput."""
        try:
            for piece in self._parser.parse(data):
                if isinstance(piece, MultipartSegment):
                    self._begin_part(piece.name)
                elif piece is not None:
                    await self._read(bytes(piece))
        except MultipartError as exc:
            raise BadInput(f"The multipart body is malformed: {exc}") from exc

    def _begin_part(self, name: str) -> None:
        self._part = name
        if name == "audio":
            if self._options:
                try:
                    self.job = msgspec.json.decode(self._options, type=TranscriptionJob)
                except msgspec.DecodeError as exc:
                    raise BadInput(f"`options` cannot be read: {exc}", param="options") from exc
            self.ready.set()

    async def _read(self, data: bytes) -> None:
        if self._part == "audio":
            if pcm := self._wav.feed(data):
                await self._audio.put(pcm)
        elif self._part == "options":
            self._options += data
