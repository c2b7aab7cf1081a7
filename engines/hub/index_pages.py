"""The pages of a package index: the files of a project, in HTML (PEP 503) or JSON (PEP 691)."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import msgspec

from engines.catalogue.records import Wheel

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
JSON_TYPE = re.compile(r"application/(vnd\.pypi\.simple\.\w+\+)?json\b")
HTML_TYPE = re.compile(r"(application/vnd\.pypi\.simple\.\w+\+html|text/html)\b")
MAJOR_VERSION = "1"
"""of the interface, that is read here"""


class ListedFile(NamedTuple):
    """A file that a page lists."""

    filename: str
    url: str
    """absolute"""
    sha256: str
    """empty where the page has none"""


class JsonFile(msgspec.Struct, frozen=True):
    """A file in a page of JSON."""

    filename: str
    url: str
    hashes: dict[str, str] = {}


class JsonMeta(msgspec.Struct, frozen=True):
    """What a page of JSON says of itself."""

    version: str = msgspec.field(default="1.0", name="api-version")


class JsonPage(msgspec.Struct, frozen=True):
    """A page of JSON."""

    files: tuple[JsonFile, ...]
    meta: JsonMeta = JsonMeta()


class LinkParser(HTMLParser):
    """Collects the links of a page, and the URL that they are relative to."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.base = url
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a link."""
        href = dict(attrs).get("href")
        if href and tag == "base":
            self.base = urljoin(self.base, href)
        elif href and tag == "a":
            self.links.append(href)


def parse_page(data: bytes, media_type: str, url: str) -> list[ListedFile]:
    """Return the files of a page that came from `url`. Raises ValueError where it is none."""
    if JSON_TYPE.match(media_type):
        page = msgspec.json.decode(data, type=JsonPage)
        if page.meta.version.partition(".")[0] != MAJOR_VERSION:
            raise ValueError(f"version {page.meta.version[:20]} of its interface is not known here")
        return [
            ListedFile(file.filename, urljoin(url, file.url), file.hashes.get("sha256", "").lower())
            for file in page.files
        ]
    if not HTML_TYPE.match(media_type):
        raise ValueError("it sends no page of files")
    parser = LinkParser(url)
    parser.feed(data.decode("utf-8", "replace"))
    return [_linked_file(urljoin(parser.base, link)) for link in parser.links]


def find_wheel(files: list[ListedFile], wheel: Wheel) -> ListedFile | None:
    """Return the file of a wheel: by its hash, or else by its name where no hash says that it is another."""
    same = [file for file in files if file.sha256 == wheel.sha256]
    unsure = [file for file in files if file.filename == wheel.filename and not file.sha256]
    return next(iter(same + unsure), None)


def normalized(project: str) -> str:
    """Return the name of a project as it stands in URLs (PEP 503)."""
    return re.sub(r"[-_.]+", "-", project).lower()


def _linked_file(link: str) -> ListedFile:
    url, fragment = urldefrag(link)
    name, _, value = fragment.partition("=")
    filename = unquote(urlsplit(url).path.rpartition("/")[2])
    return ListedFile(filename, url, value.lower() if name == "sha256" else "")
