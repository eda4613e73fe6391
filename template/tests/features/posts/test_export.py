import asyncio
import csv
import io
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from statistics import median
from typing import Any

import httpx2
import psutil
import pytest
from fastapi import FastAPI
from sqlalchemy import insert, text, update

from app.core.database.engine import DatabaseSettings
from app.core.database.monitor import QueryMonitor
from app.core.database.session import open_database
from app.core.lifespan import State
from app.features.posts.models import Post
from app.features.posts.queries import CSV_HEADER
from app.features.posts.schemas import PostOut
from tests.features.posts.filling import fill
from tests.fixtures.server import Server

KINDS = ("csv", "ndjson")
AS_IT_IS = {"Accept-Encoding": "identity"}
LONG = "x" * 2000
MEGABYTE = 2**20
TEXTS = [
    'say "hi", "you"; \\ / \'',
    "".join(map(chr, range(1, 32))) + "\x7f",
    "two\r\nlines\n",
    "naïve 船 \U0001f6a2 \u2028\u2029\x85",
    " ",
]
FORMULAS = ['=HYPERLINK("http://evil")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]


@pytest.fixture
async def posts(client: httpx2.AsyncClient, author_id: int, state: State) -> list[str]:
    """Posts with such titles, by two authors; the first one's words aren't counted yet."""
    other = {"name": "=Bob", "email": "bob@example.org"}
    ids = [author_id, (await client.post("/authors", json=other)).json()["id"]]
    titles = [*TEXTS, *FORMULAS]
    batch = [
        {"author_id": ids[number % 2], "title": title, "body": title}
        for number, title in enumerate(titles)
    ]
    (await client.post("/posts/batch", json={"posts": batch})).raise_for_status()
    async with state["database"].write() as session:
        await session.execute(update(Post).where(Post.title == titles[0]).values(word_count=None))
    return titles


async def test_a_spreadsheet_reads_what_is_stored_and_no_formula(
    client: httpx2.AsyncClient, posts: list[str]
) -> None:
    response = await client.get("/posts/export.csv")

    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="posts.csv"'
    header, *records = csv.reader(io.StringIO(response.text, newline=""), strict=True)
    assert tuple(header) == CSV_HEADER
    rows = [dict(zip(header, record, strict=True)) for record in records]
    harmless = TEXTS + [f"'{formula}" for formula in FORMULAS]
    assert [row["title"] for row in rows] == [row["body"] for row in rows] == harmless
    assert [row["author"] for row in rows] == ["Ann", "'=Bob"] * 5 + ["Ann"]
    assert [row["word_count"] for row in rows] == ["", *(str(len(t.split())) for t in posts[1:])]
    listed = (await client.get("/posts?limit=100")).json()["items"][::-1]
    for row, post in zip(rows, listed, strict=True):
        same = (post["id"], post["author"]["id"], post["likes"], post["created_at"])
        assert (row["id"], row["author_id"], row["likes"], row["created_at"]) == tuple(
            map(str, same)
        )


async def test_each_line_is_a_post(client: httpx2.AsyncClient, posts: list[str]) -> None:
    response = await client.get("/posts/export.ndjson")

    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.headers["content-disposition"] == 'attachment; filename="posts.ndjson"'
    *lines, rest = response.content.split(b"\n")
    assert rest == b""
    models = [PostOut.model_validate_json(line) for line in lines]
    assert [model.model_dump_json().encode() for model in models] == lines
    assert [model.title for model in models] == [model.body for model in models] == posts
    for model, line in zip(models, lines, strict=True):
        assert (await client.get(f"/posts/{model.id}")).content == line


async def test_nothing_is_a_file_too(client: httpx2.AsyncClient) -> None:
    empty_csv = (await client.get("/posts/export.csv")).raise_for_status()
    empty_ndjson = (await client.get("/posts/export.ndjson")).raise_for_status()

    assert empty_csv.text == ",".join(CSV_HEADER) + "\r\n"
    assert empty_ndjson.content == b""


@pytest.mark.parametrize("kind", KINDS)
async def test_what_fails_at_once_is_an_ordinary_problem(
    unreachable_database_url: str, client: httpx2.AsyncClient, state: State, kind: str
) -> None:
    async with state["database"].write() as session:
        await session.execute(text("ALTER TABLE posts RENAME TO gone"))
    mistake = await client.get(f"/posts/export.{kind}")
    away = DatabaseSettings(database_url=unreachable_database_url)
    async with open_database(away) as state["database"]:
        unavailable = await client.get(f"/posts/export.{kind}")

    for response, status in ((mistake, 500), (unavailable, 503)):
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        assert "content-disposition" not in response.headers


@pytest.mark.parametrize("kind", KINDS)
async def test_a_client_that_leaves_ends_the_work(
    app: FastAPI, state: State, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    await fill(state["database"], 10_000)
    queries: list[str] = []

    def note(_monitor: QueryMonitor, sql: str, _seconds: float) -> None:
        queries.append(sql)

    monkeypatch.setattr(QueryMonitor, "note", note)
    bodies: list[bytes] = []
    has_left = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await has_left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            bodies.append(message["body"])
        if len(bodies) == 2:
            has_left.set()
        # Others get their turn, as they do where a socket is written to.
        await asyncio.sleep(0)

    scope: dict[str, Any] = {"type": "http", "method": "GET", "headers": [], "query_string": b""}
    scope |= {"scheme": "http", "path": f"/posts/export.{kind}", "state": dict(state)}
    await app(scope, receive, send)

    assert 2 <= len(bodies) <= 3
    assert len(queries) <= 4
    assert state["database"].stats()["checked_out"] == 0


@pytest.fixture
async def service(server: Server) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client of a real server, which takes little that it doesn't read."""
    little = (socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    transport = httpx2.AsyncHTTPTransport(socket_options=[little])
    async with httpx2.AsyncClient(
        transport=transport, base_url=server.url, headers=AS_IT_IS, timeout=30
    ) as client:
        yield client


async def wait_until_idle(service: httpx2.AsyncClient) -> None:
    """Wait until no connection is in use, and isn't a moment later either."""
    async with asyncio.timeout(10):
        idle = 0
        while idle < 5:
            pool = (await service.get("/health/db-pool")).raise_for_status().json()
            idle = 0 if pool["checked_out"] or pool["waiting"] else idle + 1
            await asyncio.sleep(0.02)


async def test_half_an_export_does_not_look_whole(
    service: httpx2.AsyncClient, state: State, server: Server
) -> None:
    await fill(state["database"], 20_000, body=LONG)
    async with AsyncExitStack() as stack:
        bodies = []
        for kind in KINDS:
            stream = await stack.enter_async_context(service.stream("GET", f"/posts/export.{kind}"))
            bodies.append(stream.raise_for_status().aiter_raw())
            await anext(bodies[-1])
        await wait_until_idle(service)

        async with state["database"].write() as session:
            await session.execute(text("ALTER TABLE posts RENAME TO gone"))

        for body in bodies:
            with pytest.raises(httpx2.RemoteProtocolError, match="incomplete"):
                async for _ in body:
                    pass
    assert (await service.get("/health")).is_success
    assert "ERROR" in await asyncio.to_thread(server.stop)


@pytest.mark.slow
async def test_slow_clients_hold_no_connection(service: httpx2.AsyncClient, state: State) -> None:
    await fill(state["database"], 20_000, body=LONG)
    async with AsyncExitStack() as stack:
        bodies = []
        for kind in KINDS * 10:
            stream = await stack.enter_async_context(service.stream("GET", f"/posts/export.{kind}"))
            bodies.append(stream.raise_for_status().aiter_raw())
            await anext(bodies[-1])
        await wait_until_idle(service)

        # None of them was asked for before.
        paths = [f"/posts?limit={limit}" for limit in range(1, 6)]
        pages = [(await service.get(path)).raise_for_status() for path in paths]
        assert median(page.elapsed.total_seconds() for page in pages) < 0.2

        # What is added meanwhile is in it, and moves nothing.
        late = {"id": 20_001, "author_id": 1, "title": "Late", "body": "", "version": 1}
        async with state["database"].write() as session:
            await session.execute(insert(Post), [late])
        rest = b"".join([chunk async for chunk in bodies[-1]])
        _, *lines = rest.splitlines()
        ids = [PostOut.model_validate_json(line).id for line in lines]
        assert ids == list(range(20_002 - len(ids), 20_002))
        assert len(ids) > 10_000

    # Those who left in the middle took no connection with them.
    await wait_until_idle(service)
    pages = await asyncio.gather(*(service.get("/posts?limit=1") for _ in range(30)))
    assert {page.json()["items"][0]["id"] for page in pages} == {20_001}


@pytest.mark.slow
async def test_a_long_export_begins_at_once_and_needs_little_memory(
    server: Server, state: State
) -> None:
    await fill(state["database"], 250_000, body="They float.")
    process = psutil.Process(server.process.pid)
    async with httpx2.AsyncClient(base_url=server.url, headers=AS_IT_IS, timeout=30) as client:
        (await client.get("/posts")).raise_for_status()
        before = peak = process.memory_info().rss
        for kind in KINDS:
            lines, first_seconds = 0, 0.0
            started = time.perf_counter()
            async with client.stream("GET", f"/posts/export.{kind}") as response:
                async for chunk in response.aiter_raw():
                    first_seconds = first_seconds or time.perf_counter() - started
                    lines += chunk.count(b"\n")
                    peak = max(peak, process.memory_info().rss)
            seconds = time.perf_counter() - started

            assert lines == 250_000 + (kind == "csv")
            assert first_seconds < max(0.1, 0.1 * seconds)
            assert peak - before < 25 * MEGABYTE
