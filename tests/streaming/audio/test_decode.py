"""Tests of decoding uploads: anything FFmpeg reads, nothing that refers to other files or addresses, and no
harm by any bytes.
"""

from __future__ import annotations

import io
import socket
import struct
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.errors import BadAudio
from streaming.audio import wav
from streaming.audio.decode import decode
from streaming.audio.recording import CHUNK_SECONDS

RATE = 16_000


def tone(seconds: float = 2.0, rate: int = 44_100) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return (8000 * np.sin(2 * np.pi * 440 * t)).astype("<i2")


def encoded(
    container: str, codec: str, rate: int = 48_000, layout: str = "stereo", video: bool = False
) -> bytes:
    """Return a two-second file, with a video stream beside the sound if `video`."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        if video:
            picture = out.add_stream("mpeg4", rate=10)
            picture.width = picture.height = 64
            picture.pix_fmt = "yuv420p"
        stream = cast(av.AudioStream, out.add_stream(codec, rate=rate, layout=layout))
        out.start_encoding()
        if video:
            for _ in range(20):
                out.mux(picture.encode(av.VideoFrame(64, 64, "yuv420p")))
            out.mux(picture.encode(None))
        frame = av.AudioFrame.from_ndarray(tone()[None], "s16", "mono")
        frame.sample_rate = 44_100
        resampler = av.AudioResampler(
            stream.format, layout, rate, frame_size=stream.codec_context.frame_size or None
        )
        for resampled in [*resampler.resample(frame), *resampler.resample(None)]:
            resampled.pts = None
            out.mux(stream.encode(resampled))
        out.mux(stream.encode(None))
    return file.getvalue()


def decoded(data: bytes, **limits: Any) -> np.ndarray:
    return np.frombuffer(b"".join(decode(io.BytesIO(data), **{"max_seconds": 600, **limits})), "<i2").astype(
        float
    )


def frequency(samples: np.ndarray) -> float:
    middle = samples[len(samples) // 4 : len(samples) * 3 // 4]
    return float(np.argmax(np.abs(np.fft.rfft(middle * np.hanning(len(middle))))) * RATE / len(middle))


@pytest.mark.parametrize(
    ("container", "codec", "rate", "layout"),
    [("wav", "pcm_s16le", 44_100, "stereo"), ("wav", "pcm_s24le", 48_000, "mono"), ("wav", "pcm_u8", 8000, "mono"),
     ("wav", "pcm_f32le", 44_100, "stereo"), ("wav", "pcm_mulaw", 8000, "mono"), ("mp3", "libmp3lame", 44_100, "stereo"),
     ("ipod", "aac", 44_100, "stereo"), ("mp4", "aac", 48_000, "mono"), ("webm", "libopus", 48_000, "mono"),
     ("matroska", "aac", 48_000, "stereo"), ("ogg", "libopus", 48_000, "stereo"), ("matroska", "libmp3lame", 44_100, "mono"),
     ("flac", "flac", 44_100, "stereo"), ("adts", "aac", 44_100, "mono"), ("aiff", "pcm_s16be", 44_100, "stereo"),
     ("au", "pcm_s16be", 22_050, "mono"), ("caf", "pcm_s16le", 48_000, "mono"), ("mpegts", "mp2", 44_100, "stereo")],
)  # fmt: skip
def test_containers(container: str, codec: str, rate: int, layout: str) -> None:
    """Every usual container and codec decodes to the same tone at 16 kHz mono, of the right length."""
    samples = decoded(encoded(container, codec, rate, layout))

    assert len(samples) / RATE == pytest.approx(2.0, abs=0.12)
    assert frequency(samples) == pytest.approx(440, rel=0.01)
    assert np.abs(samples).max() > 4000


def test_video() -> None:
    """The sound of a video file is decoded."""
    assert frequency(decoded(encoded("mp4", "aac", video=True))) == pytest.approx(440, rel=0.01)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_wav_with_wrong_sizes(size: int) -> None:
    """A WAV that was streamed, with meaningless sizes, is read to its end."""
    pcm = tone(2.0, RATE).tobytes()
    head = bytearray(wav.header(RATE, len(pcm)))
    head[4:8] = head[40:44] = struct.pack("<I", size)

    assert len(decoded(bytes(head) + pcm)) == 2 * RATE


def test_chained_ogg() -> None:
    """Two concatenated Ogg files, as some recorders write them, are both decoded."""
    assert len(decoded(encoded("ogg", "libopus") * 2)) / RATE == pytest.approx(4.0, abs=0.2)


def test_chunks_are_moderate() -> None:
    """A long recording is decoded in chunks, none of them long, all of whole samples."""
    data = wav.header(RATE) + bytes(2 * RATE * 120)
    chunks = list(decode(io.BytesIO(data), max_seconds=600))

    assert sum(map(len, chunks)) == 2 * RATE * 120
    assert max(map(len, chunks)) <= 4 * CHUNK_SECONDS * 2 * RATE
    assert all(len(chunk) % 2 == 0 for chunk in chunks)


def test_a_truncated_file() -> None:
    """The part that is left of a truncated file is decoded."""
    for data in (
        encoded("mp3", "libmp3lame"),
        encoded("webm", "libopus", layout="mono"),
        encoded("flac", "flac"),
    ):
        assert 0.5 < len(decoded(data[: len(data) // 2])) / RATE < 1.6


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [(b"", None, "could not be decoded"), (b"\0" * 5000, None, "could not be decoded"), (b"no sound " * 900, None, "could not be"),
     (wav.header(RATE, 0), None, "could not be decoded"), (wav.header(RATE) + bytes(3000), "audio_too_short", "0.1 seconds")],
    ids=["empty", "zeros", "text", "no samples", "short"],
)  # fmt: skip
def test_files_without_sound_are_refused(data: bytes, code: str | None, message: str) -> None:
    """A file without sound is refused in OpenAI's words."""
    with pytest.raises(BadAudio, match=message) as caught:
        decoded(data)

    assert (caught.value.param, caught.value.code) == ("file", code)


