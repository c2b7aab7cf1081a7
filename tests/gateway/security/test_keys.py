"""Tests of API keys: what is stored, that changes are seen at once, and that damage never disables the check."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from servers import TIMEOUT, running

from gateway.cli.keys import parse_expiry
from gateway.cli.output import Failure
from gateway.security.keys import KEYS_FILE, KeyChoiceError, KeyFileError, KeyStore


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    """Return a store in a folder that does not exist yet."""
    return KeyStore(tmp_path / "data" / KEYS_FILE)


def test_a_key_is_valid_until_revoked(store: KeyStore) -> None:
    """A new key is verified by its secret and no other, until it is revoked by name or id."""
    assert store.empty()
    alice, secret = store.create("alice", None)
    bob, other = store.create("bob", None)

    assert store.verify(secret) == alice
    assert store.verify(other) == bob
    assert store.verify(secret[:-1]) is None
    assert store.verify("") is None
    assert store.verify("ключ\ud800") is None
    assert [key.name for key in store.list()] == ["alice", "bob"]
    assert store.revoke("alice") == alice
    assert store.revoke(bob.id) == bob
    assert store.verify(secret) is store.verify(other) is None


def test_revoking_the_last_key_keeps_keys_required(store: KeyStore) -> None:
    """Once a key was created, keys stay required."""
    store.create("only", None)
    store.revoke("only")

    assert store.list() == ()
    assert not store.empty()
    assert not KeyStore(store.path).empty()


def test_the_secret_is_long_random_and_not_stored(store: KeyStore) -> None:
    """A secret is 32 random bytes behind a prefix that scanners know; only its hash and its last characters
    are stored.
    """
    key, secret = store.create("alice", None)
    kept = b"".join(path.read_bytes() for path in store.path.parent.iterdir())

    assert secret.startswith("sk-vb-")
    assert len(secret.removeprefix("sk-vb-")) >= 43
    assert secret.endswith(key.ending)
    assert len(key.ending) == 4
    assert secret[:-4].encode() not in kept
    assert secret[6:].encode() not in kept
    assert store.create("bob", None)[1] != secret


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_the_owner_can_read_the_file(store: KeyStore) -> None:
    """The key file is 0600 whatever the umask, and no half-written file stays beside it."""
    before = os.umask(0)
    try:
        store.create("alice", None)
        store.create("bob", None)
    finally:
        os.umask(before)

    assert store.path.stat().st_mode & 0o777 == 0o600
    assert store.path.parent.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in store.path.parent.iterdir()) == ["keys.json", "keys.json.lock"]


def test_expiry(store: KeyStore) -> None:
    """An expired key is found, so that the refusal can say that it has expired; an expiry in the past is
    refused.
    """
    soon = datetime.now(UTC) + timedelta(hours=1)
    key, secret = store.create("guest", soon)

    found = store.verify(secret)
    assert found is not None
    assert not found.expired()
    assert not key.expired(soon - timedelta(microseconds=1))
    assert key.expired(soon)
    with pytest.raises(KeyChoiceError, match="past"):
        store.create("late", datetime.now(UTC) - timedelta(seconds=1))


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb", "key_1234", "alice", "  alice "])
def test_names(store: KeyStore, name: str) -> None:
    """A name is short, printable, unlike an id, and unique."""
    store.create("alice", None)
    with pytest.raises(KeyChoiceError):
        store.create(name, None)
    assert len(store.list()) == 1


def test_revoking_an_unknown_key(store: KeyStore) -> None:
    """Revoking an unknown name is an error that lists the names."""
    store.create("alice", None)
    with pytest.raises(KeyChoiceError, match="alice"):
        store.revoke("bob")


def test_changes_of_another_process_are_seen(store: KeyStore) -> None:
    """A store that has read the file sees what others create and revoke."""
    watcher = KeyStore(store.path)
    assert watcher.empty()
    _, secret = store.create("alice", None)
    assert watcher.verify(secret) is not None
    store.revoke("alice")
    assert watcher.verify(secret) is None


@pytest.mark.skipif(sys.platform == "win32", reason="flock is Unix's")
def test_the_lock_is_flock_on_keys_json_lock(store: KeyStore) -> None:
    """A process that holds flock on `keys.json.lock`, as earlier versions do, keeps others from writing."""
    import fcntl

    store.create("alice", None)
    script = "import sys; from pathlib import Path; from gateway.security.keys import KeyStore\nKeyStore(Path(sys.argv[1])).create('bob', None)"
    with store.path.with_name("keys.json.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        writer = subprocess.Popen([sys.executable, "-c", script, str(store.path)])
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(3)
        assert [key.name for key in store.list()] == ["alice"]
    assert writer.wait(60) == 0
    assert [key.name for key in store.list()] == ["alice", "bob"]


def test_many_writers(store: KeyStore) -> None:
    """Processes that create keys at the same time lose none."""
    script = "import sys; from pathlib import Path; from gateway.security.keys import KeyStore\nfor n in range(8): KeyStore(Path(sys.argv[1])).create(f'{sys.argv[2]}-{n}', None)"
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(store.path), str(writer)]) for writer in range(3)
    ]

    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert len({key.name for key in store.list()}) == 24


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"keys": [{"id": "x"}]}',
        b'{"keys": [], "version": 2}',
        b'{"keyz": []}',
        b"null",
    ],
)
def test_a_damaged_file_admits_nobody(store: KeyStore, content: bytes) -> None:
    """With a damaged key file every question raises an error that names the file, which is left as it is."""
    _, secret = store.create("alice", None)
    store.path.write_bytes(content)
    for ask in (store.empty, store.list, lambda: store.verify(secret), lambda: store.create("bob", None)):
        with pytest.raises(KeyFileError, match=str(store.path)):
            ask()
    with pytest.raises(KeyFileError):
        KeyStore(store.path).empty()
    assert store.path.read_bytes() == content


def test_a_deleted_file_admits_nobody(store: KeyStore) -> None:
    """A running server whose key file is deleted does not conclude that there are no keys; a new one does."""
    _, secret = store.create("alice", None)
    store.path.unlink()
    with pytest.raises(KeyFileError, match="gone"):
        store.verify(secret)
    with pytest.raises(KeyFileError, match="gone"):
        store.empty()
    assert KeyStore(store.path).empty()


def test_spellings_of_an_expiry() -> None:
    """A span counts from now, a date means its end in UTC, and anything else is refused."""
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)

    assert parse_expiry("30d", now) == now + timedelta(days=30)
    assert parse_expiry("90m", now) == now + timedelta(minutes=90)
    assert parse_expiry("2w", now) == now + timedelta(days=14)
    assert parse_expiry("2027-06-30", now) == datetime(2027, 7, 1, tzinfo=UTC)
    for wrong in ("", "30", "d", "0d", "-1d", "tomorrow", "2027-02-30", "9999999w", "9999-12-31"):
        with pytest.raises(Failure):
            parse_expiry(wrong, now)


def test_the_commands(tmp_path: Path) -> None:
    """A created secret alone is on standard output, once; lists never have it; errors have a status and a
    sentence.
    """

    def voicebox(*words: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "VOICEBOX_DATA_DIR": str(tmp_path)}
        return subprocess.run(
            [sys.executable, "-m", "gateway", "keys", *words],
            capture_output=True,
            text=True,
            timeout=60,
            env=environ,
        )

    created = voicebox("create", "alice", "--expires", "30d")
    secret = created.stdout.strip()
    listed = voicebox("list", "--json")

    assert created.returncode == 0
    assert KeyStore(tmp_path / KEYS_FILE).verify(secret) is not None
    assert secret not in created.stderr + listed.stdout
    assert json.loads(listed.stdout)[0]["name"] == "alice"
    assert "sha256" not in listed.stdout
    assert voicebox("list").stdout.startswith("alice\tkey_")
    assert voicebox("create", "alice").returncode == 1
    assert voicebox("create", "bob", "--expires", "never").returncode == 2
    assert voicebox("revoke", "bob").returncode == 1
    revoked = voicebox("revoke", "alice")
    assert revoked.returncode == 0
    assert "no key is left" in revoked.stderr
    (tmp_path / "keys.json").write_text("{")
    broken = voicebox("list")
    assert broken.returncode == 1
    assert str(tmp_path / "keys.json") in broken.stderr
    assert "Traceback" not in broken.stderr


def test_a_running_server_with_a_damaged_file(tmp_path: Path) -> None:
    """While the file is damaged a running server admits nobody, not even with a valid key; once it is
    repaired, the key is valid again.
    """
    store = KeyStore(tmp_path / "data" / KEYS_FILE)
    _, secret = store.create("alice", None)
    with running(tmp_path) as server:

        def models() -> int:
            headers = {"authorization": f"Bearer {secret}"}
            return httpx.get(f"{server.base_url}/models", headers=headers, timeout=TIMEOUT).status_code

        good = store.path.read_bytes()
        assert models() == 200
        store.path.write_bytes(b"{")
        assert models() == 500
        store.path.unlink()
        assert models() == 500
        store.path.write_bytes(good)
        assert models() == 200
