"""Processes that run tasks: killed, ended, and cut off from what carries the tasks."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import httpx2
import pytest

from app.core.tasks.broker import Broker
from app.core.tasks.contract import Ledger, TaskState
from app.core.tasks.transport import open_transport
from app.settings import Settings
from tests.drill import work
from tests.fixtures.broker import BrokerServer
from tests.fixtures.ledger import opened_ledger
from tests.fixtures.server import Server, serving, variables_of
from tests.fixtures.tasks import eventually
from tests.readings import numbers_of

# Each starts processes, and ends them.
pytestmark = pytest.mark.slow

TASKS = 120
# With those of production, DRILL_LEASE_SECONDS=10 and DRILL_RESEND_SECONDS=5, it takes longer:
# how long is noted in the report of `-o junit_family=xunit1 --junitxml=report.xml`.
LEASE_SECONDS = float(os.environ.get("DRILL_LEASE_SECONDS", "2"))
RESEND_SECONDS = float(os.environ.get("DRILL_RESEND_SECONDS", "1"))
RECOVERY_SECONDS = 30

NoteProperty: TypeAlias = Callable[[str, object], None]


@pytest.fixture
def drill_settings(settings: Settings, own_broker: BrokerServer) -> Settings:
    """A broker of the drill's own, and workers of whom it is soon known that they died."""
    return settings.model_copy(
        update={
            "broker_url": own_broker.url,
            "task_lease_seconds": LEASE_SECONDS,
            "task_resend_seconds": RESEND_SECONDS,
        }
    )


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Where the tasks of the drill say what they do."""
    return tmp_path / "notes"


@asynccontextmanager
async def enqueued(settings: Settings, notes: Path) -> AsyncGenerator[Ledger]:
    """Enqueue the tasks of the drill."""
    async with opened_ledger(settings) as ledger, open_transport(settings) as transport:
        broker = Broker(ledger, transport)
        for number in range(TASKS):
            await broker.enqueue(work(str(notes), number))
        yield ledger


class Workers:
    """Two processes that run tasks."""

    def __init__(self, settings: Settings) -> None:
        self._variables = variables_of(settings)
        self._stack = ExitStack()
        self._running: list[Server] = []

    async def start(self) -> None:
        """Start them, and wait until both are ready."""
        started = [
            asyncio.to_thread(
                self._stack.enter_context,
                serving("tests.drill", "WORKER_PORT", **self._variables),
            )
            for _ in range(2)
        ]
        self._running = await asyncio.gather(*started)

    def end(self, number: int) -> None:
        """Send them a signal, and wait for their end."""
        for worker in self._running:
            worker.process.send_signal(number)
        for worker in self._running:
            worker.process.wait(30)

    def url(self) -> str:
        """Where one of them answers."""
        return self._running[0].url

    def close(self) -> None:
        """Kill them."""
        self._stack.close()


@pytest.fixture
async def workers(drill_settings: Settings) -> AsyncGenerator[Workers]:
    """The workers of the drill."""
    workers = Workers(drill_settings)
    yield workers
    workers.close()


def noted(notes: Path) -> Counter[str]:
    """Count what the tasks said, each by its words."""
    return Counter(notes.read_text().splitlines() if notes.exists() else ())


def done(notes: Path) -> int:
    """Count the tasks that were done."""
    return sum(line.startswith("done") for line in noted(notes))


async def until_all_are_done(ledger: Ledger) -> None:
    """Wait until the ledger knows of no task that isn't done."""
    async with asyncio.timeout(60 + 3 * LEASE_SECONDS):
        while (await ledger.counts())[TaskState.SUCCEEDED] < TASKS:
            await asyncio.sleep(0.05)


async def test_workers_that_are_killed_twice_lose_nothing(
    drill_settings: Settings, workers: Workers, notes: Path, record_property: NoteProperty
) -> None:
    async with enqueued(drill_settings, notes) as ledger:
        for share in (0.1, 0.5):
            await workers.start()
            await eventually(lambda share=share: done(notes) >= share * TASKS)
            workers.end(signal.SIGKILL)
        killed_at = time.monotonic()
        await workers.start()
        await until_all_are_done(ledger)
        recovered_after = time.monotonic() - killed_at

    record_property("recovered_after", recovered_after)
    assert recovered_after < RECOVERY_SECONDS
    assert done(notes) == TASKS
    assert any(times > 1 for times in noted(notes).values()), "nothing was in hand"


async def test_workers_that_end_finish_what_they_have_in_hand(
    drill_settings: Settings, workers: Workers, notes: Path
) -> None:
    async with enqueued(drill_settings, notes) as ledger:
        await workers.start()
        await eventually(lambda: done(notes) >= TASKS // 4)
        workers.end(signal.SIGTERM)
        assert done(notes) < TASKS
        await workers.start()
        await until_all_are_done(ledger)

    assert len(noted(notes)) == 2 * TASKS
    assert set(noted(notes).values()) == {1}


async def test_a_broker_that_restarts_loses_nothing(
    drill_settings: Settings,
    workers: Workers,
    notes: Path,
    own_broker: BrokerServer,
    record_property: NoteProperty,
) -> None:
    async with enqueued(drill_settings, notes) as ledger:
        await workers.start()
        await eventually(lambda: done(notes) >= TASKS // 4)
        await asyncio.to_thread(own_broker.stop)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(own_broker.start)
        restarted_at = time.monotonic()
        await until_all_are_done(ledger)
        recovered_after = time.monotonic() - restarted_at

    record_property("recovered_after", recovered_after)
    assert recovered_after < RECOVERY_SECONDS
    assert done(notes) == TASKS


async def test_a_worker_answers_those_who_watch_over_it(
    drill_settings: Settings, workers: Workers, notes: Path
) -> None:
    async with enqueued(drill_settings, notes) as ledger:
        await workers.start()
        await until_all_are_done(ledger)

    async with httpx2.AsyncClient(base_url=workers.url()) as client:
        ready = (await client.get("/ready")).raise_for_status().json()
        queue = (await client.get("/health/tasks")).raise_for_status().json()
        numbers = await numbers_of(client)
    assert {"tasks", "task_runner"} <= set(ready["resources"])
    assert queue["tasks"]["succeeded"] == TASKS
    assert 0 < numbers["task_runner_succeeded_total"] <= TASKS
    assert numbers['task_duration_seconds_count{task="drill"}'] > 0


async def test_the_worker_of_the_service_starts_and_ends(drill_settings: Settings) -> None:
    with serving("app.worker", "WORKER_PORT", **variables_of(drill_settings)) as worker:
        log = await asyncio.to_thread(worker.stop)

    assert "Traceback" not in log
    assert worker.process.returncode in {0, -signal.SIGTERM}
