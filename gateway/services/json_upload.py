"""A recording in a JSON body, as base64: taken out of the body and decoded piece by piece, onto the disk.

A body of megabytes is never parsed as a whole: what is parsed is what is left of it without the recording.
"""

from __future__ import annotations

import base64
import binascii
import json
import mmap
import os
import re
import tempfile
from typing import IO, Any

import msgspec

from compat.openai import loose, validation
from engines.errors import BadAudio, BadInput

SPOOL_BYTES = 262_144
"""a recording longer than this goes to disk"""
PIECE = 65_536
"""bytes of base64 that are decoded at a time, in well under a millisecond"""
STRETCH = 1_000_000
"""bytes that are searched at a time, in a millisecond or two"""
LONGEST_ESCAPE = 6
LONGEST_PREFIX = 200
"""bytes of the `data:audio/wav;base64,` that some put before"""
KEY = b'"data"'
"""whose value is the recording; inside a string the quotes would be escaped"""
MOST_KEYS = 1000
VALUE = re.compile(rb'\s*+:\s*+"')
NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
"""what is skipped: spaces and lines, padding"""


class JsonUpload(msgspec.Struct, frozen=True):
    """The fields of a JSON body, and the recording that was in it, which the caller closes."""

    fields: dict[str, Any]
    recording: IO[bytes]


def read_upload(file: IO[bytes], longest_rest: int) -> JsonUpload:
    """Return what is in a body, `input_audio: {data, format}` and other fields. To be called in a thread.

    The body is a file that lies on the disk where it is long. `longest_rest` is how many bytes there may be
    beside the recording. Raises BadInput or BadAudio.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size <= SPOOL_BYTES:
        return _read_upload(file.read(), longest_rest)
    with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as body:
        return _read_upload(body, longest_rest)


def _read_upload(body: bytes | mmap.mmap, longest_rest: int) -> JsonUpload:
    start, end = _longest_data(body)
    if len(body) - (end - start) > longest_rest:
        raise BadInput(f"The JSON beside the recording has more than {longest_rest} bytes.")
    rest = body[:start] + b"%d" % start + body[end:] if start else body[:]
    fields = loose.json_object(rest)
    audio = fields.get("input_audio")
    data = audio.get("data") if isinstance(audio, dict) else None
    if not isinstance(data, str) or not start:
        raise validation.missing_file()
    if data != str(start):  # the longest is another field's
        raise BadAudio("`input_audio.data` is not base64.", param="file")
    return JsonUpload(fields, _decoded(body, start, end))


def _longest_data(body: bytes | mmap.mmap) -> tuple[int, int]:
    """Return where the longest value of a key "data" begins and ends; twice 0 where there is none."""
    longest = (0, 0)
    at = _find(body, KEY, 0)
    for _ in range(MOST_KEYS):
        if at < 0:
            break
        if begin := VALUE.match(body, at + len(KEY)):
            end = _find(body, b'"', begin.end())
            longest = max(
                longest, (begin.end(), len(body) if end < 0 else end), key=lambda span: span[1] - span[0]
            )
        at = _find(body, KEY, at + 1)
    return longest


def _find(body: bytes | mmap.mmap, sought: bytes, start: int) -> int:
    """Return where something is found behind a place, -1 where it is not.

    It is looked for in stretches, since a search holds all other threads, and reads the disk.
    """
    for begin in range(start, len(body), STRETCH):
        at = body.find(sought, begin, begin + STRETCH + len(sought) - 1)
        if at >= 0:
            return at
    return -1


def _decoded(body: bytes | mmap.mmap, start: int, end: int) -> IO[bytes]:
    """Return a file with what the base64 of body[start:end] stands for. Raises BadAudio."""
    file: IO[bytes] = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 - the caller closes it
    try:
        _decode_into(body, start, end, file)
    except BaseException:  # whatever it was, the file is closed
        file.close()
        raise
    file.seek(0)
    return file


def _decode_into(body: bytes | mmap.mmap, start: int, end: int, file: IO[bytes]) -> None:
    at = start
    if body[start : start + 5] == b"data:":
        at = body.find(b",", start, min(end, start + LONGEST_PREFIX)) + 1 or start
    left = b""
    try:
        while at < end:
            piece = body[at : min(end, at + PIECE)]
            at += len(piece)
            if b"\\" in piece:
                piece, at = _unescaped(piece, at, end)
            left += piece.translate(None, NOT_BASE64)
            whole = len(left) - len(left) % 4
            file.write(base64.b64decode(left[:whole]))
            left = left[whole:]
        file.write(base64.b64decode(left + b"=" * (-len(left) % 4)))
    except (binascii.Error, ValueError) as exc:
        raise BadAudio("`input_audio.data` is not base64.", param="file") from exc


def _unescaped(piece: bytes, at: int, end: int) -> tuple[bytes, int]:
    """Return a piece without JSON's escapes (some write every "/" and "+" so), and where the next begins: one
    that may be cut is left to it. Raises ValueError.
    """
    cut = piece.rfind(b"\\", len(piece) - LONGEST_ESCAPE)
    if at < end and cut > 0:
        at -= len(piece) - cut
        piece = piece[:cut]
    return json.loads(b'"%s"' % piece, strict=False).encode("ascii", "ignore"), at
