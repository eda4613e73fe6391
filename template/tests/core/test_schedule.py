"""Tasks that run by the clock."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import pytest

from app.core.tasks.broker import Broker
from app.core.tasks.contract import Ledger, TaskState
from app.core.tasks.schedule import Schedule
from app.core.tasks.task import task
from tests.local_tasks import LocalTransport

Seen = Mapping[str, list[Any]]


@task(schedule="30 3 * * SUN")
async def note_weekly(state: Seen) -> None:
    state["seen"].append("weekly")


async def test_what_is_scheduled_is_enqueued_once_by_all_processes(
    tasks: Broker, ledger: Ledger, local_transport: LocalTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.tasks.schedule.TASKS", {note_weekly.name: note_weekly})
    schedules = [Schedule(tasks), Schedule(tasks)]
    began = datetime.now(UTC)
    for schedule in schedules:
        schedule.looked_at = began - timedelta(seconds=2)
    monkeypatch.setattr("app.core.tasks.schedule.CronSim", EverySecond)
    for schedule in schedules:
        await schedule.enqueue_due()
        await schedule.enqueue_due()
    await tasks.drain()

    assert len(local_transport.sent) in {2, 3}
    counts = await ledger.counts()
    assert counts[TaskState.QUEUED] == len(local_transport.sent)


class EverySecond:
    """A schedule that is due each second, which cron has no word for."""

    def __init__(self, _expression: str, after: datetime) -> None:
        self._next = after.replace(microsecond=0)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> datetime:
        self._next += timedelta(seconds=1)
        return self._next


def test_a_schedule_that_can_not_be_understood_is_an_error_where_it_is_declared() -> None:
    with pytest.raises(ValueError, match="schedule"):
        task(schedule="every full moon")(note_weekly.function)
