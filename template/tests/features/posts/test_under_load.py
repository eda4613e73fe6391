import asyncio
from collections.abc import Mapping

import httpx2
import pytest
from sqlalchemy import select

from app.core.database.engine import DatabaseSettings
from app.core.database.session import open_database
from app.core.lifespan import open_state
from app.core.tasks.contract import TaskState
from app.features.posts.models import Author, Post
from app.settings import Settings
from tests.fixtures.server import Server
from tests.fixtures.tasks import PATIENCE_SECONDS
from tests.local_tasks import running_here

WRITERS = 50


async def add_author(client: httpx2.AsyncClient) -> int:
    response = await client.post("/authors", json={"name": "Ann", "email": "ann@example.org"})
    return response.raise_for_status().json()["id"]


async def test_no_writer_is_turned_away(server: Server) -> None:
    async with httpx2.AsyncClient(base_url=server.url, timeout=30) as client:
        author_id = await add_author(client)
        posts = [
            {"author_id": author_id, "title": f"No. {number}", "body": ""}
            for number in range(WRITERS)
        ]
        responses = await asyncio.gather(*(client.post("/posts", json=post) for post in posts))

        assert {response.status_code for response in responses} == {201}
        assert (await client.get("/posts?include_total=exact")).json()["total"] == WRITERS


@pytest.mark.slow
async def test_no_like_is_lost(server: Server) -> None:
    async with httpx2.AsyncClient(base_url=server.url, timeout=30) as client:
        post = {"author_id": await add_author(client), "title": "Count", "body": "0"}
        path = (await client.post("/posts", json=post)).headers["location"]

        likes = await asyncio.gather(*(client.post(f"{path}/likes") for _ in range(200)))

        assert {response.status_code for response in likes} == {204}
        assert (await client.get(path)).json()["likes"] == 200


@pytest.mark.slow
async def test_no_change_is_lost(server: Server) -> None:
    async with httpx2.AsyncClient(base_url=server.url, timeout=30) as client:
        post = {"author_id": await add_author(client), "title": "Count", "body": "0"}
        path = (await client.post("/posts", json=post)).headers["location"]

        async def increment() -> None:
            while True:
                read = (await client.get(path)).raise_for_status().json()
                body = str(int(read["body"]) + 1)
                change = {**post, "body": body, "version": read["version"]}
                if (await client.put(path, json=change)).is_success:
                    return

        await asyncio.gather(*(increment() for _ in range(20)))

        assert (await client.get(path)).json()["body"] == "20"


async def test_shutdown_answers_requests_in_flight(server: Server, database_url: str) -> None:
    settings = DatabaseSettings(database_url=database_url)
    async with (
        httpx2.AsyncClient(base_url=server.url, timeout=30) as client,
        open_database(settings) as database,
    ):
        author_id = await add_author(client)
        async with database.write() as session:
            # With the lock in hand, who writes of this author waits inside its request.
            author = select(Author).where(Author.id == author_id).with_for_update()
            (await session.execute(author)).scalar_one()
            requests = [
                asyncio.create_task(
                    client.post("/posts", json={"author_id": author_id, "title": title, "body": ""})
                )
                for title in ("One", "Two", "Three")
            ]
            async with asyncio.timeout(PATIENCE_SECONDS):
                while (await client.get("/health/db-pool")).json()["checked_out"] < 1:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.3)
            server.process.terminate()
            await asyncio.sleep(0.2)
        responses = await asyncio.gather(*requests)

    assert [response.status_code for response in responses] == [201] * len(requests)


def at_rest(counts: Mapping[TaskState, int]) -> bool:
    return sum(counts.values()) == counts[TaskState.SUCCEEDED]


async def test_shutdown_loses_neither_a_request_nor_a_task(
    server: Server, settings: Settings
) -> None:
    created: list[str] = []
    async with httpx2.AsyncClient(base_url=server.url, timeout=30) as client:
        author_id = await add_author(client)

        async def write(writer: int) -> None:
            for number in range(1000):
                post = {"author_id": author_id, "title": f"{writer}.{number}", "body": "a b"}
                try:
                    response = await client.post("/posts", json=post)
                except httpx2.TransportError:
                    # Nobody took the request any more, so nothing may be stored of it.
                    return
                assert response.status_code == 201
                created.append(response.headers["location"].removeprefix("/posts/"))

        writers = [asyncio.create_task(write(writer)) for writer in range(8)]
        while len(created) < WRITERS:
            assert not all(writer.done() for writer in writers)
            await asyncio.sleep(0.01)
        server.process.terminate()
        await asyncio.gather(*writers)

    await asyncio.to_thread(server.process.wait, 30)
    log = server.logged()
    assert "Traceback" not in log
    # The tasks that nobody had time for are kept, unless they ran before the end.
    async with open_state(settings) as state, running_here(settings, state):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not at_rest(await state["broker"].ledger.counts()):
                await asyncio.sleep(0.05)
    async with open_database(settings) as database, database.read() as session:
        posts = (await session.execute(select(Post.id, Post.word_count))).all()
    assert {str(post_id) for post_id, _ in posts} == set(created)
    assert {words for _, words in posts} == {2}
