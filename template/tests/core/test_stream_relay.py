"""What is peculiar to messages that a stream of Redis carries."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from app.core.live.hub import open_hub
from app.core.live.relay import LiveSettings, open_relay
from app.core.shutdown import Shutdown
from tests.fixtures.live import until
from tests.fixtures.relay import OwnRelay, settings_of

TOPICS = ["ships"]


async def test_a_process_that_starts_knows_what_was_told_before(
    live_settings: LiveSettings,
) -> None:
    ids: list[str | None] = []
    for number in range(3):
        async with (
            open_relay(live_settings) as relay,
            open_hub(live_settings, relay, Shutdown()) as hub,
        ):
            for known in ids:
                with hub.subscribed(TOPICS, "streams", after=known) as subscription:
                    assert (await subscription.next()).data == str(ids.index(known))
            ids.append(hub.latest)
            await hub.publish("ship", str(number), topics=TOPICS)
            await until(lambda hub=hub: hub.stats()["messages"] == 1)


async def test_nothing_is_missed_while_the_stream_is_out_of_reach(
    own_redis: OwnRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.live.relay.BLOCK_SECONDS", 0.1)
    monkeypatch.setattr("app.core.live.relay.GRACE_SECONDS", 0.1)
    settings = settings_of(own_redis)
    patient = settings.model_copy(update={"live_relay_timeout_seconds": 20})
    async with AsyncExitStack() as stack:
        hubs = [
            await stack.enter_async_context(
                open_hub(each, await stack.enter_async_context(open_relay(each)), Shutdown())
            )
            for each in (settings, patient)
        ]
        with hubs[0].subscribed(TOPICS, "streams") as subscription:
            own_redis.pause()
            await until(lambda: not hubs[0].stats()["is_listening"])
            await hubs[1].publish("ship", "1", topics=TOPICS)
            own_redis.resume()

            async with asyncio.timeout(10):
                assert (await subscription.next()).data == "1"
