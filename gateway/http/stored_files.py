"""Answers that are stored files, whole or in the range that a player asks for (RFC 9110, section 14).

Safari plays nothing that cannot be sent in ranges, and any player needs them to jump.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from litestar import Response

from compat.errors import RangeNotSatisfiable

RANGES = re.compile(r"bytes *= *(.*)", re.IGNORECASE | re.ASCII)
RANGE = re.compile(r"(\d{0,100})-(\d{0,100})", re.ASCII)
MOST_RANGES = 16
"""a request that names more gets the whole file"""

Range = tuple[int, int]
"""first byte, and the one behind the last"""


def stored_file(
    data: bytes, media_type: str, *, key: str, method: str, headers: Mapping[bytes, bytes]
) -> Response[bytes]:
    """Return the response that sends a file, or what the request's headers ask of it.

    `key` names its content: another content has another one. Raises RangeNotSatisfiable.
    """
    tag = f'"{hashlib.sha256(key.encode()).hexdigest()[:32]}"'
    fields = {"accept-ranges": "bytes", "etag": tag, "x-content-type-options": "nosniff"}
    if _has_it(headers.get(b"if-none-match", b"").decode("latin-1"), tag):
        return Response(b"", status_code=304, headers=fields, media_type=media_type)
    asked = headers.get(b"range", b"").decode("latin-1") if method == "GET" else ""
    if asked and headers.get(b"if-range", tag.encode()).strip() == tag.encode():
        found = _joined(_ranges(asked, len(data)))
        if len(found) == 1:
            start, end = found[0]
            fields["content-range"] = f"bytes {start}-{end - 1}/{len(data)}"
            return Response(data[start:end], status_code=206, headers=fields, media_type=media_type)
    return Response(data, status_code=200, headers=fields, media_type=media_type)


def _has_it(tags: str, tag: str) -> bool:
    """Tell whether a client has the file already, by the tags that it names."""
    known = [one.strip().removeprefix("W/") for one in tags.split(",")]
    return tag in known or known == ["*"]


def _ranges(asked: str, size: int) -> list[Range]:
    """Return what of the ranges that are asked for is in a file of so many bytes; none where they make no
    sense, which is as if none were asked for. Raises RangeNotSatisfiable where none is in the file.
    """
    listed = RANGES.fullmatch(asked.strip())
    specs = [spec.strip() for spec in listed[1].split(",")] if listed else []
    matches = [RANGE.fullmatch(spec) for spec in specs if spec]
    if not matches or len(matches) > MOST_RANGES:
        return []
    found: list[Range] = []
    for match in matches:
        if match is None or match[0] == "-" or (match[1] and match[2] and int(match[1]) > int(match[2])):
            return []
        start, end = _bounds(match[1], match[2], size)
        if start < end:
            found.append((start, end))
    if not found:
        raise RangeNotSatisfiable(size)
    return found


def _bounds(first: str, last: str, size: int) -> Range:
    """Return the bytes of `first-last`, `first-` or `-count`."""
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


def _joined(ranges: list[Range]) -> list[Range]:
    """Return ranges in order, those that touch each other as one. Several, which hardly any client asks for,
    are answered with the whole file.
    """
    joined: list[Range] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
