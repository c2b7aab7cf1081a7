"""Start real stores, a PostgreSQL and an S3 server, and ensure that nothing of them is left behind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from servers import wait_until
from sqlalchemy.engine import make_url

if TYPE_CHECKING:  # obstore has it for type checkers only
    from obstore.store import S3Config

LEASH = """
exec 3<&0
{ read -r _ <&3; kill -s "$1" $$; rm -rf "$2"; } &
shift 2
exec "$@" 3<&- </dev/null
"""
"""for a shell: become a server, which is killed and its folder removed once standard input ends, whoever
closed it
"""
DEBIAN = Path("/usr/lib/postgresql")
ABSENT = "PostgreSQL is not installed: apt-get install postgresql; nothing about it was tested"
POSTGRES_USER = "voicebox"
POSTGRES_OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "shared_buffers": "16MB",
}
S3_KEY = "voicebox-key"
S3_SECRET = "voicebox-secret"
S3_REGION = "us-east-1"
"""the only region in which a bucket is made without naming it"""


@dataclass(frozen=True)
class Bucket:
    """A bucket of an S3 server, and how it is reached."""

    endpoint: str
    name: str

    @property
    def url(self) -> str:
        """Return its URL for from_url."""
        return f"s3://{self.name}"

    @property
    def config(self) -> S3Config:
        """Return obstore's configuration; client_options={"allow_http": True} is needed too."""
        keys: S3Config = {"access_key_id": S3_KEY, "secret_access_key": S3_SECRET, "region": S3_REGION}
        return {**keys, "endpoint": self.endpoint, "virtual_hosted_style_request": False}

    @property
    def environ(self) -> dict[str, str]:
        """Return the same as environment variables, with which S3Store and from_url need nothing but the
        name.
        """
        keys = {"AWS_ACCESS_KEY_ID": S3_KEY, "AWS_SECRET_ACCESS_KEY": S3_SECRET, "AWS_REGION": S3_REGION}
        return {**keys, "AWS_ENDPOINT": self.endpoint, "AWS_ALLOW_HTTP": "true"}

    def export(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Set these in the environment in place of the developer's own."""
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in self.environ.items():
            monkeypatch.setenv(name, value)


@contextmanager
def short_folder() -> Iterator[Path]:
    """Create a folder whose path is short enough for a socket's name, which the system limits to some hundred
    bytes.
    """
    with TemporaryDirectory(prefix="vb-store-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def bare_environ() -> dict[str, str]:
    """Return the environment without what would configure these servers, or translate their messages."""
    own = ("PG", "AWS_", "MOTO_", "WERKZEUG_")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)} | {"LC_ALL": "C"}


