"""Puts together what a worker does."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress

from app.core.tasks.broker import BATCH, Broker
from app.core.tasks.runner import Runner
from app.core.tasks.schedule import Schedule
from app.core.tasks.settings import RunnerSettings

logger = logging.getLogger(__name__)


@asynccontextmanager
async def working(
    broker: Broker, settings: RunnerSettings, state: Mapping[str, object]
) -> AsyncGenerator[Runner]:
    """Run tasks until the block ends; those in hand may go on for a time."""
    runner = Runner(broker.ledger, settings, state)
    schedule = Schedule(broker)
    ended = asyncio.Event()
    poll = settings.task_poll_seconds
    loops = [
        asyncio.create_task(regularly(poll, lambda: send_due(broker, runner), ended)),
        asyncio.create_task(regularly(poll, schedule.enqueue_due, ended)),
        asyncio.create_task(regularly(broker.ledger.renewal_seconds, runner.renew, ended)),
    ]
    try:
        async with broker.transport.receiving(runner.handle):
            try:
                yield runner
            finally:
                await broker.drain()
                end = asyncio.create_task(runner.cut_off())
        end.cancel()
    finally:
        ended.set()
        await asyncio.wait(loops)


async def send_due(broker: Broker, runner: Runner) -> None:
    """Send the tasks whose time has come, and those that a worker left behind.

    Those that were sent and not begun only while others come soon: else they wait for their turn.
    """
    has_time = runner.has_time()
    while ids := await broker.ledger.take_due(BATCH, with_sent=has_time):
        await broker.send(ids)
        if len(ids) < BATCH:
            return


async def regularly(
    seconds: float, work: Callable[[], Awaitable[None]], ended: asyncio.Event
) -> None:
    """Do something again and again; what fails is done the next time."""
    fails = False
    while not ended.is_set():
        try:
            await work()
            fails = False
        except Exception as error:
            if not fails:
                logger.warning("%s fails, and is tried again: %r", work, error)
            fails = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await ended.wait()
