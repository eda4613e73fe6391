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

from app.core.cache.store import CacheSettings


def find_redis() -> str:
    """Find Redis or Valkey."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.skip("There is no `redis-server` or `valkey-server` on this machine.")
    return program


class RedisServer:
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
            return [client.ttl(key) for key in client.scan_iter()]

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
def running_redis(tmp_path_factory: pytest.TempPathFactory) -> Generator[RedisServer]:
    """The one that tests share."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_redis(tmp_path: Path) -> Generator[RedisServer]:
    """One for a test that stops it."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(running_redis: RedisServer) -> str:
    """A Redis with nothing in it."""
    with Redis.from_url(running_redis.url) as client:
        client.flushall()
    return running_redis.url


@pytest.fixture
def cache_timeout_seconds() -> float:
    """More patience than production has: a busy machine is no fault."""
    return 5


@pytest.fixture
def cache_settings(redis_url: str, cache_timeout_seconds: float) -> CacheSettings:
    """The settings of a cache of the test's own."""
    return CacheSettings(redis_url=redis_url, cache_timeout_seconds=cache_timeout_seconds)
