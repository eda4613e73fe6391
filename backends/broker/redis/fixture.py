"""A Redis of the tests' own, which a test may stop."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError




def find_redis() -> str:
    """Find Redis or Valkey."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.skip("There is no `redis-server` or `valkey-server` on this machine.")
    return program


class BrokerServer:
    """A server on a port of this machine."""

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
        program = find_redis()
        options = ("--bind", "127.0.0.1", "--port", str(self._port), "--save", "")
        self._process = subprocess.Popen(
            [program, *options, "--dir", str(self._directory)], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                with Redis.from_url(self.url) as client:
                    client.ping()
                    return
            except RedisError:
                time.sleep(0.01)
        raise TimeoutError(f"{program} doesn't answer")

    def stop(self) -> None:
        """End it at once; what it kept is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def times_to_live(self) -> list[int]:
        """How many seconds each key has left; -1 for ever."""
        with Redis.from_url(self.url) as client:
            return [int(client.ttl(key)) for key in client.scan_iter()]

    def pause(self) -> None:
        """Let it hang: it takes connections and says nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@pytest.fixture(scope="session")
def running_broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[BrokerServer]:
    """The one that tests share."""
    server = BrokerServer(tmp_path_factory.mktemp("redis"))
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


