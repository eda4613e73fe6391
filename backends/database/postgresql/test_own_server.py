"""What takes a server of the tests' own: passwords, TLS, silence, and a pooler before it."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager, suppress
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Integer, bindparam, func, literal, literal_column, make_url, select, text

from app.core.database.direct import DirectQuery
from app.core.errors import GatewayTimeout, Unavailable
from app.core.resource import Unusable
from tests.fixtures.database import DatabaseServer, execute, opened, pid_of, running_database
from tests.ports import free_port

IS_ENCRYPTED = DirectQuery(
    select(literal_column("ssl::int"))
    .select_from(text("pg_stat_ssl"))
    .where(literal_column("pid") == func.pg_backend_pid())
)


@pytest.fixture(scope="module")
def own_server() -> Generator[DatabaseServer]:
    """A server that knows a role with a password, and TLS if it can."""
    with running_database() as server:
        execute(server.url, "CREATE ROLE guarded LOGIN PASSWORD 'right'")
        rules = server.data / "pg_hba.conf"
        rules.write_text(f"host all guarded all scram-sha-256\n{rules.read_text()}")
        if shutil.which("openssl"):
            certify(server)
            with suppress(asyncpg.PostgresError):
                execute(server.url, "ALTER SYSTEM SET ssl = on")
        server.stop()
        server.start()
        yield server


def certify(server: DatabaseServer) -> None:
    """Give it a certificate that no authority knows."""
    files = [server.data / "server.key", server.data / "server.crt"]
    options = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=127.0.0.1"
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    paths = ["-keyout", files[0], "-out", files[1]]
    command = ["openssl", "req", "-x509", *options.split(), *names, *paths]
    subprocess.run(command, check=True, capture_output=True)
    for file in files:
        os.chown(file, server.data.stat().st_uid, -1)
        file.chmod(0o600)


@pytest.fixture
def tls_server(own_server: DatabaseServer) -> DatabaseServer:
    """The same, where it has TLS."""
    configured = own_server.data / "postgresql.auto.conf"
    if "ssl = 'on'" not in configured.read_text():
        pytest.skip("There is no `openssl`, or no PostgreSQL that was built with it.")
    return own_server


@pytest.mark.parametrize(
    ("role", "database_name", "reason"),
    [
        ("guarded:wrong", "postgres", "password authentication failed"),
        ("postgres:secret", "nowhere", 'database "nowhere" does not exist'),
    ],
)
async def test_a_server_that_refuses_is_unusable(
    own_server: DatabaseServer, role: str, database_name: str, reason: str
) -> None:
    name, password = role.split(":")
    url = make_url(own_server.url).set(username=name, password=password, database=database_name)
    async with opened(url.render_as_string(hide_password=False)) as database:
        with pytest.raises(Unusable, match=reason) as caught:
            await database.ping()
    assert password not in str(caught.value)


async def test_tls_that_the_server_lacks_is_unusable(database_url: str) -> None:
    async with opened(database_url) as database, database.read() as session:
        if (await session.execute(text("SHOW ssl"))).scalar_one() == "on":
            pytest.skip("The server at DATABASE_URL has TLS.")
    async with opened(database_url, database_tls="required") as database:
        with pytest.raises(Unusable, match="rejected SSL upgrade"):
            await database.ping()
        with pytest.raises(Unavailable):
            async with database.direct() as direct:
                await pid_of(direct)


async def test_tls_is_verified_if_it_should_be(tls_server: DatabaseServer) -> None:
    ca = tls_server.data / "server.crt"
    cases: list[tuple[dict[str, Any], int]] = [
        ({}, 0),
        ({"database_tls": "required"}, 1),
        ({"database_tls": "verified", "database_tls_ca_file": ca}, 1),
    ]
    for options, expected in cases:
        async with opened(tls_server.url, **options) as database, database.direct() as direct:
            assert await direct.fetch_value(IS_ENCRYPTED) == expected


@pytest.mark.parametrize(
    ("host", "has_authority", "reason"),
    [("127.0.0.1", False, "self-signed certificate"), ("localhost", True, "mismatch")],
)
async def test_another_certificate_is_unusable(
    tls_server: DatabaseServer, host: str, reason: str, *, has_authority: bool
) -> None:
    ca = tls_server.data / "server.crt" if has_authority else None
    url = tls_server.url.replace("127.0.0.1", host)
    async with opened(url, database_tls="verified", database_tls_ca_file=ca) as database:
        with pytest.raises(Unusable, match=f"certificate verify failed: .*{reason}"):
            await database.ping()


@pytest.mark.parametrize("way", ["read", "write", "direct", "direct_transaction"])
async def test_a_server_that_falls_silent_is_a_timeout(
    own_server: DatabaseServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    way: str,
) -> None:
    monkeypatch.setattr("app.core.database.engine.GRACE_SECONDS", 0.2)
    patience = {"database_statement_timeout_seconds": 0.1, "database_pool_size": 1}
    async with opened(own_server.url, **patience) as database, AsyncExitStack() as later:
        async with asyncio.timeout(3):
            with pytest.raises(GatewayTimeout):
                async with getattr(database, way)() as connection:
                    silent = await pid_of(connection)
                    os.kill(silent, signal.SIGSTOP)
                    later.callback(os.kill, silent, signal.SIGCONT)
                    await pid_of(connection)
            # The others needn't wait for it, and nobody gets its answer.
            async with getattr(database, way)() as connection:
                assert await pid_of(connection) != silent
    assert "Slow query" in caplog.text


@contextmanager
def pooler(server: DatabaseServer) -> Generator[str]:
    """Run PgBouncer, which lends a few connections by the transaction."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("There is no `pgbouncer`.")
    port = free_port()
    configuration = server.data.parent / "pgbouncer.ini"
    configuration.write_text(
        f"[databases]\n* = host=127.0.0.1 port={server.port} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        "auth_type = any\npool_mode = transaction\ndefault_pool_size = 4\n"
    )
    # It refuses to run as root, as PostgreSQL does.
    user = server.data.stat().st_uid
    process = subprocess.Popen([program, "-q", configuration], user=user or None)
    url = make_url(server.url).set(port=port).render_as_string()
    try:
        while process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.02)
        yield url
    finally:
        process.terminate()
        process.wait()


async def test_sixteen_clients_share_four_connections(own_server: DatabaseServer) -> None:
    successor = DirectQuery(select(bindparam("number", type_=Integer) + 1))
    pids: set[int] = set()
    with pooler(own_server) as url:
        async with opened(url) as database:
            with pytest.raises(Unusable, match="set DATABASE_PGBOUNCER=True"):
                await database.ping()
        async with opened(url, database_pgbouncer=True, database_pool_size=16) as database:

            async def ask(number: int) -> None:
                for begin in (database.direct, database.direct_transaction) * 5:
                    async with begin() as direct:
                        assert await direct.fetch_value(successor, number=number) == number + 1
                    for begin_session in (database.read, database.write):
                        async with begin_session() as session:
                            pids.add(await pid_of(session))
                            number += 1
                            found = await session.execute(select(literal(number)))
                            assert found.scalar_one() == number

            await asyncio.gather(*map(ask, range(0, 1600, 100)))
    assert len(pids) <= 4
