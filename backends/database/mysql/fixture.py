"""A database for each test, made like one that was migrated once, on a real server."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncmy
import pytest
from sqlalchemy import make_url

from tests.ports import free_port

SLEEP = "SELECT SLEEP({seconds})"
# To ask how a query is run, and what of the answer shows that it reads all posts.
ANALYZE = "ANALYZE TABLE authors, posts"
EXPLAIN = "EXPLAIN"
FULL_SCAN = r"\bposts (\S+ )?ALL\b"
# A crash of the machine may lose what the tests made; one of the server doesn't.
OPTIONS = {
    "bind-address": "127.0.0.1",
    "character-set-server": "utf8mb4",
    "collation-server": "utf8mb4_bin",
    # Without it, each test's tables would take 0.1 s.
    "debug-no-sync": "1",
    "innodb-buffer-pool-size": "32M",
    "innodb-doublewrite": "0",
    "innodb-flush-log-at-trx-commit": "2",
    "skip-log-bin": "1",
    "skip-name-resolve": "1",
    "ssl": "0",
}


class DatabaseServer:
    """A server of the tests' own, which they may kill."""

    def __init__(self, directory: Path) -> None:
        self.log = directory / "log"
        self.data = directory / "data"
        self.server, install = find_binaries()
        self.port = free_port()
        self.url = f"mysql+asyncmy://root@127.0.0.1:{self.port}/service"
        self.process: subprocess.Popen[bytes] | None = None
        # It refuses to be run by root, unless that is said.
        self._user = ["--user=root"] if os.geteuid() == 0 else []
        options = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(
            [install, "--no-defaults", f"--datadir={self.data}", *self._user, *options],
            check=True,
            stdout=subprocess.DEVNULL,
            # A server that starts removes what others have in a directory that they share.
            env={**os.environ, "TMPDIR": str(directory)},
        )

    def start(self) -> None:
        """Start, or start again."""
        place = {"datadir": self.data, "port": self.port, "socket": self.data / "socket"}
        place["tmpdir"] = self.data
        command = [f"--{name}={value}" for name, value in (OPTIONS | place).items()]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [self.server, "--no-defaults", *self._user, *command], stderr=log
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(asyncmy.errors.OperationalError):
                execute(self.url, "CREATE DATABASE IF NOT EXISTS service")
                return
            time.sleep(0.02)
        raise RuntimeError(self.log.read_text())

    def stop(self) -> None:
        """End it, and all connections."""
        self._end(signal.SIGTERM)

    def crash(self) -> None:
        """End it without a word to anybody."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(timeout=30)

    def disconnect_all(self) -> None:
        """End every connection but the one that says so."""
        others = execute(
            self.url,
            "SELECT id FROM information_schema.processlist"
            " WHERE user = 'root' AND id <> CONNECTION_ID()",
        )
        for (number,) in others:
            # It may be gone already.
            with contextlib.suppress(asyncmy.errors.OperationalError):
                execute(self.url, f"KILL {number}")


def find_binaries() -> tuple[str, str]:
    """Find MariaDB: the server, and what makes the files that it begins with."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    server = shutil.which("mariadbd", path=path)
    install = shutil.which("mariadb-install-db", path=path)
    if server is None or install is None:
        pytest.skip(
            "There is no server for tests: set DATABASE_URL, or install MariaDB"
            " (`apt install mariadb-server`, `brew install mariadb`)."
        )
    return server, install


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
    directory = Path(tempfile.mkdtemp(prefix="mysql-"))
    try:
        server = DatabaseServer(directory)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
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
    return "mysql+asyncmy://root@127.0.0.1:1/service"


@contextlib.contextmanager
def new_database(url: str, template: str = "") -> Generator[str]:
    """Make a database beside another, with the tables and rows of a third, and drop it."""
    name = f"test_{uuid4().hex}"
    create = f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin; USE `{name}`"
    tables = copy_of(url, template) if template else []
    execute(url, ";".join([create, "SET foreign_key_checks = 0", *tables]))
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        execute(url, f"DROP DATABASE `{name}`")


@cache
def copy_of(url: str, template: str) -> Sequence[str]:
    """Write what makes tables like those of a database. Views and triggers are not in it."""
    statements: list[str] = []
    for (table,) in execute(url, f"SHOW TABLES FROM `{template}`"):
        ((_, create),) = execute(url, f"SHOW CREATE TABLE `{template}`.`{table}`")
        rows = f"SELECT * FROM `{template}`.`{table}`"  # noqa: S608 - names of the tests' own
        statements += [create, f"INSERT INTO `{table}` {rows}"]
    return statements


def name_of(url: str) -> str:
    """Tell the name of a database."""
    return make_url(url).database or ""


def execute(url: str, sql: str) -> Sequence[Sequence[Any]]:
    """Run statements on a connection of its own, from outside any event loop."""
    server = make_url(url)

    async def run() -> Sequence[Sequence[Any]]:
        connection = await asyncmy.connect(
            host=server.host,
            port=server.port or 3306,
            user=server.username,
            password=server.password or "",
            connect_timeout=5,
            autocommit=True,
        )
        try:
            cursor = connection.cursor()
            await cursor.execute(sql)
            rows = await cursor.fetchall()
            # The errors of the statements behind the first come with their results.
            while await cursor.nextset():
                pass
            return rows
        finally:
            await connection.ensure_closed()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()


def migrate(*arguments: str, database_url: str) -> None:
    """Run Alembic as a command."""
    subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        check=True,
        env={**os.environ, "DATABASE_URL": database_url},
    )
