"""Tests of request bodies: any order of parts, any chunking, within limits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import Server

from compat.errors import TooLarge
from engines.errors import BadInput
from gateway.http.bodies import Form, FormLimits, read_all, read_form

EDGE = "edge"
Part = tuple[str, bytes]


def receiver(chunks: list[bytes], *, leave: bool = False) -> Callable[[], Awaitable[Any]]:
    queue = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    queue.append(
        {"type": "http.disconnect"} if leave else {"type": "http.request", "body": b"", "more_body": False}
    )

    async def receive() -> Any:
        return queue.pop(0)

    return receive


def multipart(parts: list[Part]) -> bytes:
    body = b"".join(
        b"--edge\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n" for head, content in parts
    )
    return body + b"--edge--\r\n"


def field(name: str, value: str) -> Part:
    return f'Content-Disposition: form-data; name="{name}"', value.encode()


def file(content: bytes, name: str = "file", head: str = '; filename="a.wav"') -> Part:
    return f'Content-Disposition: form-data; name="{name}"{head}', content


def read(parts: list[Part], cuts: list[int] = [], limits: FormLimits | None = None) -> Form:  # noqa: B006 - not changed
    body = multipart(parts)
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    chunks = [body[start:end] for start, end in pairwise(edges)]
    headers = {b"content-type": b"multipart/form-data; boundary=edge"}
    return asyncio.run(read_form(headers, receiver(chunks), limits or FormLimits(body=10**9, fields=10**6)))


@given(
    content=st.binary(max_size=3000),
    cuts=st.lists(st.integers(0, 4000), max_size=8),
    where=st.integers(0, 3),
    values=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=3, max_size=3),
)
def test_any_order_any_chunking(content: bytes, cuts: list[int], where: int, values: list[str]) -> None:
    """The file is found wherever it is among the fields, and however the network cut the body."""
    parts = [field(f"f{number}[]", value) for number, value in enumerate(values)]
    parts.insert(where, file(content))

    with read(parts, cuts) as got:
        assert got.file is not None
        assert got.file.read() == content
        assert [value for _, value in got.fields] == values


@pytest.mark.parametrize(
    "head", ['; filename="file"', "", '; filename="C:\\\\x\\\\a.webm"', "; filename*=utf-8''na%C3%AFve.mp3"]
)
def test_files_by_field_name(head: str) -> None:
    """A part is the file because of its field, not its file name, which clients leave out or garble."""
    with read([file(b"sound", head=head)]) as got:
        assert got.file is not None
        assert got.file.read() == b"sound"


def test_odd_part_headers() -> None:
    """Parts may put their type first, and give one to text fields (aiohttp, .NET)."""
    head = 'Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name="model"'
    with read([(head, b"whisper-1"), file(b"x")]) as got:
        assert got.fields == [("model", "whisper-1")]


def test_a_second_file_is_ignored() -> None:
    """Only the first `file` part is the recording."""
    with read([file(b"one"), file(b"two")]) as got:
        assert got.file is not None
        assert got.file.read() == b"one"


def test_large_files_go_to_disk() -> None:
    """An upload beyond the spool's size is written to disk, and is read back whole."""
    content = bytes(range(256)) * 8000
    with read([file(content)], cuts=list(range(0, len(content), 65536))) as got:
        assert got.file is not None
        assert got.file._rolled  # type: ignore[attr-defined]
        assert got.file.read() == content


@pytest.mark.parametrize("limits", [FormLimits(body=500, fields=10**6), FormLimits(body=10**6, fields=500)])
def test_limits(limits: FormLimits) -> None:
    """A body beyond the limits is refused, be it the whole body or its text fields."""
    with pytest.raises(TooLarge, match="413"):
        read([field("prompt", "x" * 1000), file(b"x")], limits=limits)


def test_an_announced_length_beyond_the_limit() -> None:
    """A body announced as too long is refused before any of it is read."""
    with pytest.raises(TooLarge):
        asyncio.run(read_all({b"content-length": b"1000"}, receiver([]), 999))


@pytest.mark.parametrize(
    "content_type", [b"", b"text/plain", b"multipart/form-data", b"multipart/form-data; boundary="]
)
def test_no_form_at_all(content_type: bytes) -> None:
    """Another type of body is a clear error."""
    with pytest.raises(BadInput, match="multipart/form-data"):
        asyncio.run(
            read_form({b"content-type": content_type}, receiver([b"x"]), FormLimits(body=99, fields=99))
        )


@given(st.binary(max_size=300))
def test_garbage(body: bytes) -> None:
    """No bytes cause anything but a refusal."""
    headers = {b"content-type": b"multipart/form-data; boundary=edge"}
    try:
        asyncio.run(read_form(headers, receiver([body]), FormLimits(body=10**6, fields=10**6))).close()
    except BadInput as exc:
        assert "malformed" in exc.message


def test_a_client_that_leaves_during_an_upload() -> None:
    """A client that leaves mid-upload ends the reading."""
    headers = {b"content-type": b"multipart/form-data; boundary=edge"}
    body = multipart([file(b"x" * 100)])[:60]
    with pytest.raises(BadInput, match="left"):
        asyncio.run(read_form(headers, receiver([body], leave=True), FormLimits(body=10**6, fields=10**6)))


def charset_form(charset: str, value: bytes) -> tuple[dict[bytes, bytes], bytes]:
    """Return headers and body of a form with one field in a charset."""
    head = f'content-disposition: form-data; name="prompt"\r\ncontent-type: text/plain; charset={charset}'
    return {b"content-type": b"multipart/form-data; boundary=edge"}, multipart([(head, value)])


@pytest.mark.parametrize("length", [10, 100_000])
@pytest.mark.parametrize(
    "charset", ["utf-8", "UTF-8", "latin-1", "ISO-8859-1", "utf-16", "utf-16le", "utf-16be"]
)
def test_charsets_of_a_few(charset: str, length: int) -> None:
    """Text in the charsets that programs send is read as it was meant, short or long."""
    text = "é" * length
    headers, body = charset_form(charset, text.encode(charset))
    with asyncio.run(read_form(headers, receiver([body]), FormLimits(body=10**6, fields=10**6))) as form:
        assert form.fields == [("prompt", text)]


@pytest.mark.parametrize("charset", ["punycode", "idna", "unicode_escape", "hex", "rot13", "zip", "nonsense"])
def test_charsets_of_nobody(charset: str) -> None:
    """Any other charset is a clear refusal, whatever Python makes of it."""
    headers, body = charset_form(charset, b"abcd" * 1000)
    with pytest.raises(BadInput, match="charset of `prompt`") as caught:
        asyncio.run(read_form(headers, receiver([body]), FormLimits(body=10**6, fields=10**6)))
    assert caught.value.param == "prompt"


@pytest.mark.parametrize("name", ["file", "file[]", "file[0]", "file%5B%5D", "file.0"])
def test_a_file_in_a_list_is_the_file(server: Server, name: str) -> None:
    """A recording is taken by its field's name as that of a list too, as PHP and others write all fields."""
    answer = httpx.post(
        f"{server.base_url}/audio/transcriptions",
        files={name: ("a.wav", b"RIFF", "audio/wav")},
        data={"model": "pocketsphinx"},
        timeout=60,
    )

    assert "Field required" not in answer.text
    assert "could not be decoded" in answer.text
