"""The outbox: a commit is enough, also while nobody can be told of it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

import pytest

from app.core.database.session import Database, open_database
from app.core.tasks.broker import Broker, open_broker
from app.core.tasks.contract import TaskState
from app.core.tasks.ledger import open_ledger
from app.core.tasks.task import task
from app.core.tasks.transport import open_transport
from app.core.tasks.within import enqueue_within
from app.core.tasks.working import working
from app.settings import Settings
from tests.fixtures.broker import BrokerServer
from tests.fixtures.tasks import PATIENCE_SECONDS
from tests.local_tasks import LocalTransport

COMMITS = 50


class ChangedOurMindsError(Exception):
    """Nothing of it shall stay."""


@task()
async def count(state: dict[str, list[int]], number: int) -> None:
    state["seen"].append(number)


@pytest.fixture
async def database(settings: Settings) -> AsyncGenerator[Database]:
    """The database, which no worker looks into."""
    async with open_database(settings) as database:
        yield database


async def test_what_was_committed_while_the_broker_was_away_is_delivered(
    settings: Settings, own_broker: BrokerServer, database: Database
) -> None:
    settings = settings.model_copy(
        update={"broker_url": own_broker.url, "task_resend_seconds": 0.5}
    )
    seen: list[int] = []
    await asyncio.to_thread(own_broker.stop)
    async with open_ledger(settings, database) as ledger, open_transport(settings) as transport:
        broker = Broker(ledger, transport)
        for number in range(COMMITS):
            async with database.write() as session:
                await enqueue_within(session, broker, count(number))
            with suppress(ChangedOurMindsError):
                async with database.write() as session:
                    await enqueue_within(session, broker, count(-number))
                    raise ChangedOurMindsError

        await asyncio.to_thread(own_broker.start)
        async with working(broker, settings, {"seen": seen}), asyncio.timeout(PATIENCE_SECONDS):
            while (await ledger.counts())[TaskState.SUCCEEDED] < COMMITS:
                await asyncio.sleep(0.05)

    assert sorted(seen) == list(range(COMMITS))


async def test_nobody_waits_for_a_broker_that_is_away(
    settings: Settings, database: Database
) -> None:
    loop = asyncio.get_running_loop()
    async with (
        open_ledger(settings, database) as ledger,
        open_broker(ledger, SilentTransport()) as broker,
    ):
        began = loop.time()
        for number in range(COMMITS):
            async with database.write() as session:
                await enqueue_within(session, broker, count(number))
        assert loop.time() - began < 2

    assert broker.stats() == {"enqueued": COMMITS, "is_away": True}


class SilentTransport(LocalTransport):
    """One that says nothing for a long time."""

    async def send(self, ids: Sequence[str]) -> None:
        await asyncio.sleep(60 * len(ids))
