"""The hub, asked through its own client. Imported only where something is to be pulled: the client takes a
third of a second.

Why the client's `hf_hub_download` is not used (huggingface_hub 2.4): it begins each file anew, in a file that
it deletes when the connection is cut and forgets when the process is killed; it reads in pieces of 10 MB, the
only moments at which it could be stopped; it sleeps as long as the hub says, and falls back on old files
where the hub does not answer. So the client finds, signs and explains, and the bytes are read here.

Nor is Xet used, the hub's own protocol: `hf_xet` writes in threads of its own, which only the end of a whole
session stops, keeps nothing of a file that was cut, and gives out no bytes to check on their way. The hub
serves the same files over HTTP, up to 50 GB each. Nothing needs to be disabled for that: only
`hf_hub_download` ever gets to it.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus

import httpx2
from huggingface_hub import HfApi, constants, get_session, hf_hub_url
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoSibling
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # they are, but not in so many words
    build_hf_headers,
    hf_raise_for_status,
    parse_ratelimit_headers,
)

from engines.catalogue.records import Source
from engines.hub.errors import (
    HubBusy,
    ModelError,
    ModelGated,
    ModelNotFound,
    ModelUnreachable,
    PullStalled,
    RevisionNotFound,
    TokenRefused,
)
from engines.hub.layout import COMMIT, RemoteFile, Tree

PROGRAM = "voicebox-gateway"
CONNECT = 10.0
"""seconds"""
RANGE = re.compile(r"bytes (\d+)-")
TRY_AGAIN = "What has come is kept: pull it again to go on."

# Set here, as the client has read the environment when somebody imported it first. With telemetry it would
# ask huggingface.co, whatever the endpoint, for a list of programs to look for in our environment, and tell
# what it finds in its User-Agent. Whether we are offline is decided before this module is loaded, by a
# setting that goes before the environment.
constants.HF_HUB_DISABLE_TELEMETRY = True
constants.HF_HUB_OFFLINE = False


class Answer:
    """A file on its way, from byte `start` on; `length` is how many bytes are announced, where they are."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        found = RANGE.match(response.headers.get("content-range", ""))
        self.start = int(found[1]) if found and response.status_code == HTTPStatus.PARTIAL_CONTENT else 0
        announced = response.headers.get("content-length", "")
        plain = response.headers.get("content-encoding", "identity") == "identity"
        self._empty = response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        self.length = int(announced) if plain and announced.isdigit() and not self._empty else None

    def chunks(self) -> Iterator[bytes]:
        """Give the bytes as they come."""
        return iter(()) if self._empty else self._response.iter_bytes()

    def sever(self) -> None:
        """Wake up, from another thread, who waits for the next bytes: they will not come."""
        with suppress(Exception):  # it may end by itself at this very moment, in any of the layers below
            self._response.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)


class Hub:
    """One hub, with one token: None takes that of the environment, "" sends none. `stall` is seconds without
    a byte.
    """

    def __init__(self, endpoint: str, token: str | None, stall: float) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._token = False if token == "" else token
        self._stall = stall
        self._api = HfApi(endpoint=self._endpoint, token=self._token, library_name=PROGRAM)

    def tree(self, source: Source) -> tuple[str, Tree]:
        """Give the commit that a revision is at, and all its files. Raises ModelError.

        `list_repo_tree` would give the same, but without a timeout, and sleeping between its tries.
        """
        try:
            with explaining(source):
                info = self._api.model_info(
                    source.repo, revision=source.revision, files_metadata=True, timeout=self._stall
                )
            if not COMMIT.fullmatch(info.sha or ""):
                raise ValueError("no commit")
            return info.sha or "", Tree(
                {sibling.rfilename: _remote(sibling) for sibling in info.siblings or ()}
            )
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            # a proxy's login page, or a mirror that knows half of the interface
            raise unreachable(source, "what answers is not a hub") from exc

    @contextmanager
    def open(self, source: Source, commit: str, path: str, start: int) -> Iterator[Answer]:
        """Ask for a file from byte `start` on; the hub may begin at 0 all the same. Raises ModelError."""
        with explaining(source, path):
            url = hf_hub_url(source.repo, path, revision=commit, endpoint=self._endpoint)
            headers = build_hf_headers(token=self._token, library_name=PROGRAM)
            headers["accept-encoding"] = "identity"  # offsets are those of the file
            if start:
                headers["range"] = f"bytes={start}-"
            timeout = httpx2.Timeout(self._stall, connect=CONNECT)
            with get_session().stream(
                "GET", url, headers=headers, timeout=timeout, follow_redirects=True
            ) as response:
                if response.status_code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    hf_raise_for_status(response)
                yield Answer(response)


def _remote(sibling: RepoSibling) -> RemoteFile:
    """Take down a file of a listing. Raises ValueError."""
    if sibling.blob_id is None or sibling.size is None:
        raise ValueError("no sizes")
    lfs = sibling.lfs
    if lfs is None:
        return RemoteFile(sibling.size, sibling.blob_id)
    return RemoteFile(lfs.size, sibling.blob_id, lfs.sha256, lfs.size)


