"""Messages that reach other processes: each of these hubs stands for one."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest

from app.core.live.hub import Hub, open_hub
from app.core.live.message import Message
from app.core.live.relay import LiveSettings, open_relay
from app.core.live.subscription import Subscription
from app.core.shutdown import Shutdown
from tests.fixtures.live import PATIENCE_SECONDS, until
from tests.fixtures.relay import OwnRelay, settings_of

TOPICS = ["ships"]


@asynccontextmanager
async def opened(settings: LiveSettings) -> AsyncGenerator[Hub]:
    async with open_relay(settings) as relay, open_hub(settings, relay, Shutdown()) as hub:
        yield hub


async def publish(hub: Hub, numbers: Sequence[int]) -> None:
    for number in numbers:
        await hub.publish("ship", json.dumps(number), topics=TOPICS)


async def heard(subscription: Subscription, count: int) -> list[Message]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [await subscription.next() for _ in range(count)]


async def test_all_processes_hear_the_same_in_the_same_order(live_settings: LiveSettings) -> None:
    async with opened(live_settings) as one, opened(live_settings) as other:
        with (
            one.subscribed(TOPICS, "streams") as here,
            other.subscribed(TOPICS, "streams") as there,
        ):
            await asyncio.gather(publish(one, range(40)), publish(other, range(40, 80)))
            messages = await heard(here, 80)

            assert await heard(there, 80) == messages

        assert sorted(int(message.data) for message in messages) == list(range(80))
        told_by_one = [int(message.data) for message in messages if int(message.data) < 40]
        assert told_by_one == list(range(40))
        # Who was at one of them goes on at the other.
        with other.subscribed(TOPICS, "streams", after=messages[69].id) as again:
            assert await heard(again, 10) == messages[70:]


async def test_messages_may_be_long_and_in_any_language(live_settings: LiveSettings) -> None:
    data = json.dumps(["\u00fc\u8239\U0001f6a2" * 5000, "\x00 \n"], ensure_ascii=False)
    async with opened(live_settings) as one, opened(live_settings) as other:
        with other.subscribed(TOPICS, "streams") as there:
            await one.publish("ship", data, topics=TOPICS)
            await publish(one, [1])

            assert [message.data for message in await heard(there, 2)] == [data, "1"]


async def test_who_heard_nothing_yet_goes_on_at_another_process(
    live_settings: LiveSettings,
) -> None:
    async with opened(live_settings) as one, opened(live_settings) as other:
        await until(lambda: one.latest == other.latest)
        start = one.latest
        await publish(one, [1])

        with other.subscribed(TOPICS, "streams", after=start) as there:
            assert [message.data for message in await heard(there, 1)] == ["1"]


async def test_what_is_about_to_be_told_is_told_before_the_end(live_settings: LiveSettings) -> None:
    async with opened(live_settings) as one:
        with one.subscribed(TOPICS, "streams") as here:
            hearing = asyncio.create_task(heard(here, 300))
            async with opened(live_settings) as other:
                await publish(other, range(300))

            assert len(await hearing) == 300


async def test_without_the_relay_everything_goes_on(
    own_relay: OwnRelay, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    settings = settings_of(own_relay)
    async with opened(settings) as one, opened(settings) as other:
        with other.subscribed(TOPICS, "streams") as there:
            own_relay.stop()
            await until(lambda: not (one.stats()["is_listening"] or other.stats()["is_listening"]))
            await publish(one, range(10))
            await until(lambda: one.stats()["lost"] == 10)
            assert "Nobody was told of 10 messages" in caplog.text
            assert "No messages of other processes arrive" in caplog.text

            own_relay.start()
            await until(lambda: bool(one.stats()["is_listening"] and other.stats()["is_listening"]))
            await publish(one, [11])

            # Something was missed, so there is something to load; then it goes on.
            events = [(message.event, message.data) for message in await heard(there, 2)]
            assert events == [("reset", "null"), ("ship", "11")]


async def test_it_starts_without_the_relay(own_relay: OwnRelay) -> None:
    own_relay.stop()
    async with opened(settings_of(own_relay)) as hub:
        await publish(hub, [1])
        await until(lambda: hub.stats()["lost"] == 1)
        own_relay.start()
        await until(lambda: bool(hub.stats()["is_listening"]))
