"""What carries tasks to workers, on a real server: one text for all."""

import asyncio
from uuid import uuid4

import pytest

from app.core.tasks.contract import Transport
from app.core.tasks.transport import open_transport
from app.settings import Settings
from tests.fixtures.broker import BrokerServer
from tests.fixtures.tasks import PATIENCE_SECONDS, eventually

# How often it is ended just when it asks for more.
ENDS = 12
# Those that may be started while others run.
MOST_AHEAD = 5


class Handled:
    """Whoever is handed what comes."""

    def __init__(self, seconds: float = 0, *, is_held: bool = False) -> None:
        self.ids: list[str] = []
        self.at_once = 0
        self.most = 0
        self._seconds = seconds
        self.gate = asyncio.Event()
        if not is_held:
            self.gate.set()

    async def handle(self, task_id: str) -> None:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(self._seconds)
        await self.gate.wait()
        self.at_once -= 1
        self.ids.append(task_id)


def settings_for(settings: Settings, url: str) -> Settings:
    """Name a broker, and a service that nobody else is."""
    service = f"test-{uuid4().hex}"
    return settings.model_copy(
        update={"broker_url": url, "service_name": service, "task_workers": 4}
    )


@pytest.fixture
def transport_settings(settings: Settings, live_broker_url: str) -> Settings:
    """The broker that tests share."""
    return settings_for(settings, live_broker_url)


async def test_all_that_is_sent_comes(transport_settings: Settings) -> None:
    handled = Handled()
    ids = [str(number) for number in range(200)]
    async with (
        open_transport(transport_settings) as sender,
        open_transport(transport_settings) as receiver,
        receiver.receiving(handled.handle),
    ):
        await sender.send(ids[:1])
        await sender.send(ids[1:])
        await eventually(lambda: len(handled.ids) >= 200)

    assert sorted(handled.ids) == sorted(ids)


async def test_hardly_more_at_once_than_there_are_workers(transport_settings: Settings) -> None:
    handled = Handled(is_held=True)
    workers = transport_settings.task_workers
    async with open_transport(transport_settings) as transport, transport.receiving(handled.handle):
        await transport.send([str(number) for number in range(20)])
        await eventually(lambda: handled.at_once >= workers)
        await asyncio.sleep(0.2)
        handled.gate.set()
        await eventually(lambda: len(handled.ids) == 20)

    assert workers <= handled.most <= workers + MOST_AHEAD


async def test_the_end_waits_for_what_is_in_hand(transport_settings: Settings) -> None:
    handled = Handled(0.3)
    async with open_transport(transport_settings) as transport:
        async with transport.receiving(handled.handle):
            await transport.send(["1"])
            await eventually(lambda: handled.at_once == 1)

        assert handled.ids == ["1"]


async def test_it_may_end_at_any_moment(transport_settings: Settings) -> None:
    for number in range(ENDS):
        handled = Handled()
        async with (
            open_transport(transport_settings) as transport,
            asyncio.timeout(PATIENCE_SECONDS),
            transport.receiving(handled.handle),
        ):
            await transport.send(["1", "2"])
            while len(handled.ids) < 2:
                await asyncio.sleep(0)
            for _ in range(number % 6):
                await asyncio.sleep(0)


async def test_what_nobody_receives_waits(transport_settings: Settings) -> None:
    handled = Handled()
    async with open_transport(transport_settings) as transport:
        await transport.send(["1", "2"])
    async with open_transport(transport_settings) as transport, transport.receiving(handled.handle):
        await eventually(lambda: len(handled.ids) == 2)


async def test_it_is_away_at_first_and_again_in_the_middle(
    settings: Settings, own_broker: BrokerServer, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(settings, own_broker.url)
    handled = Handled()
    await asyncio.to_thread(own_broker.stop)
    async with open_transport(settings) as transport, transport.receiving(handled.handle):
        assert not await is_sent(transport, "lost")
        for number in range(2):
            # Whoever receives asks again, without haste.
            await asyncio.sleep(1)
            await asyncio.to_thread(own_broker.start)
            await until_handled(transport, handled, f"after {number}")
            await asyncio.to_thread(own_broker.stop)

    assert len(caplog.records) < 200


async def is_sent(transport: Transport, task_id: str) -> bool:
    """Send within the time that a request has; whatever stands in the way differs by library."""
    try:
        async with asyncio.timeout(1):
            await transport.send([task_id])
    except Exception:
        return False
    return True


async def until_handled(transport: Transport, handled: Handled, task_id: str) -> None:
    """Send until it comes: on a connection whose other end has died, it may get lost."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while task_id not in handled.ids:
            await is_sent(transport, task_id)
            await asyncio.sleep(0.2)
