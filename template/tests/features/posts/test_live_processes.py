"""New posts, told by one process to those who listen to another."""

from contextlib import ExitStack

import httpx2

from app.settings import Settings
from tests.fixtures.live import Listener, said
from tests.fixtures.server import serving, variables_of

AUTHOR = {"name": "Ann", "email": "ann@example.org"}


async def test_processes_tell_one_another(settings: Settings, listener: Listener) -> None:
    with ExitStack() as servers:
        variables = variables_of(settings)
        one, other = [servers.enter_context(serving(**variables)) for _ in range(2)]
        streams = [await listener.stream(f"{each.url}/posts/stream") for each in (one, other)]
        sockets = [await listener.socket(f"{each.url}/posts/ws") for each in (one, other)]
        with httpx2.Client(base_url=one.url) as client:
            author_id = client.post("/authors", json=AUTHOR).raise_for_status().json()["id"]
            new = {"author_id": author_id, "title": "On ships", "body": "They float."}
            post = client.post("/posts", json=new).raise_for_status().json()

        told = [await stream.next() for stream in streams]
        assert [event and event.data for event in told] == [post, post]
        assert [await said(socket) for socket in sockets] == told

        # Whose stream ends with one process goes on at the other.
        again = await listener.stream(f"{one.url}/posts/stream", after=streams[1].last_id)
        with httpx2.Client(base_url=other.url) as client:
            client.post("/posts", json=new | {"title": "On boats"}).raise_for_status()
        event = await again.next()
        assert event is not None
        assert event.data["title"] == "On boats"