@contextmanager
def leashed(
    command: list[str], folder: Path, goodbye: str, **identity: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server that ends with the block, or with this process, even one that is killed. A ^C does not
    reach it.
    """
    leash = ["sh", "-c", LEASH, "sh", goodbye, str(folder)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*leash, *command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=folder,
            env=bare_environ(),
            start_new_session=True,
            **identity,
        )
    with process:  # closes its standard input and waits
        yield process


def wait_for(ready: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server is ready. Raises RuntimeError with its output when it ends instead."""
    wait_until(lambda: process.poll() is not None or ready(), "the store listens")
    if process.returncode is not None:
        raise RuntimeError(f"the store ended with {process.returncode}:\n{log.read_text(errors='replace')}")


def postgres_programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest of Debian's or that on the PATH; None where it
    is not installed.
    """
    debian = sorted(DEBIAN.glob("[0-9]*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = debian[-1] if debian else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def postgres_program(name: str) -> str:
    """Return the path of one of its programs; skip the test where it is not installed."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip(ABSENT)
    return str(programs / name)


def postgres_identity() -> dict[str, Any]:
    """Return the account that the server runs as, for subprocess: root may not, so for root the account that
    the package creates.
    """
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


@contextmanager
def postgres() -> Iterator[str]:
    """Run a PostgreSQL server, and yield the URL of an empty database; skip the test where it is not
    installed.
    """
    server = postgres_program("postgres")
    options = [part for name, value in POSTGRES_OPTIONS.items() for part in ("-c", f"{name}={value}")]
    with short_folder() as folder:
        make_cluster(folder)
        command = [server, "-D", str(folder / "data"), "-k", str(folder), *options]
        with leashed(
            command, folder, "QUIT", **postgres_identity()
        ) as process:  # QUIT is what pg_ctl's immediate mode sends
            url = f"postgresql+asyncpg://{POSTGRES_USER}@:5432/postgres?host={folder}"
            wait_for(
                lambda: postgres_command(url, "pg_isready", "-q", "-d", "postgres") == 0,
                process,
                folder / "log",
            )
            yield new_database(url)


def make_cluster(folder: Path) -> None:
    """Create the files of an empty server in `folder`/data."""
    identity = postgres_identity()
    if identity:
        shutil.chown(folder, identity["user"], identity["group"])
    quick = ["--no-sync", "--no-instructions", "--wal-segsize=1", "--no-locale", "--encoding=UTF8"]
    command = [
        postgres_program("initdb"),
        "--auth=trust",
        "-U",
        POSTGRES_USER,
        "-D",
        str(folder / "data"),
        *quick,
    ]
    done = subprocess.run(command, cwd=folder, env=bare_environ(), capture_output=True, text=True, **identity)
    if done.returncode:
        raise RuntimeError(f"initdb ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def postgres_command(url: str, program: str, *args: str) -> int:
    """Run one of PostgreSQL's client programs on the server of a URL, and return its exit status."""
    command = [postgres_program(program), "-h", str(make_url(url).query["host"]), "-U", POSTGRES_USER, *args]
    return subprocess.run(command, env=bare_environ()).returncode


def new_database(url: str) -> str:
    """Create an empty database on the server of a URL, and return the URL of the new one."""
    name = f"test_{uuid4().hex}"
    assert postgres_command(url, "createdb", name) == 0
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def drop_database(url: str) -> None:
    """Drop the database of a URL, and disconnect its clients."""
    assert postgres_command(url, "dropdb", "--force", str(make_url(url).database)) == 0


@contextmanager
def s3() -> Iterator[Bucket]:
    """Run an S3 server, and yield an empty bucket.

    It holds all in memory and accepts every signature.
    """
    with short_folder() as folder:
        log = folder / "log"
        with leashed([sys.executable, "-m", "moto.server", "-p", "0"], folder, "KILL") as process:
            wait_for(lambda: s3_endpoint(log), process, log)
            yield new_bucket(s3_endpoint(log))


def s3_endpoint(log: Path) -> str:
    """Return the URL that the server reports it listens at, empty as long as it has not."""
    found = re.search(r"Running on (http://[\d.]+:\d+)\s", log.read_text(errors="replace"))
    return found[1] if found else ""


def new_bucket(endpoint: str) -> Bucket:
    """Create an empty bucket."""
    bucket = Bucket(endpoint, f"test-{uuid4().hex}")
    request = urllib.request.Request(f"{endpoint}/{bucket.name}", method="PUT")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    return bucket


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Run one PostgreSQL server for all tests; the URL is that of a database of its own."""
    with postgres() as url:
        yield url


@pytest.fixture
def postgres_database(postgres_server: str) -> Iterator[str]:
    """Yield the URL of an empty PostgreSQL database, which is dropped after the test."""
    url = new_database(postgres_server)
    yield url
    drop_database(url)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Run one S3 server for all tests; the URL is its endpoint."""
    with s3() as bucket:
        yield bucket.endpoint


@pytest.fixture
def s3_bucket(s3_server: str) -> Bucket:
    """Return an empty bucket."""
    return new_bucket(s3_server)
