"""Samples of voices as PCM."""

from __future__ import annotations

import io

import anyio

from gateway.services.container import Services
from streaming.audio.decode import decode
from voices.profile import Sample


async def pcm_of(services: Services, sample: Sample, rate: int) -> bytes:
    """Give a prepared sample as s16le mono PCM at `rate` Hertz. Raises BlobsFailed or BadAudio."""
    wav = await (await services.library.open()).blobs.get(sample.prepared)

    def decoded() -> bytes:
        return b"".join(decode(io.BytesIO(wav), rate=rate, max_seconds=sample.seconds + 1))

    return await anyio.to_thread.run_sync(decoded, limiter=services.codecs)
