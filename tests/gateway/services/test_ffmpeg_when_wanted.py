"""Tests that the gateway's own process loads FFmpeg with the first recording: idle, it is 16 MB smaller."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from servers import Server, running

JFK = Path(__file__).parents[2] / "data" / "jfk.flac"


def has_ffmpeg(server: Server) -> bool:
    """Tell whether FFmpeg's codecs are in the gateway's own process."""
    return "libavcodec" in Path(f"/proc/{server.process.pid}/maps").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="processes tell what they have loaded by /proc")
def test_a_gateway_that_only_speaks_has_none(tmp_path: Path) -> None:
    """Speech is encoded by other processes: the gateway has no FFmpeg until a recording comes."""
    with running(tmp_path) as server:
        client = server.sdk()
        assert client.audio.speech.create(model="tts-1", voice="alloy", input="Hello.").content
        assert not has_ffmpeg(server)
        assert client.audio.transcriptions.create(model="whisper-1", file=JFK).text
        assert has_ffmpeg(server)
