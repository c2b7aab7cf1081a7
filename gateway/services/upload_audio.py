"""An uploaded recording on its way to an engine: decoded in threads, chunk by chunk, never held whole."""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections.abc import AsyncIterator, Iterator
from typing import IO, Any

from compat.openai import validation
from engines.api import BYTES_PER_SAMPLE
from engines.errors import BadAudio, SpeechError
from streaming.audio.decode import decode
from streaming.audio.decoding_threads import DecodingThreads, StoppableSource


class UploadAudio:
    """A recording as PCM at `rate` Hertz, s16le mono.

    `open` decodes the first chunk, so that what is no audio at all is refused before an engine is asked. What
    breaks later ends the audio, and `check` raises it: an engine that is being fed has no use for our errors.
    """

    def __init__(self, source: IO[bytes], *, rate: int, max_seconds: float, threads: DecodingThreads) -> None:
        self._source = StoppableSource(source)
        self._chunks: Iterator[bytes] = decode(self._source, rate=rate, max_seconds=max_seconds)
        self._rate = rate
        self._threads = threads
        self._first = b""
        self._failure: SpeechError | None = None
        self.samples = 0

    @property
    def seconds(self) -> float:
        """How much has been decoded so far."""
        return self.samples / self._rate

    async def open(self, longest_wait: float) -> None:
        """Decode the first chunk. Raises BadAudio, and Overloaded where no thread came free for it in so many
        seconds.
        """
        self._first = await self._next_chunk(longest_wait)

    async def pcm(self) -> AsyncIterator[bytes]:
        """Yield the PCM as it is decoded."""
        chunk = self._first
        while chunk:
            self.samples += len(chunk) // BYTES_PER_SAMPLE
            yield chunk
            try:
                chunk = await self._next_chunk()
            except SpeechError as exc:
                self._failure = exc
                return

    def check(self) -> None:
        """Raise what broke the recording on its way."""
        if self._failure:
            raise self._failure

    def stop(self) -> None:
        """End the audio here, whoever reads it."""
        self._source.stop()

    async def _next_chunk(self, longest_wait: float = math.inf) -> bytes:
        return await self._threads.run(
            lambda: next(self._chunks, b""), self._source, longest_wait=longest_wait
        )


def from_base64(body: dict[str, Any]) -> IO[bytes]:
    """Return the recording in a JSON body, `input_audio: {data, format}`. Raises BadInput or BadAudio."""
    audio = body.get("input_audio")
    data = audio.get("data") if isinstance(audio, dict) else None
    if not isinstance(data, str):
        raise validation.missing_file()
    try:
        return io.BytesIO(
            base64.b64decode(data.partition(",")[2] if data.startswith("data:") else data, validate=False)
        )
    except (binascii.Error, ValueError) as exc:
        raise BadAudio("`input_audio.data` is not base64.", param="file") from exc
