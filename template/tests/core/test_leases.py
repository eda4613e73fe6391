"""Workers die, hang and end; what they had in hand is run all the same."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from app.core.tasks.broker import Broker
from app.core.tasks.contract import Ledger, TaskState
from app.core.tasks.message import Message
from app.core.tasks.task import task
from app.core.tasks.working import working
from app.settings import Settings
from tests.fixtures.ledger import opened_ledger
from tests.fixtures.tasks import eventually, until_state
from tests.local_tasks import LocalTransport

Seen = Mapping[str, list[Any]]


@task()
async def note_quickly(state: Seen, value: object) -> None:
    state["seen"].append(value)


@task()
async def note_slowly(state: Seen, seconds: float) -> None:
    await asyncio.sleep(seconds)
    state["seen"].append("slowly")


@task(max_attempts=3)
async def kill(_state: Seen) -> None:
    """End the process that runs it; the tests do that themselves."""


@task()
async def never_end(state: Seen) -> None:
    state["seen"].append("begun")
    if len(state["seen"]) == 1:
        await asyncio.sleep(3600)


@pytest.fixture
def lease_seconds() -> float:
    return 0.3


@pytest.fixture
def task_settings(settings: Settings, lease_seconds: float) -> Settings:
    """Workers of whom it is soon known that they died."""
    return settings.model_copy(
        update={
            "task_poll_seconds": 0.02,
            "task_lease_seconds": lease_seconds,
            "task_resend_seconds": 0.1,
            "task_drain_seconds": 0.1,
            "task_retention_seconds": 0.5,
        }
    )


async def test_what_a_worker_had_in_hand_when_it_died_is_run_by_another(
    tasks: Broker, ledger: Ledger, task_settings: Settings, seen: list[Any]
) -> None:
    task_id = await tasks.enqueue(note_quickly(1))
    assert await ledger.start(task_id) is not None

    async with working(tasks, task_settings, {"seen": seen}):
        status = await until_state(ledger, task_id, TaskState.SUCCEEDED)

    assert (status.attempts, seen) == (2, [1])


@pytest.mark.parametrize("lease_seconds", [1])
async def test_what_takes_long_stays_with_the_one_that_has_it(
    tasks: Broker, ledger: Ledger, task_settings: Settings, seen: list[Any]
) -> None:
    state = {"seen": seen}
    other = Broker(ledger, LocalTransport())
    async with working(tasks, task_settings, state), working(other, task_settings, state):
        task_id = await tasks.enqueue(note_slowly(2))
        status = await until_state(ledger, task_id, TaskState.SUCCEEDED)

    assert (status.attempts, seen) == (1, ["slowly"])


async def test_a_worker_that_ends_hands_back_what_it_can_not_finish(
    tasks: Broker, ledger: Ledger, task_settings: Settings, seen: list[Any]
) -> None:
    async with working(tasks, task_settings, {"seen": seen}) as runner:
        task_id = await tasks.enqueue(never_end())
        await eventually(lambda: seen == ["begun"])
    assert runner.counts.handed_back == 1
    status = await ledger.status(task_id)
    assert status is not None
    assert (status.state in {TaskState.WAITING, TaskState.QUEUED}, status.attempts) == (True, 0)

    async with working(tasks, task_settings, {"seen": seen}):
        status = await until_state(ledger, task_id, TaskState.SUCCEEDED)
    assert status.attempts == 1


async def test_a_worker_that_lost_its_lease_has_no_say(tasks: Broker, ledger: Ledger) -> None:
    task_id = await tasks.enqueue(note_quickly(1))
    slow = await ledger.start(task_id)
    assert slow is not None
    await asyncio.sleep(0.35)
    assert await ledger.take_due(10) == [task_id]
    quick = await ledger.start(task_id)
    assert quick is not None

    await ledger.succeed(slow)
    await ledger.repeat(slow, 0, "slow")
    await ledger.bury(slow, "slow")
    status = await ledger.status(task_id)
    assert status is not None
    assert (status.state, status.attempts) == (TaskState.RUNNING, 2)

    await ledger.succeed(quick)
    await until_state(ledger, task_id, TaskState.SUCCEEDED)


async def test_what_got_lost_on_its_way_is_sent_again_and_less_and_less_often(
    ledger: Ledger,
) -> None:
    loop = asyncio.get_running_loop()
    # A pause is no shorter than from before one was asked until after the next one answered.
    began = loop.time()
    await ledger.add(Message.of(note_quickly(1)), 0)
    pauses: list[float] = []
    async with asyncio.timeout(10):
        while len(pauses) < 3:
            asked = loop.time()
            if await ledger.take_due(10):
                pauses.append(loop.time() - began)
                began = asked
            await asyncio.sleep(0.005)

    shortest = (0.095, 0.195, 0.395)
    assert all(pause > least for pause, least in zip(pauses, shortest, strict=True)), pauses


async def test_what_waits_for_its_turn_is_not_sent_again(
    task_settings: Settings, local_transport: LocalTransport, seen: list[Any]
) -> None:
    settings = task_settings.model_copy(
        update={
            "task_workers": local_transport.workers,
            "task_poll_seconds": 0.1,
            "task_resend_seconds": 0.5,
        }
    )
    async with opened_ledger(settings) as ledger:
        tasks = Broker(ledger, local_transport)
        for _ in range(local_transport.workers + 5):
            await tasks.enqueue(note_slowly(1))
        async with working(tasks, settings, {"seen": seen}):
            await eventually(lambda: len(seen) == local_transport.workers + 5)

    assert len(local_transport.sent) == len({*local_transport.sent})


async def test_a_process_starts_what_comes_twice_at_once_only_once(
    tasks: Broker, ledger: Ledger
) -> None:
    task_id = await tasks.enqueue(note_quickly(1))
    started = await asyncio.gather(*map(ledger.start, [task_id, task_id, "nothing"]))

    assert [each is not None for each in started] == [True, False, False]


@pytest.mark.parametrize("lease_seconds", [1])
async def test_what_is_in_hand_is_renewed_and_done_together(tasks: Broker, ledger: Ledger) -> None:
    ids = [await tasks.enqueue(note_quickly(number)) for number in range(23)]
    started = [each for each in await asyncio.gather(*map(ledger.start, ids)) if each is not None]
    assert len(started) == 23
    for _ in range(3):
        await asyncio.sleep(0.4)
        await ledger.renew(started)
    assert await ledger.take_due(100) == []

    await asyncio.gather(*map(ledger.succeed, started))
    assert (await ledger.counts())[TaskState.SUCCEEDED] == 23


async def test_what_kills_whoever_runs_it_is_a_dead_letter(
    tasks: Broker, ledger: Ledger, task_settings: Settings, seen: list[Any]
) -> None:
    task_id = await tasks.enqueue(kill())
    for _ in range(3):
        assert await ledger.start(task_id) is not None
        await asyncio.sleep(0.35)
        assert await ledger.take_due(10) == [task_id]

    async with working(tasks, task_settings, {"seen": seen}):
        await until_state(ledger, task_id, TaskState.DEAD)
        after = await tasks.enqueue(note_quickly(1))
        await until_state(ledger, after, TaskState.SUCCEEDED)
    (letter,) = await ledger.dead_letters(10)
    assert letter.error == "Whoever ran it died each time."


async def test_what_succeeded_is_forgotten_after_a_time(
    tasks: Broker, ledger: Ledger, task_settings: Settings, seen: list[Any]
) -> None:
    async with working(tasks, task_settings, {"seen": seen}):
        task_id = await tasks.enqueue(note_quickly(1), key="once")
        async with asyncio.timeout(10):
            while await ledger.status(task_id) is not None:
                await asyncio.sleep(0.02)

        assert await tasks.enqueue(note_quickly(2), key="once") == task_id
        await eventually(lambda: seen == [1, 2])
