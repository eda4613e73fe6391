"""Those whom the service asks hang, hang up, are busy or talk slowly: nobody waits for long."""

import asyncio
import time

import httpx2
import pytest
from fastapi import FastAPI

from app.core.errors import AppError, GatewayTimeout, Unavailable
from app.core.http_client import host
from app.core.http_client.answer import BusyAnswer, ErrorAnswer
from app.core.http_client.client import HttpClientDep
from app.core.lifespan import State
from tests.fixtures.time_left import within
from tests.fixtures.upstream import Answer, Upstream, opened


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(seconds=30), GatewayTimeout),
        (Answer(b"x" * 1000, trickling_seconds=0.05), GatewayTimeout),
        (Answer(hangs_up=True), Unavailable),
        (Answer(status=503, headers={"Retry-After": "1"}), BusyAnswer),
    ],
    ids=["hangs", "trickles", "hangs up", "is busy"],
)
@pytest.mark.parametrize("limit", ["setting", "request"])
async def test_every_fault_ends_in_time(
    upstream: Upstream, answer: Answer, error: type[AppError], limit: str
) -> None:
    upstream.answers["/ships"] = answer
    seconds = 0.5 if limit == "setting" else 10
    started = time.monotonic()
    async with opened(http_total_timeout_seconds=seconds) as http_client:
        with within(30 if limit == "setting" else 0.5), pytest.raises(error) as caught:
            await http_client.get(f"{upstream.url}/ships")

    assert time.monotonic() - started < 3
    assert getattr(caught.value, "retry_after_seconds", 1) == 1


async def test_an_answer_that_does_not_come_is_asked_for_again(upstream: Upstream) -> None:
    upstream.answers["/ships"] = Answer()
    upstream.first = [Answer(seconds=30)]
    async with opened(http_read_timeout_seconds=0.1) as http_client:
        assert (await http_client.get(f"{upstream.url}/ships")).status == 200

    assert len(upstream.asked) == 2


async def test_the_other_side_learns_how_long_anybody_waits(upstream: Upstream) -> None:
    upstream.answers["/ships"] = Answer()
    async with opened() as http_client:
        await http_client.get(f"{upstream.url}/ships")
        with within(5):
            await http_client.get(f"{upstream.url}/ships")

    without, with_limit = (float(r.headers["x-request-timeout"]) for r in upstream.requests)
    assert 9 < without <= 10
    assert 4 < with_limit < 5


async def test_without_any_time_left_nobody_is_asked(upstream: Upstream) -> None:
    upstream.answers["/ships"] = Answer()
    async with opened() as http_client:
        with within(0), pytest.raises(GatewayTimeout):
            await http_client.get(f"{upstream.url}/ships")
        assert http_client.stats()["failures"] == 0

    assert upstream.asked == []


async def test_who_fails_again_and_again_is_left_alone_for_a_time(upstream: Upstream) -> None:
    upstream.answers["/ships"] = Answer(status=503)
    url = f"{upstream.url}/ships"
    async with opened(
        http_breaker_failures=3, http_breaker_seconds=1, http_retries=0
    ) as http_client:
        await http_client.get_all([url] * 3, at_once=1)
        assert http_client.stats()["open_breakers"] == 1

        with pytest.raises(Unavailable) as caught:
            await http_client.get(url)
        assert caught.value.retry_after_seconds == 1
        assert len(upstream.asked) == 3

        # Of many, one tries; it fails, and the others go on waiting.
        await asyncio.sleep(1.1)
        await http_client.get_all([url] * 10)
        assert len(upstream.asked) == 4

        upstream.answers["/ships"] = Answer()
        await asyncio.sleep(1.1)
        assert (await http_client.get(url)).status == 200
        assert http_client.stats()["open_breakers"] == 0
        answers = await http_client.get_all([url] * 10)
        assert [type(answer) for answer in answers if isinstance(answer, AppError)] == []


async def test_a_host_that_hangs_is_left_alone(upstream: Upstream) -> None:
    upstream.answers["/ships"] = Answer(seconds=30)
    async with opened(
        http_breaker_failures=2, http_total_timeout_seconds=0.1, http_retries=0
    ) as http_client:
        for _ in range(4):
            with pytest.raises((GatewayTimeout, Unavailable)):
                await http_client.get(f"{upstream.url}/ships")

    assert len(upstream.asked) == 2


async def test_who_was_the_last_to_fail_learns_why(upstream: Upstream) -> None:
    upstream.answers["/ships"] = Answer(status=502)
    async with opened(http_breaker_failures=1) as http_client:
        with pytest.raises(ErrorAnswer):
            await http_client.get(f"{upstream.url}/ships")

        assert (len(upstream.asked), http_client.stats()["retries"]) == (1, 0)


async def test_who_has_little_time_does_not_cut_off_the_others(upstream: Upstream) -> None:
    upstream.answers["/ships"] = Answer(seconds=0.3)
    async with opened(http_breaker_failures=1) as http_client:
        with within(0.1), pytest.raises(GatewayTimeout):
            await http_client.get(f"{upstream.url}/ships")

        assert (await http_client.get(f"{upstream.url}/ships")).status == 200


async def test_other_hosts_are_asked_as_before(upstream: Upstream) -> None:
    upstream.answers = {"/ships": Answer(status=503), "/boats": Answer()}
    other = upstream.url.replace("127.0.0.1", "localhost")
    async with opened(http_breaker_failures=1) as http_client:
        with pytest.raises(Unavailable):
            await http_client.get(f"{upstream.url}/ships")
        with pytest.raises(Unavailable):
            await http_client.get(f"{upstream.url}/boats")
        assert (await http_client.get(f"{other}/boats")).status == 200


async def test_hosts_are_not_remembered_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(host, "MOST_HOSTS", 3)
    async with opened() as http_client:
        await http_client.get_all(f"http://127.0.0.{number}:1" for number in range(1, 9))

        assert (http_client.stats()["hosts"], http_client.stats()["calls"]) == (3, 8)


async def test_a_route_tells_when_to_come_back(
    app: FastAPI, client: httpx2.AsyncClient, state: State, upstream: Upstream
) -> None:
    upstream.answers["/ships"] = Answer(status=503, headers={"Retry-After": "30"})

    @app.get("/test/ships")
    async def ships(http_client: HttpClientDep) -> None:
        assert http_client is state["http_client"]
        await http_client.get(f"{upstream.url}/ships")

    response = await client.get("/test/ships")

    assert (response.status_code, response.headers["retry-after"]) == (503, "30")