def test_too_long() -> None:
    """A recording beyond the limit is refused once the limit is reached, not read to its end."""
    decoded_bytes = 0
    with pytest.raises(BadAudio, match="longer than 2 seconds"):
        for chunk in decode(io.BytesIO(wav.header(RATE) + bytes(2 * RATE * 60)), max_seconds=2):
            decoded_bytes += len(chunk)

    assert decoded_bytes <= 2 * RATE * 2


def test_references_are_not_followed(tmp_path: Path) -> None:
    """Playlists, scripts and descriptions that refer to a file or an address are refused, and nothing is
    opened or requested.
    """
    secret = tmp_path / "secret.wav"
    secret.write_bytes(wav.header(RATE, 64_000) + tone(2.0, RATE).tobytes())
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/a.wav"
        for location in (str(secret), f"file://{secret}", url):
            for content in (
                f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{location}\n#EXT-X-ENDLIST\n",
                f"ffconcat version 1.0\nfile '{location}'\n",
                f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\na=control:{location}\n",
                f'<?xml version="1.0"?><MPD><Period><AdaptationSet><BaseURL>{location}</BaseURL></AdaptationSet></Period></MPD>',
                f"[playlist]\nFile1={location}\n",
                f"<SMIL><audio src='{location}'/></SMIL>",
                f"rtsptext\nrtsp://{location}\n",
            ):
                with pytest.raises(BadAudio):
                    decoded(content.encode())
        with pytest.raises(BlockingIOError):
            server.accept()


@given(st.binary(max_size=2000))
@settings(max_examples=150, deadline=None)
def test_any_bytes(data: bytes) -> None:
    """Any bytes are refused, or decode to something."""
    try:
        decoded(data)
    except BadAudio as exc:
        assert exc.message


@given(
    st.sampled_from(
        [("mp3", "libmp3lame"), ("ogg", "libopus"), ("ipod", "aac"), ("flac", "flac"), ("wav", "pcm_s16le")]
    ),
    st.data(),
)
@settings(max_examples=60, deadline=None)
def test_damaged_files(kind: tuple[str, str], data: st.DataObject) -> None:
    """A file with any of its bytes changed does no harm."""
    damaged = bytearray(FILES.setdefault(kind, encoded(*kind)))
    for _ in range(data.draw(st.integers(1, 20))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded(bytes(damaged))
    except BadAudio as exc:
        assert exc.message


FILES: dict[tuple[str, str], bytes] = {}
