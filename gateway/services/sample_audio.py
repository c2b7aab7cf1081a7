"""Samples of custom voices as PCM."""

from __future__ import annotations

import io

from engines.errors import BadAudio
from gateway.services.container import Services
from streaming.audio.decode import decode
from streaming.audio.decoding_threads import StoppableSource
from voices.errors import recording_damaged
from voices.profile import Sample


async def sample_pcm(services: Services, sample: Sample, rate: int) -> bytes:
    """Return a prepared sample as s16le mono PCM at `rate` Hertz. Raises BlobsFailed, RecordingDamaged or
    Overloaded.
    """
    wav = await (await services.library.open()).blobs.get(sample.prepared)

    source = StoppableSource(io.BytesIO(wav))

    def decode_all() -> bytes:
        return b"".join(decode(source, rate=rate, max_seconds=sample.seconds + 1))

    try:
        return await services.decoding.run(decode_all, source)
    except BadAudio as exc:  # nobody sent this: the caller is not to be blamed
        raise recording_damaged() from exc
