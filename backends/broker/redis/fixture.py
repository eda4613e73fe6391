"""A Redis or Valkey of the tests' own, which a test may stop."""

import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError


def find_server() -> str:
    """Find Redis or Valkey."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.skip("There is no `redis-server` or `valkey-server` on this machine.")
    return program


class BrokerServer:
    """A server on a port of this machine. What it was told is there when it starts again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = find_server()
        options = ("--bind", "127.0.0.1", "--port", str(self._port), "--dir", str(self._directory))
        kept = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")
        self._process = subprocess.Popen([program, *options, *kept], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                with Redis.from_url(self.url) as client:
                    client.ping()
                    return
            except RedisError:
                time.sleep(0.02)
        raise TimeoutError(f"{program} doesn't answer")

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


@pytest.fixture(scope="session")
def running_broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[BrokerServer]:
    """The one that tests share."""
    server = BrokerServer(tmp_path_factory.mktemp("broker"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_broker(tmp_path: Path) -> Generator[BrokerServer]:
    """One for a test that stops it."""
    server = BrokerServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def live_broker_url(running_broker: BrokerServer) -> str:
    """A Redis with nothing in it."""
    with Redis.from_url(running_broker.url) as client:
        client.flushall()
    return running_broker.url
