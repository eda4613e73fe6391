"""A Redis of the tests' own, which a test may stop."""

from collections.abc import Generator
from pathlib import Path

import pytest

from app.core.cache.store import CacheSettings
from tests.redis_server import RedisServer


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
    running_redis.forget()
    return running_redis.url


@pytest.fixture
def cache_timeout_seconds() -> float:
    """More patience than production has: a busy machine is no fault."""
    return 5


@pytest.fixture
def cache_settings(redis_url: str, cache_timeout_seconds: float) -> CacheSettings:
    """The settings of a cache of the test's own."""
    return CacheSettings(redis_url=redis_url, cache_timeout_seconds=cache_timeout_seconds)
