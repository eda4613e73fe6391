import asyncio
from collections.abc import Mapping

import httpx2
import pytest
from fastapi import FastAPI

from app.core.lifespan import State
from app.core.observability.logging import request_id
from app.core.tasks.broker import Broker, BrokerDep, TaskSettings, open_broker
from app.core.tasks.task import Task, task

Seen = dict[str, list[object]]


@task
async def note(state: Seen, value: object) -> None:
    state["seen"].append(value)


@task
async def note_slowly(state: Seen, value: object) -> None:
    await asyncio.sleep(0.05)
    state["seen"].append(value)


@task
async def note_request(state: Seen) -> None:
    state["seen"].append(request_id.get())


@task
async def need_what_is_open(state: State) -> None:
    assert state["settings"].service_name


@task
async def fail(_state: Seen) -> None:
    raise RuntimeError("out of paper")


@task
async def be_cancelled(_state: Seen) -> None:
    awaited = asyncio.create_task(asyncio.sleep(60))
    awaited.cancel()
    await awaited


@task
async def enqueue_more(_state: Seen, broker: Broker) -> None:
    for _ in range(5):
        await broker.enqueue(note, 1)


@task
async def never_end(_state: Seen) -> None:
    await asyncio.sleep(3600)


@pytest.fixture
def seen() -> Seen:
    return {"seen": []}


async def until(broker: Broker, **counts: int) -> Mapping[str, float]:
    async with asyncio.timeout(5):
        while not counts.items() <= broker.stats().items():
            await asyncio.sleep(0.001)
    return broker.stats()


async def test_a_task_runs_with_its_arguments(seen: Seen) -> None:
    async with open_broker(TaskSettings()) as broker, broker.working(seen):
        await broker.enqueue(note, 7)
        await until(broker, succeeded=1)

    assert seen["seen"] == [7]


async def test_shutdown_waits_for_all_tasks(seen: Seen) -> None:
    async with open_broker(TaskSettings(task_workers=3)) as broker, broker.working(seen):
        for number in range(20):
            await broker.enqueue(note_slowly, number)

    assert sorted(seen["seen"], key=str) == sorted(range(20), key=str)


async def test_shutdown_does_not_wait_for_ever_and_names_what_is_lost(
    seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    settings = TaskSettings(task_workers=1, task_drain_seconds=0.05)
    async with open_broker(settings) as broker, broker.working(seen):
        await broker.enqueue(never_end)
        await broker.enqueue(note, 1)

    assert "Shutdown lost 2 tasks" in caplog.text
    assert never_end.name in caplog.text
    assert note.name in caplog.text


@pytest.mark.parametrize(
    ("broken", "error"), [(fail, "out of paper"), (be_cancelled, "CancelledError")]
)
async def test_a_task_that_fails_is_logged_and_the_next_one_runs(
    seen: Seen, caplog: pytest.LogCaptureFixture, broken: Task[[]], error: str
) -> None:
    async with open_broker(TaskSettings(task_workers=1)) as broker, broker.working(seen):
        await broker.enqueue(broken)
        await broker.enqueue(note, 1)
        stats = await until(broker, succeeded=1)

    assert (stats["failed"], seen["seen"]) == (1, [1])
    assert error in caplog.text
    assert broken.name in caplog.text


async def test_a_task_may_enqueue_more_than_the_queue_holds(seen: Seen) -> None:
    settings = TaskSettings(task_workers=1, task_queue_size=1)
    async with open_broker(settings) as broker, broker.working(seen):
        await broker.enqueue(enqueue_more, broker)
        await until(broker, succeeded=6)

    assert seen["seen"] == [1] * 5


async def test_no_more_at_once_than_there_are_workers(seen: Seen) -> None:
    settings = TaskSettings(task_workers=2, task_drain_seconds=0)
    async with open_broker(settings) as broker, broker.working(seen):
        for _ in range(5):
            await broker.enqueue(never_end)
        await until(broker, running=2, waiting=3)


async def test_enqueue_waits_while_the_queue_is_full(seen: Seen) -> None:
    settings = TaskSettings(task_workers=1, task_queue_size=1, task_drain_seconds=0)
    async with open_broker(settings) as broker, broker.working(seen):
        await broker.enqueue(never_end)
        await until(broker, running=1)
        await broker.enqueue(note, 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await broker.enqueue(note, 2)


async def test_a_task_knows_the_request_that_enqueued_it(seen: Seen) -> None:
    token = request_id.set("abc-1")
    async with open_broker(TaskSettings()) as broker, broker.working(seen):
        await broker.enqueue(note_request)
        request_id.reset(token)

    assert seen["seen"] == ["abc-1"]


async def test_a_route_enqueues_and_the_task_gets_what_is_open(
    app: FastAPI, client: httpx2.AsyncClient, state: State
) -> None:
    @app.post("/test/notes")
    async def add_note(broker: BrokerDep) -> None:
        await broker.enqueue(need_what_is_open)

    (await client.post("/test/notes")).raise_for_status()

    await until(state["broker"], succeeded=1)
