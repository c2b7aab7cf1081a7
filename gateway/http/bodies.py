"""Bodies of requests: JSON read into memory within a limit, forms with their file spooled to disk as it
comes.
"""

from __future__ import annotations

import asyncio
import codecs
import tempfile
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import IO

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from compat.errors import TooLarge
from compat.openai.form_names import split_name
from engines.errors import BadInput
from streaming.http.response import Receive

SPOOL_BYTES = 262_144
"""an upload longer than this goes to disk, and is written in pieces of this size"""
MAX_PARTS = 500
ANY_BYTES = "latin-1"
"""the charset that headers of parts are read with: file names come in any, and are not used"""
CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "iso-8859-1": "latin-1",
    "latin-1": "latin-1",
    "latin1": "latin-1",
    "windows-1252": "cp1252",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}
"""what a form's part may say of itself; Python knows a hundred more, some of which take quadratic time"""
PIECE = 65_536
"""bytes that are decoded at once"""


class Disconnected(BadInput):
    """The client disconnected before its body was whole; nobody reads this."""


class FormLimits(msgspec.Struct, frozen=True):
    """How many bytes a form may have."""

    body: int
    """in all"""
    fields: int
    """in its text fields together"""


async def read_chunks(headers: Mapping[bytes, bytes], receive: Receive, limit: int) -> AsyncIterator[bytes]:
    """Yield a body as it comes. Raises TooLarge, before reading anything where its length is announced."""
    # zeros that lead are in the grammar, and Python reads no number of thousands of digits
    announced = headers.get(b"content-length", b"").lstrip(b"0")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit, int(announced))
    received = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected("The client left before its request was whole.")
        chunk: bytes = message.get("body", b"")
        received += len(chunk)
        if received > limit:
            raise _too_large(limit, received)
        if chunk:
            yield chunk
        more = message.get("more_body", False)


def _too_large(limit: int, size: int) -> TooLarge:
    return TooLarge(f"413: Maximum content size limit ({limit}) exceeded ({size} bytes read)")


async def read_all(headers: Mapping[bytes, bytes], receive: Receive, limit: int) -> bytes:
    """Return a whole body. Raises TooLarge."""
    return b"".join([chunk async for chunk in read_chunks(headers, receive, limit)])


class Form:
    """A form: its text parts in order, and the first part that is a file. `close` it, or that stays open."""

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []
        self.file: IO[bytes] | None = None
        self.size = 0
        self.file_type = ""
        """what the file's part says that it is"""

    def __enter__(self) -> Form:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self.file is not None:
            self.file.close()


def form_boundary(content_type: str) -> str:
    """Return the boundary in a Content-Type header. Raises BadInput when this is no form."""
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise BadInput("The body should be multipart/form-data.")
    return str(options["boundary"])


async def read_form(
    headers: Mapping[bytes, bytes], receive: Receive, limits: FormLimits, file_field: str = "file"
) -> Form:
    """Return a form, its parts in any order. Raises BadInput or TooLarge; nothing is left open then."""
    reader = _FormReader(
        form_boundary(headers.get(b"content-type", b"").decode("latin-1")), limits, file_field
    )
    try:
        async for chunk in read_chunks(headers, receive, limits.body):
            await reader.feed(chunk)
        await reader.finish()
    except MultipartError as exc:
        reader.form.close()
        raise BadInput(f"The multipart body is malformed: {exc.args[0]}") from exc
    except BaseException:  # cancelled or failed, the file is closed
        reader.form.close()
        raise
    return reader.form


class _FormReader:
    """Feeds the parser, and puts text parts into the form's fields and the file part into its file."""

    def __init__(self, boundary: str, limits: FormLimits, file_field: str) -> None:
        self.form = Form()
        self._parser = PushMultipartParser(
            boundary, max_segment_count=MAX_PARTS, max_header_count=32, header_charset=ANY_BYTES
        )
        self._limits = limits
        self._file_field = file_field
        self._segment: MultipartSegment | None = None
        self._in_file = False
        self._text = bytearray()
        self._text_total = 0
        self._pending = bytearray()

    async def feed(self, chunk: bytes) -> None:
        """Parse some more of the body; whatever follows the last boundary is dropped."""
        if self._parser.closed:
            return
        for part in self._parser.parse(chunk):
            if isinstance(part, MultipartSegment):
                self._begin_part(part)
            elif part is None:
                await self._end_part()
            else:
                self._add(bytes(part))
        if len(self._pending) >= SPOOL_BYTES:
            await self._spool()

    async def finish(self) -> None:
        """End the body. Raises MultipartError when its last boundary never came."""
        self._parser.close()
        await self._spool()
        if self.form.file is not None:
            self.form.file.seek(0)

    def _begin_part(self, segment: MultipartSegment) -> None:
        self._segment = segment
        is_named = split_name(_name(segment)) == (self._file_field, [])  # `file[]` and `file[0]` too
        self._in_file = is_named and self.form.file is None
        if self._in_file:
            self.form.file_type = segment.content_type or ""
            self.form.file = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - Form closes it

    def _add(self, data: bytes) -> None:
        if self._in_file:
            self._pending += data
            self.form.size += len(data)
            return
        self._text_total += len(data)
        if self._text_total > self._limits.fields:
            raise TooLarge(f"413: Maximum size of form fields ({self._limits.fields}) exceeded")
        self._text += data

    async def _end_part(self) -> None:
        if self._segment is not None and not self._in_file:
            codec = _codec(self._segment)
            text = self._text
            value = (
                _decoded(text, codec)
                if len(text) <= PIECE
                else await asyncio.to_thread(_decoded, text, codec)
            )
            self.form.fields.append((_name(self._segment), value))
        self._text = bytearray()
        self._segment = None

    async def _spool(self) -> None:
        if self._pending and self.form.file is not None:
            data = bytes(self._pending)
            self._pending = bytearray()
            await asyncio.to_thread(self.form.file.write, data)


def _name(segment: MultipartSegment) -> str:
    """Return a part's name, which is UTF-8 as HTML has it."""
    return str(segment.name).encode(ANY_BYTES).decode("utf-8", "replace")


def _codec(segment: MultipartSegment) -> str:
    """Return the codec of a part's text. Raises BadInput for a charset that is not one of a few."""
    codec = CHARSETS.get((segment.charset or "utf-8").strip().casefold())
    if codec is None:
        name = _name(segment)[:100]
        raise BadInput(f"The charset of `{name}` is not known here; utf-8 is best.", param=name)
    return codec


def _decoded(text: bytearray, codec: str) -> str:
    """Return text, piece by piece: in a thread, the event loop goes on between two."""
    if codec == "utf-16":
        codec = "utf-16-be" if text.startswith(codecs.BOM_UTF16_BE) else "utf-16-le"
        text = text.removeprefix(codecs.BOM_UTF16_BE).removeprefix(codecs.BOM_UTF16_LE)
    decoder = codecs.getincrementaldecoder(codec)("replace")
    pieces = [decoder.decode(text[at : at + PIECE]) for at in range(0, len(text), PIECE)]
    return "".join([*pieces, decoder.decode(b"", final=True)])
