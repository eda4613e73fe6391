"""What becomes of tasks: one text for whatever keeps account of them."""

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from app.core.observability.logging import request_id
from app.core.tasks.broker import AWAY_SECONDS, Broker
from app.core.tasks.contract import Ledger, TaskState
from app.core.tasks.retrying import pause_seconds
from app.core.tasks.runner import Runner
from app.core.tasks.task import TASKS, Task, task
from tests.fixtures.tasks import eventually, until_state
from tests.local_tasks import LocalTransport

Seen = Mapping[str, list[Any]]


class OutOfInkError(Exception):
    """No pause mends it."""


@task()
async def note(state: Seen, value: object) -> None:
    state["seen"].append(value)


@task()
async def note_request(state: Seen) -> None:
    state["seen"].append(request_id.get())


@task(max_attempts=3, backoff_seconds=0.01)
async def fail(state: Seen) -> None:
    state["seen"].append("tried")
    raise RuntimeError("out of paper")


@task(max_attempts=3, backoff_seconds=0.01)
async def fail_once(state: Seen) -> None:
    state["seen"].append("tried")
    if len(state["seen"]) == 1:
        raise RuntimeError("out of paper")


@task(fatal=(OutOfInkError,))
async def fail_for_good(state: Seen) -> None:
    state["seen"].append("tried")
    raise OutOfInkError


@task(max_attempts=1)
async def be_cancelled(_state: Seen) -> None:
    awaited = asyncio.create_task(asyncio.sleep(60))
    awaited.cancel()
    await awaited


@task(max_attempts=1, timeout_seconds=0.02)
async def take_too_long(_state: Seen) -> None:
    await asyncio.sleep(60)


@pytest.mark.usefixtures("runner")
async def test_a_task_runs_once_with_its_arguments(
    tasks: Broker, ledger: Ledger, seen: list[Any]
) -> None:
    task_id = await tasks.enqueue(note({"deep": [7, None, "ü"]}))

    status = await until_state(ledger, task_id, TaskState.SUCCEEDED)
    assert seen == [{"deep": [7, None, "ü"]}]
    assert (status.name, status.attempts) == (note.name, 1)
    assert status.finished_at is not None
    assert timedelta(0) <= status.finished_at - status.created_at < timedelta(minutes=1)


async def test_what_json_can_not_say_is_refused_where_it_is_enqueued(tasks: Broker) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        await tasks.enqueue(note(object()))


@pytest.mark.usefixtures("runner")
async def test_a_task_knows_the_request_that_enqueued_it(tasks: Broker, seen: list[Any]) -> None:
    token = request_id.set("abc-1")
    await tasks.enqueue(note_request())
    request_id.reset(token)

    await eventually(lambda: seen == ["abc-1"])


@pytest.mark.usefixtures("runner")
async def test_a_task_that_fails_is_repeated(tasks: Broker, ledger: Ledger) -> None:
    task_id = await tasks.enqueue(fail_once())

    status = await until_state(ledger, task_id, TaskState.SUCCEEDED)
    assert status.attempts == 2


