import httpx2
import pytest

from app.core.rate_limit import windows
from app.core.rate_limit.windows import Windows
from app.settings import Settings


class Clock:
    """The time of day, which stands still until it is set."""

    now = 1_000_000.0

    def time(self) -> float:
        """Give it."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(windows, "time", clock)
    return clock


@pytest.fixture
def settings(settings: Settings) -> Settings:
    update = {"rate_limit_requests": 3, "rate_limit_window_seconds": 10}
    return settings.model_copy(update={**update, "rate_limit_header": "X-API-Key"})


async def test_who_asks_too_often_is_told_when_to_ask_again(
    client: httpx2.AsyncClient, clock: Clock
) -> None:
    clock.now += 4

    responses = [await client.get("/test/nowhere") for _ in range(5)]

    assert [response.status_code for response in responses] == [404, 404, 404, 429, 429]
    told = [response.headers["ratelimit"] for response in responses]
    assert told == [f'"default";r={left};t=6' for left in (2, 1, 0, 0, 0)]
    last = responses[-1]
    assert (last.headers["retry-after"], last.headers["ratelimit-policy"]) == (
        "6",
        '"default";q=3;w=10',
    )
    assert last.json()["detail"] == "More than 3 requests in 10 s."


async def test_each_client_has_its_own_and_probes_have_none(client: httpx2.AsyncClient) -> None:
    for key in ("a", "b"):
        headers = {"X-API-Key": key}
        asked = [await client.get("/test/nowhere", headers=headers) for _ in range(4)]
        assert [response.status_code for response in asked] == [404, 404, 404, 429]

    assert all([(await client.get("/health")).is_success for _ in range(9)])


def test_the_window_slides(clock: Clock) -> None:
    counts = Windows(seconds=10)
    clock.now = 1_000_009.0
    assert [counts.add("me", 3) for _ in range(4)] == [1, 2, 3, None]

    # The three still count for nine tenths, then for a third, then not at all.
    clock.now = 1_000_011.0
    assert counts.add("me", 3) is None
    clock.now = 1_000_016.7
    assert counts.add("me", 3) == pytest.approx(1.99)
    assert counts.add("me", 3) == pytest.approx(2.99)
    assert counts.add("me", 3) is None
    clock.now = 1_000_100.0
    assert [counts.add("me", 3) for _ in range(4)] == [1, 2, 3, None]


def test_it_forgets_who_left(clock: Clock) -> None:
    counts = Windows(seconds=10)
    for number in range(1000):
        counts.add(f"client {number}", 3)

    clock.now += 25
    counts.add("me", 3)

    assert len(counts._now) + len(counts._before) == 1
