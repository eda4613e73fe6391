import asyncio

import pytest
from pydantic import ValidationError
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.core.cache.redis_client import client_of, open_redis
from app.core.cache.store import CacheSettings
from tests.redis_server import RedisServer

OPTIONS = {"socket_timeout": 0.05, "max_connections": 3}


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost", "redis:/localhost", ""])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="should look like redis://"):
        CacheSettings(redis_url=url)


def test_a_password_is_not_shown() -> None:
    assert "s3cret" not in repr(CacheSettings(redis_url="redis://:s3cret@localhost"))


def test_tls_and_credentials_are_taken_from_the_url() -> None:
    client = client_of("rediss://user:s3cret@cache:6380/2", dict(OPTIONS))

    known = client.connection_pool.connection_kwargs
    wanted = {"host": "cache", "port": 6380, "db": 2, "username": "user", "password": "s3cret"}
    assert wanted.items() <= known.items()
    assert client.connection_pool.connection_class.__name__ == "SSLConnection"
    assert client.connection_pool.max_connections == 3


def test_a_sentinel_names_its_master() -> None:
    client = client_of("redis+sentinel://:s3cret@one:26379,two/orders/3", dict(OPTIONS))

    pool = client.connection_pool
    assert isinstance(pool, SentinelConnectionPool)
    assert (pool.service_name, pool.connection_kwargs["db"]) == ("orders", 3)
    sentinels = [one.connection_pool.connection_kwargs for one in pool.sentinel_manager.sentinels]
    assert [(each["host"], each["port"]) for each in sentinels] == [("one", 26379), ("two", 26379)]


def test_a_cluster_has_a_client_of_its_own() -> None:
    assert isinstance(client_of("redis+cluster://one:6379", dict(OPTIONS)), RedisCluster)


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
async def test_both_names_are_of_the_same_server(running_redis: RedisServer, scheme: str) -> None:
    url = running_redis.url.replace("redis", scheme, 1)
    async with open_redis(url, timeout_seconds=1, max_connections=2) as client:
        await client.set("test_redis_client", "1", px=1000)
        assert await client.get("test_redis_client") == b"1"


async def test_nobody_waits_for_long(own_redis: RedisServer) -> None:
    async with open_redis(own_redis.url, timeout_seconds=0.1, max_connections=2) as client:
        await client.ping()
        own_redis.pause()
        with pytest.raises(RedisTimeoutError):
            async with asyncio.timeout(3):
                await client.get("key")
        own_redis.resume()