@contextmanager
def explaining(source: Source, path: str = "") -> Iterator[None]:
    """Turn what the client raises into our errors."""
    try:
        yield
    except ModelError:
        raise
    except HfHubHTTPError as exc:
        raise refused(exc, source, path) from exc
    except HFValidationError as exc:
        raise ModelNotFound(f"{source.repo!r} cannot be a repository: they are named owner/name.") from exc
    except httpx2.ReadTimeout as exc:
        raise PullStalled(
            f"The hub stopped sending {path or source.repo}. {TRY_AGAIN}", code="pull_stalled"
        ) from exc
    except httpx2.TransportError as exc:
        raise unreachable(source, str(exc) or type(exc).__name__) from exc
    except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
        raise unreachable(source, f"what answers is not a hub ({exc})") from exc


def unreachable(source: Source, reason: str, retry_after: float = 0.0) -> ModelUnreachable:
    """Say that the hub cannot be had now."""
    message = f"The hub cannot be reached for {source.repo}: {reason}. {TRY_AGAIN}"
    return ModelUnreachable(message, code="hub_unreachable", retry_after=retry_after)


NOT_THERE = "The hub has no repository {repo}, or it is private: check its name, or set HF_TOKEN to a token that may read it."
WORDS: Iterable[tuple[type[HfHubHTTPError], type[ModelError], str, str]] = (
    (GatedRepoError, ModelGated, "model_gated",
     "{repo} is gated: agree to its terms on its page on the hub, then set HF_TOKEN to a token of that account."),
    (DisabledRepoError, ModelNotFound, "model_not_found", "The hub has disabled the repository {repo}."),
    (RevisionNotFoundError, RevisionNotFound, "revision_not_found",
     "The repository {repo} has no revision {revision!r}: name a branch, a tag or a commit that it has."),
    (RemoteEntryNotFoundError, ModelNotFound, "model_not_found", "The repository {repo} has no file {path!r} any more."),
    (RepositoryNotFoundError, ModelNotFound, "model_not_found", NOT_THERE),
)  # fmt: skip
"""what the client raises, and what that means; a gated repository is one that was not found, too, so it comes
first
"""
STATUSES: dict[int, tuple[type[ModelError], str, str]] = {
    HTTPStatus.UNAUTHORIZED: (ModelNotFound, "model_not_found", NOT_THERE),
    HTTPStatus.NOT_FOUND: (ModelNotFound, "model_not_found", NOT_THERE),
    HTTPStatus.FORBIDDEN: (ModelGated, "model_gated",
     "The token may not read {repo}: give it access to gated repositories on the hub, or set HF_TOKEN to another."),
}  # fmt: skip
"""what the hub itself means by a status that comes without more"""
UNKNOWN_TOKEN = "The hub does not know the token: set HF_TOKEN to a valid one, or to none."  # noqa: S105


def refused(exc: HfHubHTTPError, source: Source, path: str) -> ModelError:
    """Say what an answer of the hub means."""
    names = {"repo": source.repo, "revision": source.revision, "path": path}
    status = exc.response.status_code
    if status == HTTPStatus.UNAUTHORIZED and "invalid credentials" in str(exc).lower():
        return TokenRefused(UNKNOWN_TOKEN, code="token_refused")
    for kind, ours, code, words in WORDS:
        if isinstance(exc, kind):
            return ours(words.format(**names), code=code)
    if elsewhere(exc.response):
        return unreachable(source, f"{exc.response.url.host}, where it keeps its files, answers {status}")
    if status in STATUSES:
        ours, code, words = STATUSES[status]
        return ours(words.format(**names), code=code)
    return _failed(exc, source, status)


def elsewhere(response: httpx2.Response) -> bool:
    """Tell whether it is not the hub that answered, but where it led to: a store whose link may have run out."""
    return bool(response.history) and response.history[0].url.host != response.url.host


def _failed(exc: HfHubHTTPError, source: Source, status: int) -> ModelError:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = retry_after(exc.response)
        when = f"in {wait:.0f} seconds" if wait else "later"
        return HubBusy(
            f"The hub wants fewer requests: pull it again {when}.", code="hub_busy", retry_after=wait
        )
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return unreachable(source, f"it answers {status}", retry_after(exc.response))
    return ModelError(
        f"The hub refuses {source.repo} with {status}: {exc.server_message or 'it does not say why'}."
    )


def retry_after(response: httpx2.Response) -> float:
    """Give the seconds that the hub wants us to wait, 0 where it does not say."""
    said = response.headers.get("retry-after", "")
    if said.isdigit():
        return float(said)
    limit = parse_ratelimit_headers(response.headers)
    return float(limit.reset_in_seconds) if limit and not limit.remaining else 0.0
