from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from app.core.tasks.broker import Broker
from app.core.tasks.contract import TaskState
from app.core.tasks.numbers import take_stock
from app.core.tasks.runner import Runner
from app.core.tasks.task import task
from tests.fixtures.tasks import until_state
from tests.readings import moved, numbers_of


@task(name="count_well")
async def count_well(_state: Mapping[str, Any]) -> None:
    return


@task(name="count_badly", max_attempts=2, backoff_seconds=0.01)
async def count_badly(_state: Mapping[str, Any]) -> None:
    raise RuntimeError("out of fingers")


@pytest.mark.usefixtures("runner")
async def test_what_became_of_tasks_is_counted(client: httpx2.AsyncClient, tasks: Broker) -> None:
    before = await numbers_of(client)
    await until_state(tasks.ledger, await tasks.enqueue(count_well()), TaskState.SUCCEEDED)
    await until_state(tasks.ledger, await tasks.enqueue(count_badly()), TaskState.DEAD)
    await take_stock(tasks.ledger)
    seen = await moved(client, before)

    assert seen['task_duration_seconds_count{task="count_well"}'] == 1
    assert seen['task_duration_seconds_count{task="count_badly"}'] == 2
    assert seen['task_failures_total{exception="RuntimeError",task="count_badly"}'] == 2
    numbers = await numbers_of(client)
    assert numbers['tasks_in_state{state="succeeded"}'] == 1
    assert numbers['tasks_in_state{state="dead"}'] == 1


async def test_tasks_that_nobody_runs_are_seen(client: httpx2.AsyncClient, tasks: Broker) -> None:
    await tasks.enqueue(count_well())
    await tasks.enqueue(count_well(), after_seconds=60)
    await take_stock(tasks.ledger)
    numbers = await numbers_of(client)

    assert numbers['tasks_in_state{state="queued"}'] == 1
    assert numbers['tasks_in_state{state="waiting"}'] == 1
    assert numbers["tasks_oldest_seconds"] > 0


async def test_the_runner_counts(runner: Runner, tasks: Broker) -> None:
    await until_state(tasks.ledger, await tasks.enqueue(count_well()), TaskState.SUCCEEDED)

    assert runner.stats()["succeeded"] == 1
    assert runner.totals <= runner.stats().keys()
