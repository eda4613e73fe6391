"""How many tasks a worker runs, starts and notes at once."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from app.core.tasks.broker import Broker
from app.core.tasks.contract import Ledger, Started, TaskState
from app.core.tasks.retrying import NOTE_AGAIN_SECONDS
from app.core.tasks.runner import Runner
from app.core.tasks.task import task
from app.core.tasks.working import working
from app.settings import Settings
from tests.fixtures.tasks import eventually, until_state
from tests.local_tasks import LocalTransport

Seen = Mapping[str, list[Any]]

# For what takes some milliseconds, or doesn't happen.
SOON_SECONDS = 10


@task()
async def tell(state: Seen, value: object) -> None:
    state["seen"].append(value)


@task()
async def stay_a_while(state: Seen) -> None:
    state["seen"].append(1)
    await asyncio.sleep(0.01)
    state["seen"].append(-1)


@task()
async def stay(state: Seen) -> None:
    state["seen"].append("stays")
    await state["gate"][0].wait()


class CountedTransport(LocalTransport):
    """Counts how often it is sent something."""

    trips = 0

    async def send(self, ids: Sequence[str]) -> None:
        self.trips += 1
        await super().send(ids)


class LateNotes:
    """Notes that tasks succeeded, but not before it may."""

    def __init__(self, ledger: Ledger) -> None:
        self.gate = asyncio.Event()
        self._succeed = ledger.succeed

    async def succeed(self, started: Started) -> None:
        await self.gate.wait()
        await self._succeed(started)


@pytest.fixture
def late(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> LateNotes:
    """A ledger that takes its time."""
    late = LateNotes(ledger)
    monkeypatch.setattr(ledger, "succeed", late.succeed)
    return late


@pytest.fixture
def failures(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """What stands in the way of noting that a task succeeded, one time after the other."""
    succeed = ledger.succeed
    failures: list[Exception] = []

    async def succeed_at_last(started: Started) -> None:
        if failures:
            raise failures.pop()
        await succeed(started)

    monkeypatch.setattr(ledger, "succeed", succeed_at_last)
    return failures


async def test_what_is_enqueued_one_by_one_is_sent_in_a_few_trips(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.tasks.broker.PAUSE_SECONDS", 0.5)
    transport = CountedTransport()
    tasks = Broker(ledger, transport)
    for number in range(10):
        await tasks.enqueue(tell(number))
        await asyncio.sleep(0.01)
    await tasks.drain()

    assert (len(transport.sent), transport.trips < 5) == (10, True)


async def test_the_next_one_runs_while_it_is_noted_that_one_succeeded(
    ledger: Ledger, late: LateNotes, task_settings: Settings, seen: list[Any]
) -> None:
    tasks = Broker(ledger, LocalTransport(1))
    settings = task_settings.model_copy(update={"task_workers": 1})
    ids = [await tasks.enqueue(tell(number)) for number in range(5)]
    async with working(tasks, settings, {"seen": seen}):
        async with asyncio.timeout(SOON_SECONDS):
            await eventually(lambda: len(seen) == 3)
        await asyncio.sleep(0.1)
        # Who can't be noted isn't run either, sooner or later.
        assert len(seen) == 3
        late.gate.set()
        for task_id in ids:
            await until_state(ledger, task_id, TaskState.SUCCEEDED)

    assert sorted(seen) == [0, 1, 2, 3, 4]


async def test_what_succeeded_while_the_ledger_was_away_is_noted_later_and_not_run_again(
    tasks: Broker, ledger: Ledger, failures: list[Exception], runner: Runner, seen: list[Any]
) -> None:
    failures.append(ConnectionError("It is away"))
    task_id = await tasks.enqueue(tell(1))
    status = await until_state(ledger, task_id, TaskState.SUCCEEDED)

    assert (failures, seen, status.attempts, runner.counts.succeeded) == ([], [1], 1, 1)
    # The task isn't slow for that.
    assert runner.counts.seconds < NOTE_AGAIN_SECONDS


async def test_the_end_does_not_wait_for_a_ledger_that_is_away(
    tasks: Broker, failures: list[Exception], task_settings: Settings, seen: list[Any]
) -> None:
    failures += [ConnectionError("It is away")] * 1000
    async with asyncio.timeout(SOON_SECONDS), working(tasks, task_settings, {"seen": seen}):
        await tasks.enqueue(tell(1))
        await eventually(lambda: seen == [1])


async def test_the_end_waits_until_it_is_noted(
    tasks: Broker, ledger: Ledger, late: LateNotes, task_settings: Settings, seen: list[Any]
) -> None:
    async with working(tasks, task_settings, {"seen": seen}) as runner:
        task_id = await tasks.enqueue(tell(1))
        await eventually(lambda: seen == [1] and runner.in_hand == 0)
        asyncio.get_running_loop().call_later(0.2, late.gate.set)

    status = await ledger.status(task_id)
    assert status is not None
    assert (status.state, status.attempts) == (TaskState.SUCCEEDED, 1)


async def test_no_more_run_at_once_than_there_are_workers(
    ledger: Ledger, task_settings: Settings, seen: list[Any]
) -> None:
    tasks = Broker(ledger, LocalTransport(6))
    settings = task_settings.model_copy(update={"task_workers": 2})
    ids = [await tasks.enqueue(stay_a_while()) for _ in range(20)]
    async with working(tasks, settings, {"seen": seen}):
        for task_id in ids:
            await until_state(ledger, task_id, TaskState.SUCCEEDED)

    assert max(sum(seen[:end]) for end in range(len(seen))) == 2


async def test_what_was_started_too_early_is_left_to_another(
    ledger: Ledger, task_settings: Settings, seen: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.tasks.runner.PATIENCE_SECONDS", 0.05)
    tasks = Broker(ledger, LocalTransport(2))
    settings = task_settings.model_copy(update={"task_workers": 1})
    gate = asyncio.Event()
    async with working(tasks, settings, {"seen": seen, "gate": [gate]}) as runner:
        task_id = await tasks.enqueue(tell("quick"))
        await until_state(ledger, task_id, TaskState.SUCCEEDED)
        await tasks.enqueue(stay())
        await eventually(lambda: "stays" in seen)
        task_id = await tasks.enqueue(tell("next"))
        async with asyncio.timeout(SOON_SECONDS):
            await eventually(lambda: runner.counts.handed_back == 1)
        await asyncio.sleep(0.2)
        # It came again, and is not started before there is room.
        status = await ledger.status(task_id)
        assert status is not None
        assert (status.state, status.attempts) == (TaskState.QUEUED, 0)
        gate.set()
        status = await until_state(ledger, task_id, TaskState.SUCCEEDED)

    assert (status.attempts, runner.counts.handed_back) == (1, 1)
    assert seen == ["quick", "stays", "next"]
