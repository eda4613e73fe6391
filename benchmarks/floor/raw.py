"""The floor: what the same answers cost without a framework. Raw ASGI, asyncpg and orjson."""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import asyncpg
import orjson

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

POST = "posts.id, author_id, title, body, word_count, likes, version, created_at, updated_at"
GET = f"SELECT {POST} FROM posts WHERE id = $1"  # noqa: S608 - constants
INSERT = f"INSERT INTO posts (author_id, title, body) VALUES ($1, $2, $3) RETURNING {POST}"  # noqa: S608 - constants
LIST = f"""
    SELECT {POST}, name FROM posts JOIN authors ON authors.id = author_id
    WHERE author_id = $1 ORDER BY created_at DESC, posts.id DESC LIMIT $2
"""  # noqa: S608 - constants
COUNT = "SELECT count(*) FROM posts WHERE author_id = $1"
EXPORT = "SELECT id, author_id, title, body, created_at FROM posts ORDER BY id"

JSON = (b"content-type", b"application/json")
CSV = (b"content-type", b"text/csv; charset=utf-8")
CHUNK = 64 * 1024


class Connections:
    """The pool, from startup to shutdown."""

    pool: asyncpg.Pool

    async def open(self) -> None:
        self.pool = await asyncpg.create_pool(
            os.environ["DATABASE_URL"], min_size=10, max_size=20, reset=keep_as_it_is
        )

    async def close(self) -> None:
        await self.pool.close()


async def keep_as_it_is(_connection: asyncpg.Connection) -> None:
    """Save the round trip of a reset: nothing here changes the state of a session."""


database = Connections()


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    path: str = scope["path"]
    if path.startswith("/posts/"):
        return await get_post(int(path.removeprefix("/posts/")), send)
    if path == "/posts" and scope["method"] == "GET":
        return await list_posts(dict(parse_qsl(scope["query_string"].decode())), send)
    if path == "/posts":
        return await create_post(receive, send)
    if path == "/export/posts.csv":
        return await export_posts(send)
    return await answer(send, b'{"status":"ok"}')


async def lifespan(receive: Receive, send: Send) -> None:
    await receive()
    await database.open()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await database.close()
    await send({"type": "lifespan.shutdown.complete"})


async def answer(send: Send, body: bytes, status: int = 200) -> None:
    headers = [JSON, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def get_post(post_id: int, send: Send) -> None:
    row = await database.pool.fetchrow(GET, post_id)
    if row is None:
        return await answer(send, b'{"detail":"Not found"}', 404)
    return await answer(send, orjson.dumps(dict(row)))


async def list_posts(query: dict[str, str], send: Send) -> None:
    author_id, limit = int(query["author_id"]), int(query["limit"])
    async with database.pool.acquire() as connection:
        rows = await connection.fetch(LIST, author_id, limit)
        total = await connection.fetchval(COUNT, author_id)
    items = [
        {
            "id": row[0],
            "author": {"id": row[1], "name": row[9]},
            "title": row[2],
            "body": row[3],
            "word_count": row[4],
            "likes": row[5],
            "version": row[6],
            "created_at": row[7],
            "updated_at": row[8],
        }
        for row in rows
    ]
    await answer(send, orjson.dumps({"items": items, "total": total}))


async def create_post(receive: Receive, send: Send) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    new = orjson.loads(body)
    row = await database.pool.fetchrow(INSERT, new["author_id"], new["title"], new["body"])
    await answer(send, orjson.dumps(dict(row)), 201)


async def export_posts(send: Send) -> None:
    """PostgreSQL writes the CSV; rows are joined to chunks, since each send costs."""
    await send({"type": "http.response.start", "status": 200, "headers": [CSV]})
    chunk = bytearray()

    async def take(data: bytes) -> None:
        chunk.extend(data)
        if len(chunk) >= CHUNK:
            await send({"type": "http.response.body", "body": bytes(chunk), "more_body": True})
            chunk.clear()

    async with database.pool.acquire() as connection:
        await connection.copy_from_query(EXPORT, output=take, format="csv", header=True)
    await send({"type": "http.response.body", "body": bytes(chunk)})
