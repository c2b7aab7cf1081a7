"""Tests of WAV files, read and written by Python's own module."""

from __future__ import annotations

import io
import wave

import pytest

from streaming.audio import wav

PCM = bytes(range(200))


def written_by_wave(rate: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(PCM)
    return buffer.getvalue()


@pytest.mark.parametrize("rate", [8000, 24_000, 48_000])
def test_a_whole_file(rate: int) -> None:
    """A file is byte for byte what `wave` writes."""
    assert wav.encode(PCM, rate) == written_by_wave(rate)


def test_sizes_are_filled_in() -> None:
    """A file with open sizes gets them; one that has sizes, or is no WAV, stays as it is."""
    for content in (wav.header(24_000) + PCM, wav.encode(PCM, 24_000)):
        file = io.BytesIO(content)
        wav.fill_in_sizes(file)
        assert file.getvalue() == wav.encode(PCM, 24_000)
    for content in (b"", b"RIFF", bytes(1000)):
        file = io.BytesIO(content)
        wav.fill_in_sizes(file)
        assert file.getvalue() == content
