"""What is asked for again, and how often."""

import time
from email.utils import formatdate

import pytest

from app.core.errors import AppError, Unavailable
from app.core.http_client.answer import asked_pause_seconds
from tests.fixtures.upstream import Answer, Upstream, opened

# Nobody is left alone.
NEVER = 1_000_000


@pytest.mark.parametrize(
    "fault", [Answer(hangs_up=True), Answer(status=502), Answer(status=503), Answer(status=504)]
)
async def test_what_changes_nothing_is_repeated(upstream: Upstream, fault: Answer) -> None:
    upstream.answers["/ships"] = Answer()
    url = f"{upstream.url}/ships"
    async with opened(http_breaker_failures=NEVER) as http_client:
        for send in (
            lambda: http_client.get(url),
            lambda: http_client.put(url, {}),
            lambda: http_client.delete(url),
            lambda: http_client.post(url, {}, idempotency_key="a"),
            lambda: http_client.patch(url, {}, idempotency_key="b"),
        ):
            upstream.first = [fault] * 2
            assert (await send()).status == 200
        assert http_client.stats()["retries"] == 10

    keys = [request.headers.get("idempotency-key") for request in upstream.requests]
    assert keys == [None] * 9 + ["a"] * 3 + ["b"] * 3


@pytest.mark.parametrize("fault", [Answer(hangs_up=True), Answer(status=503)])
async def test_what_may_have_changed_something_is_not(upstream: Upstream, fault: Answer) -> None:
    upstream.answers["/ships"] = fault
    async with opened() as http_client:
        for send in (http_client.post, http_client.patch):
            with pytest.raises(Unavailable):
                await send(f"{upstream.url}/ships", {})

    assert len(upstream.asked) == 2


async def test_nobody_repeats_anything_besides(upstream: Upstream) -> None:
    upstream.answers["/ships"] = Answer(hangs_up=True)
    async with opened() as http_client:
        with pytest.raises(Unavailable):
            await http_client.get(f"{upstream.url}/ships")

    assert len(upstream.asked) == 3


@pytest.mark.parametrize("status", [400, 404, 429, 500])
async def test_an_answer_is_not_asked_for_again(upstream: Upstream, status: int) -> None:
    upstream.answers["/ships"] = Answer(status=status)
    async with opened() as http_client:
        with pytest.raises(AppError):
            await http_client.get(f"{upstream.url}/ships")

    assert len(upstream.asked) == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_who_asks_for_a_pause_gets_it(upstream: Upstream, status: int) -> None:
    upstream.answers["/ships"] = Answer()
    upstream.first = [Answer(status=status, headers={"Retry-After": "1"})]
    started = time.monotonic()
    async with opened() as http_client:
        await http_client.get(f"{upstream.url}/ships")

    assert time.monotonic() - started >= 1
    # By then there is less time left.
    before, after = (float(r.headers["x-request-timeout"]) for r in upstream.requests)
    assert after <= before - 1


async def test_who_asks_for_a_long_one_is_not_asked_again(upstream: Upstream) -> None:
    upstream.answers["/ships"] = Answer(status=503, headers={"Retry-After": "3"})
    async with opened() as http_client:
        with pytest.raises(Unavailable) as caught:
            await http_client.get(f"{upstream.url}/ships")

    assert (len(upstream.asked), caught.value.retry_after_seconds) == (1, 3)


async def test_a_pause_is_read_as_seconds_or_as_a_date() -> None:
    assert asked_pause_seconds({"Retry-After": "120"}) == 120
    date = formatdate(time.time() + 100, usegmt=True)
    assert 95 < (asked_pause_seconds({"Retry-After": date}) or 0) <= 100
    for nonsense in ("", "soon", "-1", "1e3", "²"):
        assert asked_pause_seconds({"Retry-After": nonsense}) is None


async def test_an_outage_does_not_multiply_what_is_asked(upstream: Upstream) -> None:
    upstream.answers["/ships"] = Answer(status=503)
    async with opened(http_breaker_failures=NEVER) as http_client:
        await http_client.get_all([f"{upstream.url}/ships"] * 200, at_once=20)

    # What was saved, and a tenth of the calls.
    assert 200 + 10 <= len(upstream.asked) <= 200 + 10 + 20
