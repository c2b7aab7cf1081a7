"""Tests of recordings that have ID3v2 tags before them, whatever their format."""

from __future__ import annotations

import io
from typing import cast

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.errors import BadAudio
from streaming.audio.decode import decode
from streaming.audio.id3 import tag_bytes

RATE = 16_000


def recording(container: str, codec: str) -> bytes:
    """Return a second of a tone."""
    tone = (8000 * np.sin(np.arange(RATE) * 0.2)).astype("<i2")
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = cast(av.AudioStream, output.add_stream(codec, rate=RATE, layout="mono"))
        frame = av.AudioFrame.from_ndarray(tone[None], "s16", "mono")
        frame.sample_rate = RATE
        for one in av.AudioResampler(stream.format.name, "mono", RATE).resample(frame):
            output.mux(stream.encode(one))
        output.mux(stream.encode(None))
    return file.getvalue()


def tag(size: int, footer: bool = False) -> bytes:
    """Return a tag with a picture of so many bytes."""
    length = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return (
        b"ID3\x04\x00"
        + bytes([0x10 if footer else 0])
        + length
        + bytes(size)
        + (bytes(10) if footer else b"")
    )


@pytest.mark.parametrize(
    ("container", "codec"),
    [("flac", "flac"), ("adts", "aac"), ("wav", "pcm_s16le"), ("mp3", "libmp3lame"), ("ogg", "libopus")],
)
@pytest.mark.parametrize("tags", [tag(100), tag(3_000_000), tag(1000, footer=True) + tag(200_000)])
def test_sound_behind_tags(container: str, codec: str, tags: bytes) -> None:
    """A recording behind tags is heard as the one without them, however large they are."""
    data = recording(container, codec)
    plain = b"".join(decode(io.BytesIO(data), rate=RATE, max_seconds=10))

    assert b"".join(decode(io.BytesIO(tags + data), rate=RATE, max_seconds=10)) == plain


def test_a_tag_alone() -> None:
    """A tag with nothing behind it is no recording, and neither is one that ends within itself."""
    for data in (tag(1000), tag(1000)[:500], tag(10) * 100):
        with pytest.raises(BadAudio):
            list(decode(io.BytesIO(data), rate=RATE, max_seconds=10))


@given(st.binary(max_size=12))
def test_any_header(header: bytes) -> None:
    """Any bytes are a tag of some length or none."""
    assert 0 <= tag_bytes(header) <= 2**28 + 20
