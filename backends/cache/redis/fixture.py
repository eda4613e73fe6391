"""A Redis of the tests' own, which a test may stop."""

import signal
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest
from redis import Redis

from app.core.cache.store import CacheSettings
from tests.own_server import OwnServer, says


class RedisServer(OwnServer):
    """What it kept is gone when it stops."""

    programs = ("redis-server", "valkey-server")

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}/0"

    def options(self) -> Sequence[str]:
        """Say how it is started."""
        place = ("--bind", "127.0.0.1", "--port", f"{self.port}", "--dir", f"{self.directory}")
        return (*place, "--save", "")

    def is_up(self) -> bool:
        """Tell whether it answers."""
        return says(self.port, b"PING\r\n") == b"+PON"

    def times_to_live(self) -> list[int]:
        """How many seconds each key has left; -1 for ever."""
        with Redis.from_url(self.url) as client:
            return [client.ttl(key) for key in client.scan_iter()]

    def pause(self) -> None:
        """Let it hang: it takes connections and says nothing."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.signal(signal.SIGCONT)


@pytest.fixture(scope="session")
def running_redis(tmp_path_factory: pytest.TempPathFactory) -> Generator[RedisServer]:
    """The one that tests share."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def own_redis(tmp_path: Path) -> Generator[RedisServer]:
    """One for a test that stops it."""
    with RedisServer(tmp_path) as server:
        yield server


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
