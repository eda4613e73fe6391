import asyncio
from collections.abc import Mapping
from typing import cast

import httpx2
import pytest

from app.core.lifespan import State
from app.core.resource import open_resources


class Probe:
    """A resource that answers as the test wants it to."""

    name = "probe"

    def __init__(self, *, seconds: float = 0, error: Exception | None = None) -> None:
        self.seconds = seconds
        self.error = error
        self.pings = 0
        self.away: dict[str, float] = {}

    async def ping(self) -> None:
        self.pings += 1
        await asyncio.sleep(self.seconds)
        if self.error is not None:
            raise self.error

    def stats(self) -> Mapping[str, float]:
        return self.away


async def test_health_tells_how_the_process_is(client: httpx2.AsyncClient) -> None:
    health = (await client.get("/health")).raise_for_status().json()

    assert health["status"] == "ok"
    assert health["uptime_seconds"] > 0
    assert health["memory_bytes"] > 1_000_000
    assert health["cpu_percent"] >= 0


async def test_ready_asks_everything_that_is_open(client: httpx2.AsyncClient, state: State) -> None:
    answer = (await client.get("/ready")).raise_for_status().json()

    opened = [resource.name for resource in open_resources(state)]
    assert {"http_client", "tasks"} <= set(opened)
    assert answer == {"status": "ready", "resources": opened, "degraded": []}


@pytest.mark.parametrize(
    ("probe", "reason"),
    [
        (Probe(error=ConnectionRefusedError()), "ConnectionRefusedError"),
        (Probe(seconds=5), "no answer within 1 s"),
    ],
)
async def test_ready_names_what_does_not_answer(
    client: httpx2.AsyncClient, state: State, probe: Probe, reason: str
) -> None:
    cast("dict[str, object]", state)["probe"] = probe

    response = await client.get("/ready")

    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["failed"] == {"probe": reason}


async def test_many_who_ask_at_once_are_one_question(
    client: httpx2.AsyncClient, state: State
) -> None:
    probe = Probe(seconds=0.1)
    cast("dict[str, object]", state)["probe"] = probe

    answers = await asyncio.gather(*(client.get("/ready") for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert probe.pings == 1
    await client.get("/ready")
    assert probe.pings == 2


@pytest.mark.parametrize("away", [{"is_away": 1}, {"is_listening": 0}])
async def test_what_the_service_can_do_without_is_named(
    client: httpx2.AsyncClient, state: State, away: dict[str, float]
) -> None:
    probe = Probe()
    probe.away = away
    cast("dict[str, object]", state)["probe"] = probe

    response = await client.get("/ready")

    assert response.status_code == 200
    assert response.json()["degraded"] == ["probe"]
