"""What a server may do to its clients, and what those see of it."""

import asyncio
import time
from collections.abc import AsyncGenerator

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.database.session import DatabaseDep, SessionDep
from app.core.lifespan import State
from app.settings import Settings
from tests.fixtures.database import SLEEP, DatabaseServer
from tests.fixtures.server import serving

IMPATIENT = {
    "database_pool_size": 2,
    "database_pool_timeout_seconds": 0.2,
    "database_statement_timeout_seconds": 3,
}


@pytest.fixture
def settings(settings: Settings, database_server: DatabaseServer) -> Settings:
    return settings.model_copy(update={"database_url": database_server.url, **IMPATIENT})


@pytest.fixture
def effects() -> list[str]:
    return []


@pytest.fixture
def app(app: FastAPI, database_server: DatabaseServer, effects: list[str]) -> FastAPI:
    @app.get("/test/sleep/{seconds}")
    async def sleep(seconds: float, database: DatabaseDep) -> None:
        async with database.read() as session:
            await session.execute(text(SLEEP.format(seconds=seconds)))

    @app.post("/test/lose")
    async def lose(session: SessionDep) -> None:
        async def effect() -> None:
            effects.append("done")

        session.after_commit(effect)
        await session.execute(text("INSERT INTO authors (name, email) VALUES ('Ann', 'a@b')"))
        await asyncio.to_thread(database_server.disconnect_all)

    return app


async def test_a_statement_that_takes_too_long_is_a_504(
    client: httpx2.AsyncClient, state: State
) -> None:
    response = await client.get("/test/sleep/30")

    assert response.status_code == 504
    assert response.json()["detail"] == "The database took too long."
    assert state["database"].stats()["checked_out"] == 0
    assert (await client.get("/test/sleep/0")).is_success


async def test_who_waits_for_a_connection_is_told_soon(client: httpx2.AsyncClient) -> None:
    slow = [asyncio.create_task(client.get("/test/sleep/2.5")) for _ in range(2)]
    await asyncio.sleep(0.3)
    started = time.monotonic()

    waiting = asyncio.gather(*(client.get("/posts") for _ in range(10)))
    await asyncio.sleep(0.05)
    health = await client.get("/health")
    pool = (await client.get("/health/db-pool")).json()
    responses = await waiting

    assert time.monotonic() - started < 1.8
    assert {response.status_code for response in responses} == {503}
    assert {response.headers["retry-after"] for response in responses} == {"1"}
    assert health.is_success
    assert (pool["checked_out"], pool["waiting"]) == (2, 10)
    assert {response.status_code for response in await asyncio.gather(*slow)} == {200}
    assert (await client.get("/health/db-pool")).json()["timeouts"] == 10
    assert (await client.get("/posts")).is_success


async def test_connections_that_the_server_ended_cost_nobody_an_answer(
    client: httpx2.AsyncClient, database_server: DatabaseServer
) -> None:
    await asyncio.gather(*(client.get("/posts") for _ in range(2)))

    await asyncio.to_thread(database_server.disconnect_all)
    await asyncio.sleep(0.5)

    responses = await asyncio.gather(*(client.get("/posts") for _ in range(10)))
    assert {response.status_code for response in responses} == {200}


async def test_a_commit_that_does_not_arrive_is_no_success(
    client: httpx2.AsyncClient, state: State, effects: list[str]
) -> None:
    response = await client.post("/test/lose")

    assert response.status_code == 503
    assert effects == []
    async with state["database"].read() as session:
        assert (await session.execute(text("SELECT count(*) FROM authors"))).scalar_one() == 0


@pytest.fixture
async def service(database_server: DatabaseServer) -> AsyncGenerator[httpx2.AsyncClient]:
    with serving(DATABASE_URL=database_server.url) as server:
        async with httpx2.AsyncClient(base_url=server.url, timeout=10) as client:
            yield client


@pytest.mark.slow
async def test_a_server_that_crashes_is_a_503_until_it_is_back(
    service: httpx2.AsyncClient, database_server: DatabaseServer
) -> None:
    author = {"name": "Ann", "email": "ann@example.org"}
    author_id = (await service.post("/authors", json=author)).raise_for_status().json()["id"]
    answers: list[tuple[float, httpx2.Response]] = []
    created: list[str] = []
    is_over = asyncio.Event()

    async def ask(number: int) -> None:
        while not is_over.is_set():
            post = {"author_id": author_id, "title": f"{number}.{len(answers)}", "body": ""}
            for response in (await service.get("/posts"), await service.post("/posts", json=post)):
                answers.append((time.monotonic(), response))
                if response.status_code == 201:
                    created.append(response.headers["location"])
            await asyncio.sleep(0.02)

    clients = [asyncio.create_task(ask(number)) for number in range(8)]
    await asyncio.sleep(1)
    crashed_at = time.monotonic()
    await asyncio.to_thread(database_server.crash)
    await asyncio.sleep(1)
    await asyncio.to_thread(database_server.start)
    back_at = time.monotonic()
    await asyncio.sleep(5)
    is_over.set()
    await asyncio.gather(*clients)

    failed = [(at, response) for at, response in answers if not response.is_success]
    assert {response.status_code for _, response in failed} == {503}
    assert all(response.headers["retry-after"] for _, response in failed)
    assert all(crashed_at - 0.1 < at < back_at + 5 for at, _ in failed)
    assert [at for at, response in answers if response.is_success and at > back_at]
    # What was answered with 201 is there: commits are on disk before the answer.
    for path in created:
        assert (await service.get(path)).is_success
