"""Requests to the hub, through its own client library. Imported only where something is to be pulled: that
library takes a third of a second to load.

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

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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
from engines.hub.layout import COMMIT_HASH, RemoteFile, Tree
from engines.hub.responses import FileResponse

# It writes its records itself and hands them on as well: where we write them too, each would be there twice.
_hub_logger = logging.getLogger("huggingface_hub")
for _handler in [one for one in _hub_logger.handlers if type(one) is logging.StreamHandler]:
    _hub_logger.removeHandler(_handler)

LIBRARY_NAME = "voicebox-gateway"
CONNECT_TIMEOUT = 10.0
"""seconds"""

# Set here, as the client has read the environment when somebody imported it first. With telemetry it would
# ask huggingface.co, whatever the endpoint, for a list of programs to look for in our environment, and send
# what it finds in its User-Agent. Whether we are offline is decided before this module is loaded, by a
# setting that goes before the environment.
constants.HF_HUB_DISABLE_TELEMETRY = True
constants.HF_HUB_OFFLINE = False


class HubClient:
    """A client of one hub with one token: None takes that of the environment, "" sends none.

    `stall_timeout` is in seconds without a byte.
    """

    def __init__(self, endpoint: str, token: str | None, stall_timeout: float) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._token = False if token == "" else token
        self._stall_timeout = stall_timeout
        self._api = HfApi(endpoint=self._endpoint, token=self._token, library_name=LIBRARY_NAME)

    def list_files(self, source: Source) -> tuple[str, Tree]:
        """Return the commit that a revision is at, and all its files. Raises ModelError.

        `list_repo_tree` would return the same, but without a timeout, and sleeping between its tries.
        """
        try:
            with translated_errors(source):
                info = self._api.model_info(
                    source.repo, revision=source.revision, files_metadata=True, timeout=self._stall_timeout
                )
            if not COMMIT_HASH.fullmatch(info.sha or ""):
                raise ValueError("no commit")
            return info.sha or "", Tree(
                {sibling.rfilename: _remote_file(sibling) for sibling in info.siblings or ()}
            )
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            # a proxy's login page, or a mirror that knows half of the interface
            raise unreachable(source, "what answers is not a hub") from exc

    @contextmanager
    def open_file(self, source: Source, commit: str, path: str, start: int) -> Iterator[FileResponse]:
        """Request a file from byte `start` on; the hub may begin at 0 all the same. Raises ModelError."""
        with translated_errors(source, path):
            url = hf_hub_url(source.repo, path, revision=commit, endpoint=self._endpoint)
            headers = build_hf_headers(token=self._token, library_name=LIBRARY_NAME)
            headers["accept-encoding"] = "identity"  # offsets are those of the file
            if start:
                headers["range"] = f"bytes={start}-"
            timeout = httpx2.Timeout(self._stall_timeout, connect=CONNECT_TIMEOUT)
            with get_session().stream(
                "GET", url, headers=headers, timeout=timeout, follow_redirects=True
            ) as response:
                if response.status_code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    hf_raise_for_status(response)
                yield FileResponse(response)


def _remote_file(sibling: RepoSibling) -> RemoteFile:
    """Return a file of a listing. Raises ValueError where its sizes are missing."""
    if sibling.blob_id is None or sibling.size is None:
        raise ValueError("no sizes")
    lfs = sibling.lfs
    if lfs is None:
        return RemoteFile(sibling.size, sibling.blob_id)
    return RemoteFile(lfs.size, sibling.blob_id, lfs.sha256, lfs.size)


@contextmanager
def translated_errors(source: Source, path: str = "") -> Iterator[None]:
    """Raise ModelError in place of what the client library raises in the block."""
    try:
        yield
    except ModelError:
        raise
    except HfHubHTTPError as exc:
        raise error_of(exc, source, path) from exc
    except HFValidationError as exc:
        raise ModelNotFound(f"{source.repo!r} cannot be a repository: they are named owner/name.") from exc
    except httpx2.ReadTimeout as exc:
        raise PullStalled(f"The hub stopped sending {path or source.repo}.", code="pull_stalled") from exc
    except httpx2.TransportError as exc:
        raise unreachable(source, str(exc) or type(exc).__name__) from exc
    except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
        raise unreachable(source, f"what answers is not a hub ({exc})") from exc


def unreachable(source: Source, reason: str, retry_after: float = 0.0) -> ModelUnreachable:
    """Return the error of a hub that cannot be reached now; `retry_after` is in seconds."""
    message = (
        f"The hub cannot be reached for {source.repo}: {reason}. HF_ENDPOINT may name a mirror that can be."
    )
    return ModelUnreachable(message, code="hub_unreachable", retry_after=retry_after)


NOT_FOUND_MESSAGE = (
    "The hub has no repository {repo}, or it is private:"
    " check its name, or set HF_TOKEN to a token that may read it."
)
ERRORS: Iterable[tuple[type[HfHubHTTPError], type[ModelError], str, str]] = (
    (
        GatedRepoError,
        ModelGated,
        "model_gated",
        "{repo} is gated: agree to its terms on its page on the hub,"
        " then set HF_TOKEN to a token of that account.",
    ),
    (DisabledRepoError, ModelNotFound, "model_not_found", "The hub has disabled the repository {repo}."),
    (
        RevisionNotFoundError,
        RevisionNotFound,
        "revision_not_found",
        "The repository {repo} has no revision {revision!r}: name a branch, a tag or a commit that it has.",
    ),
    (
        RemoteEntryNotFoundError,
        ModelNotFound,
        "model_not_found",
        "The repository {repo} has no file {path!r} any more.",
    ),
    (RepositoryNotFoundError, ModelNotFound, "model_not_found", NOT_FOUND_MESSAGE),
)
"""what the library raises, the error that this becomes, its code and its message; a gated repository is one
that was not found, too, so it comes first
"""
ERRORS_BY_STATUS: dict[int, tuple[type[ModelError], str, str]] = {
    HTTPStatus.UNAUTHORIZED: (ModelNotFound, "model_not_found", NOT_FOUND_MESSAGE),
    HTTPStatus.NOT_FOUND: (ModelNotFound, "model_not_found", NOT_FOUND_MESSAGE),
    HTTPStatus.FORBIDDEN: (
        ModelGated,
        "model_gated",
        "The token may not read {repo}:"
        " give it access to gated repositories on the hub, or set HF_TOKEN to another.",
    ),
}
"""the errors of statuses that come without more, by the hub itself"""
UNKNOWN_TOKEN_MESSAGE = "The hub does not know the token: set HF_TOKEN to a valid one, or to none."  # noqa: S105


def error_of(exc: HfHubHTTPError, source: Source, path: str) -> ModelError:
    """Return the error that a refusal of the hub stands for."""
    names = {"repo": source.repo, "revision": source.revision, "path": path}
    status = exc.response.status_code
    if status == HTTPStatus.UNAUTHORIZED and "invalid credentials" in str(exc).lower():
        return TokenRefused(UNKNOWN_TOKEN_MESSAGE, code="token_refused")
    for kind, error, code, message in ERRORS:
        if isinstance(exc, kind):
            return error(message.format(**names), code=code)
    if was_redirected(exc.response):
        return unreachable(source, f"{exc.response.url.host}, where it keeps its files, answers {status}")
    if status in ERRORS_BY_STATUS:
        error, code, message = ERRORS_BY_STATUS[status]
        return error(message.format(**names), code=code)
    return _error_of_status(exc, source, status)


def was_redirected(response: httpx2.Response) -> bool:
    """Return whether another host than the hub answered: a store, whose signed link may have expired."""
    return bool(response.history) and response.history[0].url.host != response.url.host


def _error_of_status(exc: HfHubHTTPError, source: Source, status: int) -> ModelError:
    """Return the error of a status that says nothing about the repository."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        delay = retry_after(exc.response)
        when = f"in {delay:.0f} seconds" if delay else "later"
        return HubBusy(
            f"The hub wants fewer requests: pull it again {when}.", code="hub_busy", retry_after=delay
        )
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return unreachable(source, f"it answers {status}", retry_after(exc.response))
    return ModelError(
        f"The hub refuses {source.repo} with {status}: {exc.server_message or 'it does not say why'}."
    )


def retry_after(response: httpx2.Response) -> float:
    """Return the seconds after which the hub may be asked again, 0 where it does not say."""
    seconds = response.headers.get("retry-after", "")
    if seconds.isdigit():
        return float(seconds)
    limit = parse_ratelimit_headers(response.headers)
    return float(limit.reset_in_seconds) if limit and not limit.remaining else 0.0
