"""A client of Redis or Valkey that never makes anybody wait for long."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff

PATTERN = re.compile(r"((redis|valkey)s?(\+(sentinel|cluster))?|unix)://.+")


def check_redis_url(url: str) -> str:
    """Raise a `ValueError` that shows how such a URL looks."""
    if not PATTERN.fullmatch(url):
        raise ValueError(
            "should look like redis://host:6379/0, rediss://… (TLS), redis+cluster://host:6379 or"
            " redis+sentinel://host:26379,host:26379/name-of-the-master/0"
        )
    return url


@asynccontextmanager
async def open_redis(
    url: str, *, timeout_seconds: float, max_connections: int
) -> AsyncGenerator[Redis]:
    """Open a pool of connections; each is made when it is needed.

    The client's own defaults are ten retries, and five seconds for each.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "retry": Retry(NoBackoff(), 0),
        "max_connections": max_connections,
        # Answers alone come back: RESP3 has news among them.
        "protocol": 2,
    }
    client = client_of(url.replace("valkey", "redis", 1), options)
    try:
        yield client
    finally:
        await client.aclose()
        if isinstance(pool := getattr(client, "connection_pool", None), SentinelConnectionPool):
            for sentinel in pool.sentinel_manager.sentinels:
                await sentinel.aclose()


def client_of(url: str, options: dict[str, Any]) -> Redis:
    """Make the client that a URL is for."""
    if "+cluster" in url:
        # All keys of a service are in one slot, so what is said to one node is said to all.
        cluster: Any = RedisCluster.from_url(url.replace("+cluster", ""), **options)
        return cluster
    if "+sentinel" in url:
        parts = urlsplit(url)
        name, _, number = parts.path.strip("/").partition("/")
        hosts = [host.partition(":") for host in parts.netloc.rpartition("@")[2].split(",")]
        sentinel = Sentinel(
            [(host, int(port or 26379)) for host, _, port in hosts],
            sentinel_kwargs={"socket_timeout": options["socket_timeout"]},
            ssl=parts.scheme.startswith("rediss"),
            username=parts.username,
            password=parts.password,
            db=int(number or 0),
            **options,
        )
        return sentinel.master_for(name)
    pool: Any = BlockingConnectionPool.from_url(url, timeout=options["socket_timeout"], **options)
    return Redis.from_pool(pool)
