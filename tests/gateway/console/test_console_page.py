"""Tests of the console as it is served: who gets the page, its files, and that it calls only what there is."""

from __future__ import annotations

import gzip
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from servers import Server, running

from gateway.security.keys import KEYS_FILE, KeyStore

FOLDER = files("gateway") / "console_page"
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}
LINK = re.compile(r'(?:src|href)="([^"#]+)"')
ELSEWHERE = re.compile(r"(?:https?:|wss?:)?//[\w.]")
"""an address of another server, with or without a scheme"""
NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
"""which browsers demand of a picture, and never fetch"""
COMMENT = re.compile(r"^\s*//[^\n]*$|/\*.*?\*/", re.MULTILINE | re.DOTALL)
CALLED = re.compile(r"""(?:"(GET|POST|PUT|PATCH|DELETE)",\s*)?[`"]((?:v1/|health|metrics)[^`"]*)[`"]""")
"""a path of the API in a module, with its method where that stands before it"""
LARGEST = 300_000
"""bytes of all the page's files"""
LONGEST = 400
"""lines of one of them"""


def modules() -> dict[str, str]:
    """Return the page's text files by name."""
    return {path.name: path.read_text("utf-8") for path in FOLDER.iterdir() if path.is_file()}


def page(server: Server, path: str = "/") -> httpx.Response:
    """Return the page, as a browser gets it."""
    return httpx.get(f"{server.url}{path}", headers=BROWSER).raise_for_status()


def linked(server: Server, path: str = "/") -> list[str]:
    """Return the addresses of what the page loads."""
    found = LINK.findall(page(server, path).text)
    return [str(httpx.URL(f"{server.url}{path}").join(link)) for link in found if "console/" in link]


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (BROWSER["accept"], True),
        ("text/html", True),
        ("TEXT/HTML;q=0.5, */*;q=0.1", True),
        ("*/*", False),
        ("", False),
        ("application/json", False),
        ("application/json, text/html;q=0.9", False),
        ("text/html;q=0", False),
        ("text/html;q=much", False),
    ],
)
def test_who_gets_the_page(server: Server, accept: str, is_page: bool) -> None:
    """Browsers, which name HTML, get the page; programs get what they always got; caches are told to tell them apart."""
    answer = httpx.get(f"{server.url}/", headers={"accept": accept})
    kind = "text/html" if is_page else "application/json"
    assert (answer.status_code, answer.headers["vary"]) == (200, "accept")
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    assert is_page or set(answer.json()) == {"name", "version", "schema", "health"}


def test_v1_stays_json(server: Server) -> None:
    """`/v1` is the API's own root for whoever asks."""
    assert httpx.get(f"{server.url}/v1", headers=BROWSER).json()["health"] == "/health"


def test_head(server: Server) -> None:
    """HEAD tells of the page and of its files what GET would send, without a body."""
    for url in (f"{server.url}/", linked(server)[0]):
        got, head = (httpx.request(method, url, headers=BROWSER) for method in ("GET", "HEAD"))
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-type", "cache-control", "vary", "content-length"):
            assert head.headers.get(name) == got.headers.get(name)


def test_files_are_what_they_are(server: Server) -> None:
    """What the page names is there with its right type, and may be kept for good; the page itself is asked for again."""
    assert page(server).headers["cache-control"] == "no-cache"
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    links = linked(server)
    assert len(links) >= 3
    root = links[0].rpartition("/")[0]
    for name, text in modules().items():
        if Path(name).suffix not in types:
            continue
        answer = httpx.get(f"{root}/{name}").raise_for_status()
        assert answer.text == text
        assert answer.headers["content-type"].partition(";")[0] == types[Path(name).suffix]
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_files_of_another_version(server: Server) -> None:
    """A page of another version, open while the server changed, still gets files, but none that it may keep."""
    answer = httpx.get(f"{server.url}/console/0123456789ab/main.js").raise_for_status()
    assert answer.headers["cache-control"] == "no-cache"


def test_files_come_compressed_where_the_client_takes_it(server: Server) -> None:
    """A client that knows no gzip gets the same file, uncompressed."""
    link = next(link for link in linked(server) if link.endswith(".css"))
    packed, plain = (httpx.get(link, headers={"accept-encoding": coding}) for coding in ("gzip", "identity"))
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "accept-encoding")
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert len(gzip.compress(plain.content)) >= int(packed.headers["content-length"]) - 64


