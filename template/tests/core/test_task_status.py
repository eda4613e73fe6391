"""What everybody may know of the tasks."""

import asyncio

import httpx2
import pytest

from app.core.lifespan import State
from app.core.tasks.broker import Broker
from app.core.tasks.contract import Ledger, TaskState
from app.core.tasks.task import task
from tests.fixtures.tasks import until_state


@task()
async def need_what_is_open(state: State) -> None:
    assert state["settings"].service_name


@task()
async def wait_here(_state: State) -> None:
    """Nobody runs it."""


async def test_the_ledger_counts(tasks: Broker, ledger: Ledger) -> None:
    await tasks.enqueue(wait_here())
    await tasks.enqueue(wait_here(), after_seconds=60)
    await asyncio.sleep(0.02)

    counts = await ledger.counts()
    assert counts == {state: int(state in {"waiting", "queued"}) for state in TaskState}
    assert 0.01 < await ledger.oldest_seconds() < 10


async def test_of_tasks_that_come_together_only_the_known_are_left_out(
    tasks: Broker, ledger: Ledger
) -> None:
    calls = [tasks.enqueue(wait_here(), key=key) for key in ("a", "b", "a", "c", "d")]
    ids = await asyncio.gather(*calls)

    assert len({*ids}) == 4
    assert sum((await ledger.counts()).values()) == 4


@pytest.mark.usefixtures("workers_here")
async def test_everybody_may_ask_how_far_a_task_is(
    client: httpx2.AsyncClient, state: State
) -> None:
    task_id = await state["broker"].enqueue(need_what_is_open())
    await until_state(state["broker"].ledger, task_id, TaskState.SUCCEEDED)

    told = (await client.get(f"/tasks/{task_id}")).raise_for_status().json()
    assert (told["id"], told["state"], told["attempts"]) == (task_id, "succeeded", 1)
    assert (await client.get("/tasks/nothing")).status_code == 404
    queue = (await client.get("/health/tasks")).raise_for_status().json()
    assert queue["tasks"]["succeeded"] == 1
    assert queue["oldest_seconds"] == 0
