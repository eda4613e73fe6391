"""What is kept for listeners, and for how long."""

import asyncio

import pytest

from app.core.live.contract import Packed
from app.core.live.history import History
from app.core.live.hub import Hub
from app.core.live.message import Message, pack
from app.core.live.subscription import TooSlow

TOPIC = "ships"


def packed(count: int) -> list[Packed]:
    return [Packed(f"{number}", pack("ship", [TOPIC], f"{number}")) for number in range(count)]


@pytest.mark.parametrize(("most_messages", "most_bytes"), [(3, 10_000), (100, 350)])
def test_of_messages_the_last_are_kept(most_messages: int, most_bytes: int) -> None:
    history = History(most_messages, most_bytes)
    messages = [Message(f"{number}", "ship", (TOPIC,), "x" * 100) for number in range(9)]
    for message in messages:
        history.add(message)

    assert len(history) == 3
    assert history.since("5") is None
    assert history.since("6") == messages[7:]


async def test_who_listens_gets_time_in_a_burst(hub: Hub) -> None:
    most = hub.settings.live_queue_messages
    with hub.subscribed([TOPIC], "streams") as subscription:

        async def read() -> list[str]:
            return [(await subscription.next()).data for _ in range(3 * most)]

        reading = asyncio.create_task(read())
        await hub.deliver(packed(3 * most))
        async with asyncio.timeout(5):
            assert await reading == [f"{number}" for number in range(3 * most)]
    assert hub.stats()["dropped"] == 0


async def test_who_takes_nothing_is_let_go_even_while_it_is_waited_for(hub: Hub) -> None:
    async def stall() -> None:
        with hub.subscribed([TOPIC], "sockets") as subscription:
            async with subscription.reading():
                await asyncio.Event().wait()

    stalling = asyncio.create_task(stall())
    await asyncio.sleep(0)
    await hub.deliver(packed(2 * hub.settings.live_queue_messages))

    with pytest.raises(TooSlow):
        async with asyncio.timeout(5):
            await stalling
    assert hub.stats()["dropped"] == 1
