import asyncio
import json

import pytest
from fastapi import APIRouter, Depends

from app.core.deadline import no_deadline
from app.core.live.hub import Hub, HubDep
from app.core.live.settings import HubSettings
from app.core.live.streams import EventStream, LastEventId
from app.core.shutdown import Shutdown
from tests.fixtures.live import Listener, Stream, until

TOPIC = "ships"


@pytest.fixture
def hub_settings() -> HubSettings:
    return HubSettings(live_history_messages=20, live_queue_messages=50, live_keepalive_seconds=0.1)


@pytest.fixture
def live_routes(live_routes: APIRouter) -> APIRouter:
    @live_routes.get("/test/stream/{topic}", dependencies=[Depends(no_deadline)])
    async def stream(topic: str, hub: HubDep, last_event_id: LastEventId = None) -> EventStream:
        return EventStream(hub, [topic], last_event_id)

    return live_routes


@pytest.fixture
def url(live_url: str) -> str:
    return f"{live_url}/test/stream/{TOPIC}"


async def publish(hub: Hub, *numbers: int, topics: tuple[str, ...] = (TOPIC,)) -> None:
    for number in numbers:
        await hub.publish("ship", json.dumps(number), topics=topics)


async def numbers(stream: Stream, count: int) -> list[int]:
    events = [await stream.next() for _ in range(count)]
    return [event.data for event in events if event and event.event == "ship"]


async def test_all_who_listen_hear_it_in_order(url: str, listener: Listener, hub: Hub) -> None:
    streams = [await listener.stream(url) for _ in range(3)]
    assert hub.stats()["streams"] == 3

    await publish(hub, *range(40))

    assert [await numbers(stream, 40) for stream in streams] == [list(range(40))] * 3


async def test_nobody_hears_what_is_about_something_else(
    url: str, listener: Listener, hub: Hub
) -> None:
    stream = await listener.stream(url)

    await publish(hub, 1, topics=("boats",))
    await publish(hub, 2, topics=("boats", TOPIC))

    assert await numbers(stream, 1) == [2]


async def test_a_stream_is_neither_kept_nor_held_back(url: str, listener: Listener) -> None:
    stream = await listener.stream(url)

    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.headers["Cache-Control"] == "no-store"
    assert stream.headers["x-accel-buffering"] == "no"


async def test_who_comes_back_misses_nothing_and_hears_nothing_twice(
    url: str, hub: Hub, listener: Listener
) -> None:
    heard: list[int] = []
    stream = await listener.stream(url)

    async def write() -> None:
        for number in range(100):
            # No more than are kept for who is away.
            while number - len(heard) > 15:
                await asyncio.sleep(0.001)
            await publish(hub, number)

    writing = asyncio.create_task(write())
    while len(heard) < 100:
        heard += await numbers(stream, 5)
        # One that leaves in the middle, and comes back while others are told.
        stream = await listener.stream(url, after=stream.last_id)
    await writing

    assert heard == list(range(100))


async def test_who_heard_nothing_yet_misses_nothing_either(
    url: str, listener: Listener, hub: Hub
) -> None:
    stream = await listener.stream(url)
    await publish(hub, 1, 2)

    again = await listener.stream(url, after=stream.last_id)

    assert await numbers(again, 2) == [1, 2]


async def test_who_was_away_for_too_long_has_to_load_again(
    url: str, listener: Listener, hub: Hub
) -> None:
    first = await listener.stream(url)
    await publish(hub, *range(30))
    await numbers(first, 30)

    stream = await listener.stream(url, after="unknown")
    reset = await stream.next()
    await publish(hub, 30)

    assert reset is not None
    assert reset.event == "reset"
    assert await numbers(stream, 1) == [30]
    # From there it goes on as from any other.
    assert await numbers(await listener.stream(url, after=reset.id), 1) == [30]


async def test_a_silent_stream_is_kept_alive_and_not_forgotten(
    live_url: str, listener: Listener, hub: Hub
) -> None:
    url = f"{live_url}/test/stream/quiet"
    quiet = await listener.stream(url)
    began = quiet.last_id

    # More than the history holds, of which this one hears nothing.
    await publish(hub, *range(30))
    reading = asyncio.create_task(quiet.next())
    await until(lambda: quiet.comments > 1 and quiet.last_id != began)
    again = await listener.stream(url, after=quiet.last_id)
    await publish(hub, 31, topics=("quiet",))

    assert await numbers(again, 1) == [31]
    assert await reading is not None


async def test_a_stream_ends_with_the_service_and_says_when_to_come_back(
    url: str, listener: Listener, hub: Hub, shutdown: Shutdown
) -> None:
    stream = await listener.stream(url)
    kept = hub.stats()["kept"]
    await publish(hub, 1)
    await until(lambda: hub.stats()["messages"] == 1)
    assert hub.stats()["kept"] == kept + 1

    shutdown.close()

    assert await numbers(stream, 1) == [1]
    assert await stream.next() is None
    assert stream.retry == 3000
    # One that comes too late ends at once.
    assert await (await listener.stream(url)).next() is None


async def test_nothing_is_kept_for_who_has_left(url: str, hub: Hub, listener: Listener) -> None:
    stream = await listener.stream(url)
    stream.leave()

    await until(lambda: hub.stats()["streams"] == 0)


async def test_who_stalls_is_let_go_and_nobody_else_waits(
    url: str, hub: Hub, listener: Listener
) -> None:
    # Nobody reads what it gets.
    await listener.stream(url)
    quick = await listener.stream(url)

    count = 0
    while not hub.stats()["dropped"]:
        await hub.publish("ship", json.dumps("x" * 100_000), topics=[TOPIC])
        assert await quick.next()
        count += 1
        assert count < 500

    await until(lambda: hub.stats()["streams"] == 1)
