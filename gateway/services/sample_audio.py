"""Samples of custom voices as PCM."""

from __future__ import annotations

import io

import anyio

from gateway.services.container import Services
from streaming.audio.decode import decode
from voices.profile import Sample


async def sample_pcm(services: Services, sample: Sample, rate: int) -> bytes:
    """Return a prepared sample as s16le mono PCM at `rate` Hertz. Raises BlobsFailed or BadAudio."""
    wav = await (await services.library.open()).blobs.get(sample.prepared)

    def decode_all() -> bytes:
        return b"".join(decode(io.BytesIO(wav), rate=rate, max_seconds=sample.seconds + 1))

    return await anyio.to_thread.run_sync(decode_all, limiter=services.codecs)
