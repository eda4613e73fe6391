"""A NATS with JetStream of the tests' own, which a test may stop."""

import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import pytest


def find_server() -> str:
    """Find NATS with JetStream."""
    program = shutil.which("nats-server")
    if program is None:
        pytest.skip("There is no `nats-server` on this machine.")
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
        return f"nats://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = find_server()
        options = ("-a", "127.0.0.1", "-p", str(self._port), "-js", "-sd", str(self._directory))
        self._process = subprocess.Popen([program, *options], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if is_up(self._port):
                return
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
    """A NATS that others use as well: each service has a stream of its own."""
    return running_broker.url


def is_up(port: int) -> bool:
    """Tell whether it greets who connects."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return connection.recv(4) == b"INFO"
    except OSError:
        return False
