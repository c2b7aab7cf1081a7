"""Decode any recording that FFmpeg reads into PCM, chunk by chunk.

The format is recognised by the file's content: names and types of uploads are often wrong. FFmpeg is loaded
with the first recording (`streaming.audio.decoder`): it takes 16 MB.
"""

from __future__ import annotations

from collections.abc import Iterator

from streaming.audio.recording import MOST_SILENCE, AudioFacts, Source


def probe(source: Source) -> AudioFacts:
    """Return what a recording is, by the track that is heard; what is decoded for that is thrown away. Raises
    BadAudio.
    """
    from streaming.audio import decoder

    return decoder.probe(source)


def decode(
    source: Source, *, rate: int = 16_000, max_seconds: float, most_silence: float = MOST_SILENCE
) -> Iterator[bytes]:
    """Yield a recording as s16le mono PCM at `rate` Hertz, in chunks of about half a second.

    What is heard late, or after a hole, comes at its time, behind silence: of `most_silence` seconds in all.
    A recording that breaks off in the middle is decoded as far as it goes. Raises BadAudio: nothing in it can
    be decoded, it contains no audio, it is shorter than 0.1 s or longer than `max_seconds`.
    """
    from streaming.audio import decoder

    yield from decoder.decode(source, rate, max_seconds, most_silence)
