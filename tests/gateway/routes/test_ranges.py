"""Tests that stored files are sent in the ranges that players ask for, as Safari does before it plays anything."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest
from cloning_server import HTTP, call, create_profile, female, json_of
from servers import Server

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
SIZE = len(PNG)


@pytest.fixture(scope="module")
def files(cloning: Server) -> dict[str, bytes]:
    """Return the stored files of a voice by their URLs: its sample as it is used, and as it came, and its picture."""
    voice = create_profile(cloning)
    path = f"/voicebox/profiles/{voice['id']}"
    sent: dict[str, Any] = {
        "files": {"file": ("a.wav", female(), "audio/wav")},
        "data": {"transcript": "The quick brown fox"},
    }
    sample = json_of(call(cloning, "POST", f"{path}/samples", **sent))
    json_of(call(cloning, "PUT", f"{path}/avatar", content=PNG))
    urls = [f"{path}/samples/{sample['id']}/audio", f"{path}/samples/{sample['id']}/audio?original=true", f"{path}/avatar"]  # fmt: skip
    return {url: call(cloning, "GET", url).content for url in urls}


def get(server: Server, path: str, **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return call(server, "GET", path, headers=sent)


def test_first_what_safari_asks(cloning: Server, files: dict[str, bytes]) -> None:
    """Any stored file is sent in the range that is asked for, with all that a player needs to know of it."""
    for path, data in files.items():
        whole = get(cloning, path)
        part = get(cloning, path, range="bytes=0-1")

        assert (whole.status_code, whole.headers["accept-ranges"]) == (200, "bytes")
        assert (part.status_code, part.content) == (206, data[:2])
        assert part.headers["content-range"] == f"bytes 0-1/{len(data)}"
        assert part.headers["content-length"] == "2"
        for name in ("content-type", "accept-ranges", "etag", "x-content-type-options"):
            assert part.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-", 0, SIZE), ("bytes=100-199", 100, 200), (f"bytes=100-{SIZE + 5}", 100, SIZE), ("bytes=-10", SIZE - 10, SIZE),
     (f"bytes=-{SIZE * 9}", 0, SIZE), (f"bytes={SIZE - 1}-", SIZE - 1, SIZE), ("Bytes = 5-6", 5, 7), ("bytes=0-1,2-3", 0, 4),
     ("bytes=5-9, 0-6", 0, 10), (f"bytes=3-4,{SIZE}-", 3, 5), ("bytes=1-1,", 1, 2), ("bytes=0-99999999999999999999", 0, SIZE),
     (f"bytes=-{'9' * 40}", 0, SIZE)],
)  # fmt: skip
def test_ranges(cloning: Server, files: dict[str, bytes], asked: str, start: int, end: int) -> None:
    """Ranges from the start, from the end, and several that touch each other, are sent as asked for."""
    answer = get(cloning, next(path for path in files if path.endswith("avatar")), range=asked)

    assert (answer.status_code, answer.content) == (206, PNG[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=999999999-", "bytes=-0", f"bytes={SIZE}-,{SIZE + 5}-{SIZE + 9}"])  # fmt: skip
def test_ranges_outside(cloning: Server, files: dict[str, bytes], asked: str) -> None:
    """A range that is not in the file is refused with its size, in the usual envelope."""
    answer = get(cloning, next(path for path in files if path.endswith("avatar")), range=asked)

    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{SIZE}"
    error = answer.json()["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "range_not_satisfiable")


@pytest.mark.parametrize("asked", ["", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "items=0-5", "bytes=1", "bytes=0-1,x", "bytes=²-3",
    "bytes=0-0,5-5", "bytes=" + ",".join(f"{at}-" for at in range(500)), "bytes=" + "9" * 5000 + "-"])  # fmt: skip
def test_ranges_that_are_not_sent(cloning: Server, files: dict[str, bytes], asked: str) -> None:
    """Headers that make no sense, and several ranges with gaps between them, are answered with the whole file."""
    path = next(path for path in files if path.endswith("avatar"))
    answer = call(cloning, "GET", path, headers={"range": asked.encode("latin-1")})

    assert (answer.status_code, answer.content) == (200, PNG)
    assert "content-range" not in answer.headers


def test_conditions(cloning: Server, files: dict[str, bytes]) -> None:
    """A range is sent only of the file that the client has begun to load, and no file that it has already."""
    for path, data in files.items():
        tag = get(cloning, path).headers["etag"]

        assert get(cloning, path, range="bytes=0-4", if_range=tag).content == data[:5]
        for other in ('"other"', f"W/{tag}", "Wed, 21 Oct 2026 07:28:00 GMT"):
            assert get(cloning, path, range="bytes=0-4", if_range=other).status_code == 200
        for known in (tag, f'"x", {tag}', f"W/{tag}", "*"):
            unchanged = get(cloning, path, if_none_match=known)
            assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert get(cloning, path, if_none_match='"x"').content == data
    assert len({get(cloning, path).headers["etag"] for path in files}) == len(files)


def test_files_that_must_be_the_one_that_is_known(cloning: Server, files: dict[str, bytes]) -> None:
    """A file that is not the one which `If-Match` names is refused with 412, whole, in a range, and to HEAD."""
    for path, data in files.items():
        tag = get(cloning, path).headers["etag"]

        for wanted in (tag, f'"x,y" , {tag}', "*"):
            assert get(cloning, path, if_match=wanted).content == data
            assert get(cloning, path, if_match=wanted, range="bytes=0-4").content == data[:5]
        for other in ('"x"', f"W/{tag}", tag.strip('"'), ""):
            for asked in ({}, {"range": "bytes=0-4"}, {"range": "bytes=99999999-"}, {"if_none_match": tag}):
                refused = get(cloning, path, if_match=other, **asked)
                error = refused.json()["error"]
                assert (refused.status_code, error["code"]) == (412, "precondition_failed")
                assert refused.headers["etag"] == tag
        head = HTTP.head(f"{cloning.base_url}{path}", headers={"if-match": '"x"'})
        assert (head.status_code, head.content) == (412, b"")


def test_conditions_on_dates_are_passed_over(cloning: Server, files: dict[str, bytes]) -> None:
    """Stored files have no date, so that a condition on one changes nothing, as RFC 9110 wants it."""
    for path, data in files.items():
        whole = get(cloning, path, if_unmodified_since="Wed, 21 Oct 2015 07:28:00 GMT")

        assert (whole.status_code, whole.content) == (200, data)
        assert "last-modified" not in whole.headers


def test_pictures_are_changed_as_the_client_knows_them(cloning: Server) -> None:
    """A picture is replaced or deleted only where it is the one that the request's condition names."""
    path = f"/voicebox/profiles/{create_profile(cloning)['id']}/avatar"
    none = {"if-match": "*"}
    assert call(cloning, "PUT", path, content=PNG, headers=none).status_code == 412
    json_of(call(cloning, "PUT", path, content=PNG, headers={"if-none-match": "*"}))
    tag = get(cloning, path).headers["etag"]
    assert call(cloning, "PUT", path, content=PNG + b"x", headers={"if-none-match": "*"}).status_code == 412
    assert call(cloning, "PUT", path, content=PNG + b"x", headers={"if-match": '"x"'}).status_code == 412
    assert get(cloning, path).content == PNG
    json_of(call(cloning, "PUT", path, content=PNG + b"y", headers={"if-match": tag}))
    assert call(cloning, "DELETE", path, headers={"if-match": tag}).status_code == 412

    assert get(cloning, path).content == PNG + b"y"
    json_of(call(cloning, "DELETE", path, headers=none))
    assert get(cloning, path).status_code == 404


def test_another_content_has_another_tag(cloning: Server) -> None:
    """A picture that is changed is not taken for the one before."""
    path = f"/voicebox/profiles/{create_profile(cloning)['id']}/avatar"
    json_of(call(cloning, "PUT", path, content=PNG))
    tag = get(cloning, path).headers["etag"]
    json_of(call(cloning, "PUT", path, content=PNG + b"more"))

    assert get(cloning, path, if_none_match=tag).content == PNG + b"more"
    assert get(cloning, path, range="bytes=0-3", if_range=tag).status_code == 200


def test_head(cloning: Server, files: dict[str, bytes]) -> None:
    """HEAD tells the size, and that there are ranges; it asks for none."""
    for path, data in files.items():
        answer = HTTP.head(f"{cloning.base_url}{path}", headers={"range": "bytes=0-4"})

        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-length"] == str(len(data))
        assert answer.headers["accept-ranges"] == "bytes"
