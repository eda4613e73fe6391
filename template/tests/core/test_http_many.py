"""Many calls at once."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from app.core.errors import AppError, GatewayTimeout, Unavailable
from app.core.http_client.answer import UrlRefused
from app.core.http_client.client import HttpClient, open_http_client
from app.core.http_client.session import HttpClientSettings
from tests.fixtures.upstream import Answer, Upstream


@pytest.fixture
async def http_client() -> AsyncGenerator[HttpClient]:
    async with open_http_client(HttpClientSettings(http_retries=0)) as http_client:
        yield http_client


async def test_what_fails_is_one_of_many_answers(
    http_client: HttpClient, upstream: Upstream
) -> None:
    upstream.answers = {"/1": Answer(b"1"), "/2": Answer(hangs_up=True), "/3": Answer(b"3")}
    urls = [f"{upstream.url}/{number}" for number in range(1, 5)]

    one, two, three, four = await http_client.get_all([*urls[:3], "nonsense"])

    assert [type(answer) for answer in (two, four)] == [Unavailable, UrlRefused]
    assert [not isinstance(a, AppError) and a.json() for a in (one, three)] == [1, 3]


async def test_many_are_asked_side_by_side_but_not_all(
    http_client: HttpClient, upstream: Upstream
) -> None:
    upstream.answers["/ships"] = Answer(seconds=0.2)

    await http_client.get_all([f"{upstream.url}/ships"] * 12, at_once=4)

    assert upstream.most_at_once == 4


async def test_who_is_cancelled_takes_all_calls_along(
    http_client: HttpClient, upstream: Upstream
) -> None:
    upstream.answers["/ships"] = Answer(seconds=30)
    calls = asyncio.create_task(http_client.get_all([f"{upstream.url}/ships"] * 5))
    async with asyncio.timeout(5):
        while upstream.at_once < 5:
            await asyncio.sleep(0.005)

        calls.cancel()
        await asyncio.wait([calls])
        assert http_client.stats()["in_flight"] == 0
        while upstream.at_once:
            await asyncio.sleep(0.005)


async def test_a_connection_is_not_waited_for_when_all_are_in_use(upstream: Upstream) -> None:
    upstream.answers["/ships"] = Answer(seconds=1)
    settings = HttpClientSettings(
        http_max_connections=1,
        http_connect_timeout_seconds=0.3,
        http_retries=0,
        http_breaker_failures=1,
    )
    async with open_http_client(settings) as http_client:
        first = asyncio.create_task(http_client.get(f"{upstream.url}/ships"))
        await asyncio.sleep(0.1)
        assert http_client.stats()["in_flight"] == 1
        with pytest.raises(GatewayTimeout):
            await http_client.get(f"{upstream.url}/ships")
        assert (await first).json() == {}
        # That is nobody's fault but ours.
        assert http_client.stats()["failures"] == 0


async def test_a_host_does_not_take_the_connections_of_all(upstream: Upstream) -> None:
    upstream.answers["/ships"] = Answer(seconds=0.1)
    settings = HttpClientSettings(http_max_connections_per_host=2)
    async with open_http_client(settings) as http_client:
        await http_client.get_all([f"{upstream.url}/ships"] * 6)

    assert upstream.most_at_once == 2
