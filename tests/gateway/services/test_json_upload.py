"""Tests of recordings in JSON bodies: taken out and decoded piece by piece, whatever way they are written."""

from __future__ import annotations

import base64
import json
import tempfile
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.errors import BadAudio, BadInput
from gateway.services.json_upload import PIECE, SPOOL_BYTES, STRETCH, JsonUpload, _longest_data, read_upload


def spooled(body: bytes) -> IO[bytes]:
    """Return a body as the server has it."""
    file: IO[bytes] = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 - read_upload needs it open
    file.write(body)
    return file


def upload(body: bytes, rest: int = 100_000) -> JsonUpload:
    """Read a body."""
    with spooled(body) as file:
        return read_upload(file, rest)


def written(content: bytes, **more: Any) -> bytes:
    """Write a body."""
    audio = {"data": base64.b64encode(content).decode(), "format": "wav"}
    return json.dumps({"model": "whisper-1", "input_audio": audio, **more}).encode()


@given(st.binary(min_size=1, max_size=2000), st.text(max_size=50))
def test_what_goes_in_comes_out(content: bytes, prompt: str) -> None:
    """The recording is what it was, and the other fields too."""
    found = upload(written(content, prompt=prompt))
    with found.recording as recording:
        assert recording.read() == content
    assert (found.fields["model"], found.fields["prompt"]) == ("whisper-1", prompt)


@pytest.mark.parametrize("size", [1, 2, 3, PIECE * 3 // 4, PIECE, PIECE * 3 + 1, 2_000_000])
@pytest.mark.parametrize("style", ["plain", "lines", "escaped", "URL"])
def test_ways_to_write_it(size: int, style: str) -> None:
    """In lines, with escapes as .NET and PHP write them, as a data URL: it is the same recording."""
    content = (b"\xfb\xff\x00a/+" * (size // 6 + 1))[:size]
    body = written(content)
    if style == "lines":
        body = body.replace(base64.b64encode(content), base64.encodebytes(content).replace(b"\n", b"\\r\\n"))
    elif style == "escaped":
        body = body.replace(b"/", b"\\/").replace(b"+", b"\\u002B")
    elif style == "URL":
        body = body.replace(b'"data": "', b'"data": "data:audio/wav;base64,')
    with upload(body).recording as recording:
        assert recording.read() == content


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[1]",
        b"{}",
        b'{"input_audio":{"data":1}}',
        b'{"input_audio":{"data":"abc',
        b'{"input_audio":{"data":"a\\"b"}}',
        b'{"input_audio":{"data":"a"}}',
        b'{"input_audio":{"data":"aaaa"},"other":{"data":"aaaaaaaaaaaa"}}',
        b'{"prompt":"' + b"a" * 100_000 + b'","input_audio":{"data":"aaaa"}}',
    ],
)
def test_bodies_that_are_none(body: bytes) -> None:
    """What is no JSON, no base64, or too long beside the recording is refused."""
    with pytest.raises((BadInput, BadAudio)):
        upload(body)


class Searched(bytes):
    """A body that keeps how much was looked at in one call, which holds all other threads."""

    longest = 0

    def find(self, sought: Any, start: Any = 0, end: Any = None, /) -> int:
        """Find as bytes do."""
        stop = len(self) if end is None else min(len(self), end)
        Searched.longest = max(Searched.longest, stop - start)
        return super().find(sought, start, stop)


def test_a_long_body_is_searched_in_stretches() -> None:
    """The end of a long recording is looked for a megabyte at a time, and found wherever it is."""
    recording = b"A" * (3 * STRETCH)
    for before in (b'{"data":"', b" " * (STRETCH - 3) + b'{"data": "'):
        body = Searched(before + recording + b'"}')

        assert _longest_data(body) == (len(before), len(before) + len(recording))
    assert Searched.longest <= STRETCH + 10
