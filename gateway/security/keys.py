"""API keys: create, list, revoke and verify them in one JSON file that only its owner can read.

The file holds SHA-256 of each key, never the key. A slow hash (scrypt, argon2) protects secrets that people
choose, since those can be guessed; 256 random bits cannot, and a slow hash on every request would only help
whoever wants to flood us.

A server that has seen the file once never takes its absence for "no keys": without keys it would let
everybody in.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from filelock import FileLock
from msgspec import Meta

from gateway.config.paths import data_folder
from gateway.config.settings import Settings
from gateway.security.private_file import write_private_file

PREFIX = "sk-vb-"
RANDOM_BYTES = 32
KEYS_FILE = "keys.json"

FileStamp = tuple[int, int, int]
"""a file's time of change in nanoseconds, inode and size"""


class KeyFileError(Exception):
    """The key file cannot be read, written or understood."""


class KeyChoiceError(Exception):
    """A name that cannot be taken, or that no key has."""


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The stored record of an API key. Times are in UTC."""

    id: str
    name: str
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    ending: str
    """the last characters, to recognise it by"""
    created: Annotated[datetime, Meta(tz=True)]
    expires: Annotated[datetime, Meta(tz=True)] | None = None
    nobody: bool = False
    """whether the key admits without naming a caller: what is made with it belongs to no key"""

    def expired(self, now: datetime | None = None) -> bool:
        """Return whether the key is past its time."""
        return self.expires is not None and (now or datetime.now(UTC)) >= self.expires


class KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of the key file."""

    keys: tuple[Key, ...] = ()
    version: Literal[1] = 1


def key_file(settings: Settings) -> Path:
    """Return the path of the key file that the settings mean."""
    chosen = settings.auth.file
    return Path(chosen).expanduser() if chosen else data_folder(settings) / KEYS_FILE


class KeyStore:
    """The keys of one file, read again whenever it has changed, so that a running server sees changes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: FileStamp | None = None
        self._keys: tuple[Key, ...] = ()

    def empty(self) -> bool:
        """Return whether no key was ever made: revoking the last one must not let everybody in."""
        self._refresh()
        return self._stamp is None

    def list(self) -> tuple[Key, ...]:
        """Return all keys, oldest first. Raises KeyFileError."""
        self._refresh()
        return self._keys

    def verify(self, secret: str) -> Key | None:
        """Return the key of a secret, expired or not, or None; secrets are compared in constant time."""
        self._refresh()
        digest = _digest(secret)
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.sha256, digest):
                found = key
        return found

    def create(self, name: str, expires: datetime | None, *, nobody: bool = False) -> tuple[Key, str]:
        """Create a key and return it with its secret, which is stored nowhere. Raises KeyChoiceError or
        KeyFileError.
        """
        name = _checked_name(name)
        if expires is not None and expires <= datetime.now(UTC):
            raise KeyChoiceError(f"the key would have expired already: {expires:%Y-%m-%d %H:%M} UTC is past")
        secret = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
        key = Key(
            f"key_{secrets.token_hex(4)}",
            name,
            _digest(secret),
            secret[-4:],
            datetime.now(UTC),
            expires,
            nobody,
        )

        def add(keys: tuple[Key, ...]) -> tuple[Key, ...]:
            if any(other.name == name for other in keys):
                raise KeyChoiceError(
                    f"there is a key named {name!r} already; revoke it first, or take another name"
                )
            return (*keys, key)

        self._change(add)
        return key, secret

    def revoke(self, name_or_id: str) -> Key:
        """Delete a key and return it. Raises KeyChoiceError or KeyFileError."""
        revoked: list[Key] = []

        def remove(keys: tuple[Key, ...]) -> tuple[Key, ...]:
            revoked.extend(key for key in keys if name_or_id in (key.name, key.id))
            if not revoked:
                known = ", ".join(key.name for key in keys) or "there are none"
                raise KeyChoiceError(f"no key is named {name_or_id!r}; the keys: {known}")
            return tuple(key for key in keys if key not in revoked)

        self._change(remove)
        return revoked[0]

    def _change(self, change: Callable[[tuple[Key, ...]], tuple[Key, ...]]) -> None:
        """Replace the keys by what `change` makes of them, with the file locked for other processes."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with FileLock(self.path.with_name(f"{self.path.name}.lock"), mode=0o600):
                self._refresh()
                content = msgspec.json.encode(KeyFile(change(self._keys)))
                write_private_file(self.path, msgspec.json.format(content, indent=2) + b"\n")
        except OSError as exc:
            raise KeyFileError(f"cannot write the key file {self.path}: {exc.strerror}") from exc
        self._refresh()

    def _refresh(self) -> None:
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
            if stamp != self._stamp:
                self._keys = _read(self.path)
                self._stamp = stamp
        except FileNotFoundError as exc:
            if self._stamp is not None:
                raise KeyFileError(
                    f"the key file {self.path} has gone; restart to serve without keys"
                ) from exc
        except OSError as exc:
            raise KeyFileError(f"cannot read the key file {self.path}: {exc.strerror}") from exc


def _read(path: Path) -> tuple[Key, ...]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=KeyFile).keys
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise KeyFileError(
            f"the key file {path} is damaged ({exc}); mend it, or delete it and make new keys"
        ) from exc


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= 64 or not name.isprintable():
        raise KeyChoiceError("a key's name has 1 to 64 printable characters")
    if name.startswith("key_"):
        raise KeyChoiceError("a key's name cannot begin with 'key_': ids do")
    return name
