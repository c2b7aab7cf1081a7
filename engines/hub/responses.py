"""Files as they come from somewhere: the response of a server, or a file of this machine."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engines.hub.hashing import BLOCK_SIZE

if TYPE_CHECKING:
    import httpx2

CONTENT_RANGE = re.compile(r"bytes (\d+)-")


class FileBody(Protocol):
    """The bytes of a file from `start` on; `length` is how many are announced, None where nobody says."""

    start: int
    length: int | None

    def chunks(self) -> Iterator[bytes]:
        """Return an iterator over the bytes as they arrive."""
        ...

    def abort(self) -> None:
        """End it, from another thread: who waits for the next bytes gets an error."""
        ...


class FileResponse:
    """The response to a request for a file."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        content_range = CONTENT_RANGE.match(response.headers.get("content-range", ""))
        self.start = (
            int(content_range[1])
            if content_range and response.status_code == HTTPStatus.PARTIAL_CONTENT
            else 0
        )
        announced = response.headers.get("content-length", "")
        plain = response.headers.get("content-encoding", "identity") == "identity"
        self._empty = response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        self.length = int(announced) if plain and announced.isdigit() and not self._empty else None

    def chunks(self) -> Iterator[bytes]:
        """Return an iterator over the bytes as they arrive."""
        return iter(()) if self._empty else self._response.iter_bytes()

    def abort(self) -> None:
        """Shut the connection down, from another thread: who waits for the next bytes gets an error."""
        with suppress(Exception):  # it may end by itself at this very moment, in any of the layers below
            self._response.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)


class LocalFile:
    """A file of this machine, read like a response."""

    def __init__(self, path: Path, start: int) -> None:
        self._path = path
        size = path.stat().st_size
        self.start = min(start, size)
        self.length: int | None = size - self.start

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes from `start` on."""
        with self._path.open("rb") as file:
            file.seek(self.start)
            while data := file.read(BLOCK_SIZE):
                yield data

    def abort(self) -> None:
        """Do nothing: nobody waits long for a block."""