@pytest.mark.parametrize("name", ["nothing.js", "page.html", "..%2f__init__.py", "%2e%2e/app.py"])
def test_other_files_are_not_given(server: Server, name: str) -> None:
    """Only the page's own files are given, and what is not there is an error like any other."""
    answer = httpx.get(f"{server.url}/console/0123456789ab/{name}")
    assert answer.status_code == 404
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_the_browser_is_told_to_stay_here(server: Server) -> None:
    """The page loads and calls this origin only, holds no script and no style of its own, and is in no frame."""
    answer = page(server)
    rules = dict(rule.strip().split(" ", 1) for rule in answer.headers["content-security-policy"].split(";"))
    assert (
        rules["default-src"]
        == rules["base-uri"]
        == rules["frame-ancestors"]
        == rules["form-action"]
        == "'none'"
    )
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == rules["img-src"] == "'self'"
    assert {source for rule in rules.values() for source in rule.split()} == {"'none'", "'self'", "blob:"}
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:", answer.text)


def test_nothing_leads_elsewhere() -> None:
    """No file has an address of another server, or makes code or HTML of a text."""
    for name, text in modules().items():
        bare = COMMENT.sub("", text).replace(NAMESPACE, "")
        assert not ELSEWHERE.search(bare), name
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|@import", bare
        ), name


def test_sizes() -> None:
    """All the page's files together are small, and each of them is short enough to be read."""
    found = modules()
    assert sum(len(text.encode()) for text in found.values()) < LARGEST
    assert {name: text.count("\n") for name, text in found.items() if text.count("\n") > LONGEST} == {}


def calls() -> set[tuple[str, str]]:
    """Return the method (empty where it does not stand beside it) and path of each call in the modules."""
    found = set()
    for name, text in modules().items():
        constants = dict(re.findall(r'const (PATH) = "([^"]+)"', text))
        bare = COMMENT.sub("", text)
        for constant, value in constants.items():
            bare = bare.replace(f"${{{constant}}}", value)
        if name != "snippets.js":
            found |= {(method, path.partition("?")[0]) for method, path in CALLED.findall(bare)}
    return found


def matches(path: str, route: str) -> bool:
    """Return whether a path in a module, with `${…}` for what changes, is one of a route's."""
    parts = re.split(r"\$\{(?:[^{}]|\{[^{}]*\})*\}", path)
    pattern = "[^/]+".join(map(re.escape, parts))
    return re.fullmatch(f"/{pattern}", re.sub(r"\{\w+\}", "x", route)) is not None


def test_every_call_is_in_the_description(server: Server) -> None:
    """Each path that a module calls is one of the API's, with the method that it is called with."""
    document: dict[str, Any] = httpx.get(f"{server.url}/schema/openapi.json").json()["paths"]
    called = calls()
    assert len(called) >= 15
    for method, path in called:
        found = [methods for route, methods in document.items() if matches(path, route)]
        assert found, path
        assert not method or any(method.lower() in methods for methods in found), (method, path)


def test_below_a_path(tmp_path: Path) -> None:
    """With `server.base_path`, the page finds its files whether its address ends with a slash or not."""
    with running(tmp_path, {"server": {"base_path": "/voice"}}) as server:
        for path in ("/voice", "/voice/", "/"):
            links = linked(server, path)
            assert links
            assert {httpx.get(link).status_code for link in links} == {200}
        assert all("/voice/console/" in link for link in linked(server, "/voice"))


def test_the_page_is_public_and_its_data_are_not(tmp_path: Path) -> None:
    """Where keys are needed the page comes without one, so that it can ask; what it shows does not."""
    key = KeyStore(tmp_path / "data" / KEYS_FILE).create("console", None)[1]
    with running(tmp_path) as server:
        assert [httpx.get(link).status_code for link in linked(server)] == [200] * len(linked(server))
        for path in (
            "/v1/models",
            "/v1/voicebox/models",
            "/v1/voicebox/profiles",
            "/metrics",
        ):
            url = f"{server.url}{path}"
            assert httpx.get(url).status_code == 401
            assert httpx.get(url, headers={"authorization": f"Bearer {key}"}).status_code == 200
        assert httpx.get(f"{server.url}/consoles").status_code == 401


def test_several_processes_have_one_page(tmp_path: Path) -> None:
    """With several processes, each gives the files that another one's page names."""
    with running(tmp_path, {}, ("--workers", "2")) as server:
        names = {tuple(linked(server)) for _ in range(8)}
        assert len(names) == 1
        assert all("immutable" in httpx.get(link).headers["cache-control"] for link in names.pop())
