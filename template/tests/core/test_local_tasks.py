"""Tasks in the process of the service: how many may wait, and what its end means for them."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from app.core.tasks.broker import Broker
from app.core.tasks.contract import TaskState
from app.core.tasks.ledger import open_ledger
from app.core.tasks.task import task
from app.core.tasks.transport import TaskSettings, open_transport
from app.core.tasks.working import working
from tests.fixtures.tasks import eventually, until_state

Seen = Mapping[str, Any]


@task()
async def note_number(state: Seen, value: int) -> None:
    await asyncio.sleep(0.01)
    state["seen"].append(value)


@task()
async def go_on(state: Seen) -> None:
    state["seen"].append("begun")
    await asyncio.sleep(10)


@task()
async def enqueue_more(state: Seen) -> None:
    for number in range(5):
        await state["broker"].enqueue(note_number(number))


@asynccontextmanager
async def local(seen: list[Any], **changed: float) -> AsyncGenerator[Broker]:
    settings = TaskSettings(service_name=f"test-{uuid4().hex}", task_poll_seconds=0.02)
    settings = settings.model_copy(update=changed)
    async with open_ledger(settings) as ledger, open_transport(settings) as transport:
        broker = Broker(ledger, transport)
        async with working(broker, settings, {"seen": seen, "broker": broker}):
            yield broker


async def test_the_end_waits_for_all_tasks(seen: list[Any]) -> None:
    async with local(seen, task_workers=3) as broker:
        for number in range(20):
            await broker.enqueue(note_number(number))

    assert sorted(seen) == list(range(20))


async def test_the_end_does_not_wait_for_ever_and_names_what_is_lost(
    seen: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    async with local(seen, task_workers=1, task_drain_seconds=0.05) as broker:
        await broker.enqueue(go_on())
        await broker.enqueue(note_number(1))
        await broker.enqueue(note_number(2), after_seconds=60)

    assert "Shutdown lost 3 tasks" in caplog.text
    assert go_on.name in caplog.text
    assert note_number.name in caplog.text


async def test_a_request_waits_while_too_many_tasks_do(seen: list[Any]) -> None:
    async with local(seen, task_workers=1, task_queue_size=1, task_drain_seconds=0) as broker:
        await broker.enqueue(go_on())
        await eventually(lambda: seen == ["begun"])
        await broker.enqueue(note_number(1))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await broker.enqueue(note_number(2))


async def test_a_task_may_enqueue_more_than_may_wait(seen: list[Any]) -> None:
    async with local(seen, task_workers=1, task_queue_size=1) as broker:
        task_id = await broker.enqueue(enqueue_more())
        await until_state(broker.ledger, task_id, TaskState.SUCCEEDED)
        await eventually(lambda: len(seen) == 5)


async def test_no_more_is_remembered_than_the_settings_say(seen: list[Any]) -> None:
    async with local(seen, task_history_size=3) as broker:
        for number in range(10):
            await broker.enqueue(note_number(number))
        await eventually(lambda: len(seen) == 10)

        async with asyncio.timeout(5):
            while (await broker.ledger.counts())[TaskState.SUCCEEDED] > 3:
                await asyncio.sleep(0.01)


async def test_one_process_of_several_keeps_time() -> None:
    settings = TaskSettings(service_name=f"test-{uuid4().hex}")
    async with open_ledger(settings) as first:
        assert first.keeps_time()
        async with open_ledger(settings) as second:
            assert not second.keeps_time()
            assert first.keeps_time()
    async with open_ledger(settings) as third:
        assert third.keeps_time()
