import asyncio
import re
import time
from collections.abc import Mapping

import httpx2
import pytest
from fastapi import FastAPI

from app.core.observability.timing import current_route, spending
from app.core.tasks.broker import Broker
from app.core.tasks.contract import TaskState
from app.core.tasks.task import task
from app.settings import Settings
from tests.fixtures.tasks import until_state


@task()
async def note_route(state: Mapping[str, list[str]]) -> None:
    state["seen"].append(current_route())


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"slow_request_seconds": 0.5})


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    @app.get("/test/slow/{seconds}")
    async def slow(seconds: float) -> float:
        slept = 0.0
        for _ in range(2):
            with spending("mail", f"a letter\nof {seconds} s"):
                started = time.perf_counter()
                await asyncio.sleep(seconds / 2)
                slept += time.perf_counter() - started
        return slept

    return app


async def test_the_answer_tells_where_the_time_went(client: httpx2.AsyncClient) -> None:
    response = await client.get("/test/slow/0.02")

    # An event loop may wake a sleeper a moment early.
    slept = response.json()
    assert slept <= float(response.headers["x-process-time"]) < 1
    found = re.fullmatch(
        r'total;dur=([\d.]+), mail;dur=([\d.]+);desc="2"', response.headers["server-timing"]
    )
    assert found
    assert round(slept * 1000, 1) <= float(found[2]) <= float(found[1]) < 1000


async def test_a_slow_request_is_logged_with_its_route(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    await client.get("/test/slow/0.01")
    await client.get("/test/slow/0.6")

    (line,) = [record.getMessage() for record in caplog.records if "Slow" in record.message]
    assert re.fullmatch(
        r"Slow request: GET /test/slow/\{seconds\} took 0\.\d+ s "
        r"\(mail 2 times in \d+ ms, 3\d\d of them for a letter of 0\.6 s\)",
        line,
    )


@pytest.mark.usefixtures("runner")
async def test_a_task_is_named_like_a_route(tasks: Broker, seen: list[str]) -> None:
    task_id = await tasks.enqueue(note_route())
    await until_state(tasks.ledger, task_id, TaskState.SUCCEEDED)

    assert seen == [f"task {note_route().name}"]


async def test_requests_do_not_share_their_times(client: httpx2.AsyncClient) -> None:
    responses = await asyncio.gather(*(client.get("/test/slow/0.01") for _ in range(5)))

    assert all('desc="2"' in response.headers["server-timing"] for response in responses)