async def test_a_task_that_fails_again_and_again_is_a_dead_letter(
    tasks: Broker,
    ledger: Ledger,
    runner: Runner,
    seen: list[Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    task_id = await tasks.enqueue(fail())
    await tasks.enqueue(note("next"))

    status = await until_state(ledger, task_id, TaskState.DEAD)
    assert status.attempts == 3
    (letter,) = await ledger.dead_letters(10)
    assert (letter.id, letter.error) == (task_id, "RuntimeError: out of paper")
    assert sorted(seen) == ["next", "tried", "tried", "tried"]
    assert "out of paper" in caplog.text
    assert fail.name in caplog.text
    assert (runner.counts.succeeded, runner.counts.repeated, runner.counts.died) == (1, 2, 1)


@pytest.mark.usefixtures("runner")
async def test_a_dead_letter_can_be_replayed(
    tasks: Broker, ledger: Ledger, seen: list[Any]
) -> None:
    task_id = await tasks.enqueue(fail())
    await until_state(ledger, task_id, TaskState.DEAD)

    assert await ledger.replay(task_id)
    await eventually(lambda: len(seen) == 6)
    status = await until_state(ledger, task_id, TaskState.DEAD)
    assert status.attempts == 3
    assert not await ledger.replay("nothing")


@pytest.mark.usefixtures("runner")
async def test_what_is_fatal_is_not_tried_again(
    tasks: Broker, ledger: Ledger, seen: list[Any]
) -> None:
    task_id = await tasks.enqueue(fail_for_good())

    await until_state(ledger, task_id, TaskState.DEAD)
    assert seen == ["tried"]


@pytest.mark.usefixtures("runner")
@pytest.mark.parametrize(
    ("broken", "error"), [(take_too_long, "TimeoutError"), (be_cancelled, "CancelledError")]
)
async def test_what_takes_too_long_or_is_cancelled_has_failed(
    tasks: Broker, ledger: Ledger, broken: Task[[]], error: str
) -> None:
    task_id = await tasks.enqueue(broken())

    await until_state(ledger, task_id, TaskState.DEAD)
    (letter,) = await ledger.dead_letters(10)
    assert letter.error.startswith(error)


def test_pauses_double_and_differ() -> None:
    pauses = [[pause_seconds(fail, attempt) for _ in range(50)] for attempt in (1, 2, 3)]

    for attempt, some in enumerate(pauses):
        assert 0.005 * 2**attempt <= min(some) < max(some) <= 0.01 * 2**attempt
    assert pause_seconds(fail, 60) <= 3600


@pytest.mark.usefixtures("runner")
async def test_a_task_may_wait_for_its_time(tasks: Broker, ledger: Ledger, seen: list[Any]) -> None:
    later = await tasks.enqueue(note("later"), after_seconds=1)
    task_id = await tasks.enqueue(note("now"))

    await until_state(ledger, task_id, TaskState.SUCCEEDED)
    status = await ledger.status(later)
    assert status is not None
    assert (status.state, seen) == (TaskState.WAITING, ["now"])
    await until_state(ledger, later, TaskState.SUCCEEDED)


@pytest.mark.usefixtures("runner")
async def test_two_with_the_same_key_are_one(
    tasks: Broker, ledger: Ledger, seen: list[Any]
) -> None:
    ids = [await tasks.enqueue(note(number), key="a") for number in range(3)]
    other = await tasks.enqueue(note(9), key="b")

    await until_state(ledger, ids[0], TaskState.SUCCEEDED)
    await until_state(ledger, other, TaskState.SUCCEEDED)
    assert len({*ids}) == 1
    assert sorted(seen) == [0, 9]


async def test_what_comes_twice_is_done_once(
    tasks: Broker, ledger: Ledger, runner: Runner, seen: list[Any]
) -> None:
    task_id = await tasks.enqueue(note(1))
    await until_state(ledger, task_id, TaskState.SUCCEEDED)

    await runner.handle(task_id)
    await runner.handle("of another time")

    assert seen == [1]


@pytest.mark.usefixtures("runner")
async def test_a_task_that_nobody_knows_here_waits_for_who_does(
    tasks: Broker, ledger: Ledger, seen: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.tasks.runner.UNKNOWN_SECONDS", 0.05)
    monkeypatch.delitem(TASKS, note.name)
    task_id = await tasks.enqueue(note(1))
    await asyncio.sleep(0.3)
    TASKS[note.name] = note

    status = await until_state(ledger, task_id, TaskState.SUCCEEDED)
    assert (status.attempts, seen) == (1, [1])


@pytest.mark.usefixtures("runner")
async def test_what_can_not_be_sent_is_sent_later(
    tasks: Broker,
    ledger: Ledger,
    local_transport: LocalTransport,
    caplog: pytest.LogCaptureFixture,
) -> None:
    local_transport.is_away = True
    began = time.monotonic()
    ids = []
    for number in range(20):
        ids.append(await tasks.enqueue(note(number)))
        # Each in a trip of its own.
        await tasks.drain()
    # Once in the time for which nobody tries again.
    most = 1 + (time.monotonic() - began) // AWAY_SECONDS
    assert 1 <= caplog.text.count("Tasks wait for their transport") <= most
    local_transport.is_away = False

    for task_id in ids:
        await until_state(ledger, task_id, TaskState.SUCCEEDED)


def test_two_tasks_have_two_names() -> None:
    with pytest.raises(TypeError, match="two tasks"):
        task(name=note.name)(note.function)
