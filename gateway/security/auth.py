"""Authentication: find the API key in a request, in any of the ways clients send one, and verify it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from compat.errors import KeysUnreadable, NotPermitted
from gateway.security.hosts import is_loopback
from gateway.security.keys import KeyFileError, KeyStore

NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
    "auth (i.e. Authorization: Bearer YOUR_KEY)."
)
PUBLIC_PATHS = frozenset({"/", "/v1", "/health", "/livez", "/readyz", "/v1/test"})
VOICE_LIST = "/v1/audio/voices"
METRICS = "/metrics"
PAGES = ("/schema", "/console/")
"""where the pages that browsers open have their files: they tell nothing of what is kept here"""
FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-real-ip")
"""what proxies add: the address that is seen is theirs then"""


class Authenticator:
    """Verifies keys against the store. While the store holds none, any key or none is accepted."""

    def __init__(self, store: KeyStore, *, public_voices: bool, public_metrics: bool = False) -> None:
        self._store = store
        self._public = {
            path for path, public in ((VOICE_LIST, public_voices), (METRICS, public_metrics)) if public
        }

    def check(self, path: str, method: str, headers: Mapping[bytes, bytes]) -> str | None:
        """Return the name of the caller's key, None for an unnamed caller. Raises NotPermitted (401) or
        KeysUnreadable.
        """
        try:
            return self._check(path, method, headers)
        except KeyFileError as exc:
            raise KeysUnreadable("The server cannot read its API keys; its log says why.") from exc

    def needs_keys(self) -> bool:
        """Return whether callers need a key, also where the keys cannot be read."""
        try:
            return not self._store.empty()
        except KeyFileError:
            return True

    def is_public(self, path: str) -> bool:
        """Return whether a path is open to callers without a key."""
        return path in PUBLIC_PATHS or path in self._public or path.startswith(PAGES)

    def may_see_internals(self, headers: Mapping[bytes, bytes], client: str | None) -> bool:
        """Return whether a caller may be told of processes and reasons: by a valid key; where there are none,
        by being on this machine.
        """
        try:
            if self._store.empty():
                forwarded = any(name in headers for name in FORWARDED)
                return client is not None and is_loopback(client) and not forwarded
            secret = find_secret(headers)
            found = self._store.verify(secret) if secret else None
        except KeyFileError:
            return False
        return found is not None and not found.expired()

    def _check(self, path: str, method: str, headers: Mapping[bytes, bytes]) -> str | None:
        if path in PUBLIC_PATHS or path.startswith(PAGES) or method == "OPTIONS" or self._store.empty():
            return None
        secret = find_secret(headers)
        if secret is None:
            if path in self._public:
                return None
            raise NotPermitted(NO_KEY, status=401)
        return self._verify(secret)

    def _verify(self, secret: str) -> str | None:
        found = self._store.verify(secret)
        if found is None:
            raise NotPermitted(
                f"Incorrect API key provided: {masked(secret)}.", status=401, code="invalid_api_key"
            )
        if found.expired():
            raise NotPermitted(
                f"The API key {masked(secret)} has expired.", status=401, code="invalid_api_key"
            )
        return None if found.nobody else found.name


def find_secret(headers: Mapping[bytes, bytes]) -> str | None:
    """Return the key in Authorization (Bearer, Basic or bare), `x-api-key` or `api-key`, or None."""
    for name in (b"x-api-key", b"api-key"):
        if headers.get(name):
            return headers[name].decode("latin-1").strip()
    scheme, _, value = headers.get(b"authorization", b"").decode("latin-1").strip().partition(" ")
    if scheme.casefold() == "bearer":
        return value.strip() or None
    if scheme.casefold() == "basic":
        return _basic_password(value.strip())
    return scheme or None


def _basic_password(value: str) -> str | None:
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return value or None
    return password or user or None


def masked(secret: str) -> str:
    """Return enough of a key to recognise it, not to use it."""
    return f"{secret[:4]}***{secret[-4:]}" if len(secret) > 16 else "***"
