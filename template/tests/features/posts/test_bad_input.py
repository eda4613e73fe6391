"""What clients send by mistake or on purpose: it is refused, with a reason, and nothing is kept."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from app.core.lifespan import State
from app.core.pagination import LAYOUT, Position, signature
from app.features.posts.models import Author, Post
from app.settings import Settings
from tests.fixtures.server import Server

JSON = {"Content-Type": "application/json"}
UNSTORABLE: list[Any] = ["\x00", "a\x00b", "\ud800", "a\udfff", 1, True, None, ["a"], {}]
IDS: list[Any] = [
    2**63,
    10**20,
    -(2**63) - 1,
    -1,
    0,
    1.0,
    True,
    "1_0",
    " 1",
    "",
    "Ann",
    None,
    [1],
    {},
]

POST_FIELDS: list[tuple[str, Any]] = [
    *(("author_id", value) for value in (*IDS, 9 * 10**18)),
    *(("title", value) for value in (*UNSTORABLE, "", "x" * 201, "船" * 201)),
    *(("body", value) for value in (*UNSTORABLE, "x" * 20_001)),
]
VERSIONS = [("version", value) for value in (*IDS, 2, 9 * 10**18) if value is not None]
AUTHOR_FIELDS: list[tuple[str, Any]] = [
    *(("name", value) for value in (*UNSTORABLE, "", "x" * 101)),
    *(("email", f"{value}@b") for value in UNSTORABLE[:4]),
    *(("email", value) for value in ("", "a", "a@", "a b@c", "a@b\n", "a@" + "x" * 253, None, 1)),
]


def refuse(response: httpx2.Response, case: object) -> None:
    """Check that a request is refused, for a reason."""
    assert 400 <= response.status_code < 500, f"{case!r:.200} is a {response.status_code}"
    problem = json.loads(response.content)
    assert problem["status"] == response.status_code
    assert problem["detail"]
    assert (response.status_code == 422) == bool(problem.get("errors"))
    assert all(error["field"] and error["message"] for error in problem.get("errors", ()))


async def stored(state: State) -> tuple[Sequence[Any], Sequence[Any]]:
    async with state["database"].read() as session:
        authors = await session.execute(select(Author.id, Author.name, Author.email))
        posts = await session.execute(select(Post.id, Post.title, Post.body, Post.version))
        return authors.all(), posts.all()


@pytest.fixture
async def post(
    client: httpx2.AsyncClient, author_id: int, state: State, caplog: pytest.LogCaptureFixture
) -> AsyncGenerator[dict[str, Any]]:
    """A sound post; afterwards nothing else is stored, and nothing went wrong by the log."""
    post = {"author_id": author_id, "title": "On ships", "body": "They float."}
    location = (await client.post("/posts", json=post)).raise_for_status().headers["location"]
    before = await stored(state)
    yield post | {"path": location}
    assert await stored(state) == before
    assert [record for record in caplog.get_records("call") if record.levelname == "ERROR"] == []


async def test_posts(client: httpx2.AsyncClient, post: dict[str, Any]) -> None:
    path = post.pop("path")
    for name, value in POST_FIELDS:
        new = post | {"title": "New", name: value}
        # As ASCII: it says what has no UTF-8.
        content = json.dumps(new)
        refuse(await client.post("/posts", content=content, headers=JSON), (name, value))
        refuse(await client.put(path, content=content, headers=JSON), (name, value))
        batch = json.dumps({"posts": [post | {"title": "Sound"}, new]})
        refuse(await client.post("/posts/batch", content=batch, headers=JSON), (name, value))
    for name, value in VERSIONS:
        refuse(await client.put(path, json=post | {name: value}), (name, value))


async def test_authors(client: httpx2.AsyncClient, post: dict[str, Any]) -> None:
    sound = {"name": "Bob", "email": "bob@example.org"}
    for name, value in [*AUTHOR_FIELDS, ("email", "ann@example.org")]:
        content = json.dumps(sound | {name: value})
        refuse(await client.post("/authors", content=content, headers=JSON), (name, value))
    assert post


async def test_paths(client: httpx2.AsyncClient, post: dict[str, Any]) -> None:
    del post["path"]
    numbers = [*IDS, 9 * 10**18, 2**64 + 1, "9" * 5000]
    for number in [*numbers, "%00", "%FF", "%ED%A0%80", "%D9%A1", "1%00", "0x1", "1e0", "+1"]:
        for method, path in (
            ("GET", f"/posts/{number}"),
            ("PUT", f"/posts/{number}"),
            ("DELETE", f"/posts/{number}"),
            ("POST", f"/posts/{number}/likes"),
            ("POST", f"/posts/{number}/digest"),
            ("GET", f"/authors/{number}"),
        ):
            # The list itself is found at "/posts/".
            if number != "":
                refuse(await client.request(method, path, json=post), (method, path))


@pytest.mark.usefixtures("post")
async def test_queries(client: httpx2.AsyncClient) -> None:
    for name, values in {
        "limit": [-1, 0, 101, 10**20, "9" * 5000, "", "a", "true", "1.5", "%FF", "%00", "%D9%A1"],
        "offset": [-1, 10_001, 10**20, "9" * 5000, "a", "true", "1.5", "%FF", "%00"],
        "author_id": [-1, 0, 2**63, 10**20, "9" * 5000, "", "1.0", "1_0", "true", "%FF", "%001"],
        "include_total": ["all", "", "true", "%FF", "%00"],
    }.items():
        for value in values:
            refuse(await client.get(f"/posts?{name}={value}"), (name, value))


@pytest.mark.usefixtures("post")
async def test_cursors(client: httpx2.AsyncClient, settings: Settings) -> None:
    secret = settings.cursor_secret
    sound = Position(datetime(2026, 1, 2, tzinfo=UTC), 7).encode(secret)
    assert (await client.get("/posts", params={"cursor": sound})).status_code == 200
    far = [LAYOUT.pack(moment, 1) for moment in (2**62, -(2**62), 2**63 - 1, -(2**63))]
    forged = [
        base64.urlsafe_b64encode(packed + signature(packed, secret)).decode() for packed in far
    ]
    flipped = [
        sound[:index] + ("A" if sound[index] != "A" else "B") + sound[index + 1 :]
        for index in range(len(sound) - 1)
    ]
    for cursor in [
        *forged,
        *flipped,
        *(sound[:length] for length in range(1, len(sound))),
        Position(datetime(2026, 1, 2, tzinfo=UTC), 7).encode(SecretStr("another")),
        sound + sound,
        "A" * 38,
        "A" * 10_000,
        "\x00",
        "=",
        "船",
        "1 OR 1=1",
    ]:
        refuse(await client.get("/posts", params={"cursor": cursor}), cursor)


async def test_bodies(client: httpx2.AsyncClient, post: dict[str, Any]) -> None:
    path = post.pop("path")
    sound = json.dumps(post | {"title": "New"}).encode()
    bodies = [
        *(b"", b"{}", b"[]", b"1", b"null", b'"text"', b"{", b"\xff", b"\x00", b'{"\\ud800": 1}'),
        *(b"[" * 10_000, b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000, sound[:-1], sound * 2),
        *(sound.replace(b"New", text) for text in (b"\xff", b"\xed\xa0\x80", b"\n")),
        *(sound.replace(b'"New"', text) for text in (b"9" * 5000, b"NaN", b"1e999", b"[" * 10_000)),
    ]
    for method, target in (
        ("POST", "/posts"),
        ("PUT", path),
        ("POST", "/authors"),
        ("POST", "/posts/batch"),
    ):
        for body in bodies:
            response = await client.request(method, target, content=body, headers=JSON)
            refuse(response, (method, target, body))
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
            headers = {"Content-Type": kind} if kind else {}
            response = await client.request(method, target, content=sound, headers=headers)
            refuse(response, (method, target, kind))
    no_posts: list[Any] = [None, {}, "text", [None], [[]], [1], [""]]
    for posts in no_posts:
        refuse(await client.post("/posts/batch", json={"posts": posts}), posts)


async def test_bytes_that_are_no_text_reach_no_further_than_the_server(server: Server) -> None:
    _, port = server.url.rsplit(":", 1)
    body = b'{"author_id": 1, "title": "\xff", "body": ""}'
    length = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    for request in (
        b"GET /posts/\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /posts?cursor=\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /posts?author_id=\xed\xa0\x80 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /posts?cursor=%FF HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /posts/%FF HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /posts HTTP/1.1\r\nHost: a\r\n%b\r\n%b" % (length, body),
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
        writer.write(request)
        async with asyncio.timeout(5):
            status = await reader.readline()
        assert status.startswith(b"HTTP/1.1 4"), (request, status)
        writer.close()
        await writer.wait_closed()

    log = await asyncio.to_thread(server.stop)
    assert "ERROR" not in log
    assert "Traceback" not in log
