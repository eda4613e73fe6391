"""The cache on what a URL may name besides one server: several, and one behind TLS."""

import asyncio
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from app.core.cache.cache import open_cache
from app.core.cache.store import CacheSettings
from tests.ports import free_port
from tests.redis_server import RedisServer


@contextmanager
def running(path: Path, port: int, *options: str) -> Generator[Redis]:
    """Run a server with options of its own, and give a client of it."""
    command = (RedisServer.find_program(), *options, "--bind", "127.0.0.1", "--dir", str(path))
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL) as process,
        Redis(port=port) as client,
    ):
        try:
            wait_for(client.ping)
            yield client
        finally:
            process.kill()


def wait_for(happens: Callable[[], object]) -> None:
    """Ask until it is so."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if happens():
                return
        except RedisError:
            pass
        time.sleep(0.02)
    pytest.fail("It doesn't get ready.")


@pytest.fixture
def sentinel_url(own_redis: RedisServer, tmp_path: Path) -> Generator[str]:
    """A Sentinel that watches a server."""
    port = free_port()
    file = tmp_path / "sentinel.conf"
    master = own_redis.url.removeprefix("redis://").removesuffix("/0").replace(":", " ")
    file.write_text(f"port {port}\nsentinel monitor orders {master} 1\n")
    with running(tmp_path, port, str(file), "--sentinel"):
        yield f"redis+sentinel://127.0.0.1:{port}/orders/0"


@pytest.fixture
def cluster_url(tmp_path: Path) -> Generator[str]:
    """A cluster of one."""
    port, bus = free_port(), free_port()
    options = ("--port", str(port), "--cluster-enabled", "yes", "--cluster-port", str(bus))
    with running(tmp_path, port, *options) as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_for(lambda: "cluster_state:ok" in str(client.execute_command("CLUSTER", "INFO")))
        yield f"redis+cluster://127.0.0.1:{port}"


@pytest.fixture
def tls_url(tmp_path: Path) -> Generator[str]:
    """A server that speaks TLS alone, and wants a password."""
    port, plain = free_port(), free_port()
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    options = {
        "--port": str(plain),
        "--tls-port": str(port),
        "--tls-cert-file": str(certificate),
        "--tls-key-file": str(key),
        "--tls-ca-cert-file": str(certificate),
        "--tls-auth-clients": "no",
    }
    with running(tmp_path, plain, *(word for pair in options.items() for word in pair)) as client:
        client.config_set("requirepass", "s3cret")
        yield f"rediss://:s3cret@127.0.0.1:{port}/0?ssl_ca_certs={certificate}"


@pytest.mark.parametrize("kind", ["sentinel", "cluster", "tls"])
async def test_what_is_kept_there_is_shared(kind: str, request: pytest.FixtureRequest) -> None:
    url: str = request.getfixturevalue(f"{kind}_url")
    settings = CacheSettings(redis_url=url, cache_timeout_seconds=5, cache_copy_seconds=60)
    loads: list[int] = []

    async def load() -> bytes:
        loads.append(len(loads))
        return b"%d" % len(loads)

    async with open_cache(settings) as one, open_cache(settings) as other:
        async with asyncio.timeout(10):
            while not all(cache.stats()["is_listening"] for cache in (one, other)):
                await asyncio.sleep(0.01)
        assert await one.get_or_load("key", load, tags=("tag",)) == b"1"
        assert await other.get_or_load("key", load, tags=("tag",)) == b"1"
        await other.invalidate("tag")
        async with asyncio.timeout(5):
            while await one.get_or_load("key", load, tags=("tag",)) != b"2":
                await asyncio.sleep(0.01)
        assert {cache.stats()["errors"] for cache in (one, other)} == {0}
