import asyncio
import json
from typing import Annotated

import aiohttp
import pytest
from fastapi import APIRouter, Depends, Header, WebSocket, WebSocketException
from pydantic import BaseModel

from app.core.live.hub import Hub, HubDep
from app.core.live.settings import HubSettings
from app.core.live.sockets import check_origin, serve_socket
from app.core.live.subscription import Subscription
from app.core.shutdown import Shutdown
from tests.fixtures.live import Listener, end_of, said, until

FRIEND = "https://shop.example.org"
STRANGER = "https://evil.example.org"


class Wanted(BaseModel):
    topics: list[str]


async def authorize(authorization: Annotated[str | None, Header()] = None) -> None:
    if authorization == "nonsense":
        raise WebSocketException(1008)


@pytest.fixture
def hub_settings() -> HubSettings:
    return HubSettings(
        live_queue_messages=50, live_max_message_bytes=100, live_origins=frozenset({FRIEND})
    )


@pytest.fixture
def live_routes(live_routes: APIRouter) -> APIRouter:
    @live_routes.websocket("/test/ws", dependencies=[Depends(check_origin), Depends(authorize)])
    async def talk(websocket: WebSocket, hub: HubDep) -> None:
        async def choose(subscription: Subscription, text: str) -> None:
            topics = Wanted.model_validate_json(text).topics
            assert "bug" not in topics
            hub.listen(subscription, topics)
            await hub.publish("chosen", text, topics=topics)

        await serve_socket(websocket, hub, ["ships"], choose)

    return live_routes


@pytest.fixture
def url(live_url: str) -> str:
    return f"{live_url}/test/ws"


async def test_it_tells_what_the_client_chose(url: str, listener: Listener, hub: Hub) -> None:
    socket, other = [await listener.socket(url) for _ in range(2)]
    await until(lambda: hub.stats()["sockets"] == 2)

    await hub.publish("launched", '{"id": 1}', topics=["ships"])
    assert [(await said(each)).data for each in (socket, other)] == [{"id": 1}] * 2

    await socket.send_json({"topics": ["boats", "rafts"]})
    assert (await said(socket)).event == "chosen"
    await hub.publish("launched", "2", topics=["ships"])
    await hub.publish("launched", "3", topics=["rafts", "boats", "ships"])
    await hub.publish("launched", "4", topics=["boats"])

    assert [(await said(socket)).data for _ in range(2)] == [3, 4]
    assert [(await said(other)).data for _ in range(2)] == [2, 3]


async def test_bad_messages_end_a_socket(url: str, listener: Listener, hub: Hub) -> None:
    ends = {
        "no JSON": 1007,
        '{"topics": 1}': 1007,
        json.dumps({"topics": ["x" * 100]}): 1009,
        '{"topics": ["bug"]}': 1011,
    }
    for text, code in ends.items():
        socket = await listener.socket(url)
        await socket.send_str(text)
        assert await end_of(socket) == code

    socket = await listener.socket(url)
    await socket.send_bytes(b"{}")
    assert await end_of(socket) == 1003
    await until(lambda: hub.stats()["sockets"] == 0)


async def test_pages_of_friends_may_open_a_socket_and_so_may_programs(
    url: str, live_url: str, listener: Listener
) -> None:
    for origin in (FRIEND, live_url, None):
        await listener.socket(url, origin=origin)


async def test_others_are_refused_before_anything_is_accepted(url: str, listener: Listener) -> None:
    for options in ({"origin": STRANGER}, {"headers": {"Authorization": "nonsense"}}):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await listener.socket(url, **options)

        assert refused.value.status == 403


async def test_sockets_end_with_the_service(
    url: str, listener: Listener, hub: Hub, shutdown: Shutdown
) -> None:
    sockets = [await listener.socket(url) for _ in range(3)]
    await until(lambda: hub.stats()["sockets"] == 3)

    shutdown.close()

    assert [await end_of(socket) for socket in sockets] == [1012] * 3


async def test_nothing_is_kept_for_who_has_left(url: str, listener: Listener, hub: Hub) -> None:
    socket = await listener.socket(url)
    await until(lambda: hub.stats()["sockets"] == 1)

    await socket.close()

    await until(lambda: hub.stats()["sockets"] == 0)


async def test_who_stalls_is_let_go_and_nobody_else_waits(
    url: str, listener: Listener, hub: Hub
) -> None:
    stalled, quick = [await listener.socket(url, max_msg_size=0, compress=0) for _ in range(2)]
    await until(lambda: hub.stats()["sockets"] == 2)

    count = 0
    while not hub.stats()["dropped"]:
        await hub.publish("ship", json.dumps("x" * 100_000), topics=["ships"])
        await said(quick)
        count += 1
        assert count < 500

    # It has time to read what is on its way, and why it ends.
    assert await end_of(stalled) == 1013
    await until(lambda: hub.stats()["sockets"] == 1)


async def test_who_stalls_for_good_is_forgotten(
    url: str, listener: Listener, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.live.sockets.FAREWELL_SECONDS", 0.05)
    await listener.socket(url)
    await until(lambda: hub.stats()["sockets"] == 1)

    async with asyncio.timeout(10):
        while hub.stats()["sockets"]:
            await hub.publish("ship", json.dumps("x" * 100_000), topics=["ships"])
            await asyncio.sleep(0.001)
