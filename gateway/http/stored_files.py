"""Answers that are stored files, whole or in the range that a player asks for (RFC 9110, sections 13 and 14).

Safari plays nothing that cannot be sent in ranges, and any player needs them to jump. No file has a date, so
conditions on one are passed over, as the RFC wants it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from litestar import Response

from compat.errors import PreconditionFailed, RangeNotSatisfiable

RANGES = re.compile(r"bytes *= *(.*)", re.IGNORECASE | re.ASCII)
RANGE = re.compile(r"(\d{0,100})-(\d{0,100})", re.ASCII)
TAG = re.compile(r'(?:W/)?"[^"]*"')
MOST_RANGES = 16
"""a request that names more gets the whole file"""

Range = tuple[int, int]
"""first byte, and the one behind the last"""


def stored_file(
    data: bytes, media_type: str, *, key: str, method: str, headers: Mapping[bytes, bytes]
) -> Response[bytes]:
    """Return the response that sends a file, or what the request's headers ask of it.

    `key` names its content: another content has another one. Raises PreconditionFailed or
    RangeNotSatisfiable.
    """
    tag = entity_tag(key)
    _check_match(headers, tag)
    fields = {"accept-ranges": "bytes", "etag": tag, "x-content-type-options": "nosniff"}
    if _is_known(headers, tag):
        return Response(b"", status_code=304, headers=fields, media_type=media_type)
    asked = headers.get(b"range", b"").decode("latin-1") if method == "GET" else ""
    if asked and headers.get(b"if-range", tag.encode()).strip() == tag.encode():
        found = _joined(_ranges(asked, len(data)))
        if len(found) == 1:
            start, end = found[0]
            fields["content-range"] = f"bytes {start}-{end - 1}/{len(data)}"
            return Response(data[start:end], status_code=206, headers=fields, media_type=media_type)
    return Response(data, status_code=200, headers=fields, media_type=media_type)


def check_change(headers: Mapping[bytes, bytes], key: str) -> None:
    """Check the conditions of a request that changes a file, whose content `key` names; empty where there is
    none.

    Raises PreconditionFailed where the file is not the one that the client knows, or there is one already.
    """
    tag = entity_tag(key) if key else ""
    _check_match(headers, tag)
    if _is_known(headers, tag):
        raise PreconditionFailed(tag)


def entity_tag(key: str) -> str:
    """Return the tag that names a content."""
    return f'"{hashlib.sha256(key.encode()).hexdigest()[:32]}"'


def _check_match(headers: Mapping[bytes, bytes], tag: str) -> None:
    """Check that the file is one that the client asks for, if it does; a weak tag names none."""
    wanted = headers.get(b"if-match")
    if wanted is None:
        return
    value = wanted.decode("latin-1").strip()
    if not (tag if value == "*" else tag in TAG.findall(value)):
        raise PreconditionFailed(tag)


def _is_known(headers: Mapping[bytes, bytes], tag: str) -> bool:
    """Tell whether a client has the file already, by the tags that it names."""
    value = headers.get(b"if-none-match", b"").decode("latin-1").strip()
    if value == "*":
        return bool(tag)
    return tag in (one.removeprefix("W/") for one in TAG.findall(value))


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
