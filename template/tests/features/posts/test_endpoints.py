import asyncio
import hashlib
from typing import Any

import httpx2
import psutil
import pytest
from sqlalchemy import update

from app.core.database.model import utc_now
from app.core.lifespan import State
from app.features.posts.models import Post


def post_by(author: int, **fields: object) -> dict[str, Any]:
    return {"author_id": author, "title": "On ships", "body": "They float.", **fields}


async def add(client: httpx2.AsyncClient, author_id: int, **fields: object) -> dict[str, Any]:
    response = await client.post("/posts", json=post_by(author_id, **fields))
    return response.raise_for_status().json()


async def test_a_post_is_added_and_read(client: httpx2.AsyncClient, author_id: int) -> None:
    response = await client.post("/posts", json=post_by(author_id))

    assert response.status_code == 201
    added = response.json()
    assert added["author"] == {"id": author_id, "name": "Ann"}
    assert (added["title"], added["body"], added["version"]) == ("On ships", "They float.", 1)
    read = await client.get(response.headers["location"])
    assert read.headers["content-type"] == "application/json"
    assert {**read.json(), "word_count": None} == added


async def test_a_post_is_replaced(client: httpx2.AsyncClient, author_id: int) -> None:
    added = await add(client, author_id)
    path = f"/posts/{added['id']}"
    await client.get(path)

    response = await client.put(path, json=post_by(author_id, title="On boats", version=1))

    replaced = response.raise_for_status().json()
    assert (replaced["title"], replaced["version"]) == ("On boats", 2)
    assert replaced["created_at"] == added["created_at"]
    assert replaced["updated_at"] > added["updated_at"]
    assert (await client.get(path)).json()["title"] == "On boats"


async def test_a_post_is_deleted(client: httpx2.AsyncClient, author_id: int) -> None:
    path = f"/posts/{(await add(client, author_id))['id']}"
    await client.get(path)

    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404
    assert (await client.delete(path)).status_code == 404
    assert (await client.put(path, json=post_by(author_id))).status_code == 404


async def test_a_deleted_post_gives_its_number_to_nobody(
    client: httpx2.AsyncClient, author_id: int
) -> None:
    added = await add(client, author_id)
    await client.delete(f"/posts/{added['id']}")

    assert (await add(client, author_id))["id"] > added["id"]


async def test_an_old_version_does_not_replace_a_newer_one(
    client: httpx2.AsyncClient, author_id: int
) -> None:
    path = f"/posts/{(await add(client, author_id))['id']}"
    await client.put(path, json=post_by(author_id, title="First", version=1))

    late = await client.put(path, json=post_by(author_id, title="Second", version=1))

    assert late.status_code == 409
    assert late.json()["type"] == "urn:problem:post-changed"
    assert (await client.get(path)).json()["title"] == "First"


async def test_what_does_not_fit_is_a_conflict(client: httpx2.AsyncClient, author_id: int) -> None:
    await add(client, author_id)
    other = await add(client, author_id, title="Other")
    unknown = author_id + 1

    responses = [
        await client.post("/posts", json=post_by(author_id)),
        await client.put(f"/posts/{other['id']}", json=post_by(author_id)),
        await client.post("/posts", json=post_by(unknown)),
        await client.put(f"/posts/{other['id']}", json=post_by(unknown)),
        await client.post("/authors", json={"name": "Bob", "email": "ann@example.org"}),
    ]

    assert [response.status_code for response in responses] == [409] * 5
    kinds = [response.json()["type"].removeprefix("urn:problem:") for response in responses]
    assert kinds == ["title-taken"] * 2 + ["author-unknown"] * 2 + ["email-taken"]
    assert (await client.get(f"/posts/{other['id']}")).json()["title"] == "Other"


@pytest.mark.parametrize(
    "fields",
    [
        {"title": ""},
        {"title": "x" * 201},
        {"title": "a\x00b"},
        {"body": "x" * 20_001},
        {"body": None},
        {"author_id": 0},
        {"author_id": 2**63},
        {"author_id": "Ann"},
    ],
    ids=lambda fields: next(iter(fields)),
)
async def test_a_payload_that_does_not_validate_stores_nothing(
    client: httpx2.AsyncClient, author_id: int, fields: dict[str, object]
) -> None:
    response = await client.post("/posts", json=post_by(author_id, **fields))

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == f"body.{next(iter(fields))}"
    assert (await client.get("/posts?include_total=exact")).json()["total"] == 0


async def test_pages_hold_every_post_once_newest_first(
    client: httpx2.AsyncClient, author_id: int
) -> None:
    added = [(await add(client, author_id, title=f"No. {number}"))["id"] for number in range(5)]

    seen: list[int] = []
    cursor = None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/posts", params=query)).raise_for_status().json()
        seen += [post["id"] for post in page["items"]]
        assert all(post["author"]["name"] == "Ann" for post in page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            break
        # What comes in meanwhile belongs before the first page, and shifts nothing.
        await add(client, author_id, title=f"Meanwhile {len(seen)}")

    assert seen == added[::-1]


async def test_posts_of_the_same_moment_are_not_skipped(
    client: httpx2.AsyncClient, author_id: int, state: State
) -> None:
    added = [(await add(client, author_id, title=f"No. {number}"))["id"] for number in range(3)]
    async with state["database"].write() as session:
        await session.execute(update(Post).values(created_at=utc_now()))

    first = (await client.get("/posts?limit=1&include_total=exact")).json()
    rest = (await client.get("/posts", params={"cursor": first["next_cursor"]})).json()

    assert [post["id"] for post in first["items"] + rest["items"]] == added[::-1]
    assert first["total"] == 3


async def test_an_empty_list_has_no_next_page(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/posts")).raise_for_status().json()

    assert page == {"items": [], "next_cursor": None, "total": None}


@pytest.mark.parametrize(
    ("query", "status"),
    [("limit=0", 422), ("limit=-1", 422), (f"limit={10**20}", 422), ("cursor=forged", 400)],
)
async def test_a_query_that_makes_no_sense_is_refused(
    client: httpx2.AsyncClient, query: str, status: int
) -> None:
    assert (await client.get(f"/posts?{query}")).status_code == status


@pytest.mark.usefixtures("workers_here")
async def test_the_words_are_counted_in_the_background(
    client: httpx2.AsyncClient, author_id: int
) -> None:
    path = f"/posts/{(await add(client, author_id, body='one two three'))['id']}"
    assert await counted_words(client, path) == 3

    await client.put(path, json=post_by(author_id, body="one two"))
    assert await counted_words(client, path) == 2
    assert (await client.get(path)).json()["version"] == 2


async def counted_words(client: httpx2.AsyncClient, path: str) -> int:
    async with asyncio.timeout(5):
        while (count := (await client.get(path)).json()["word_count"]) is None:
            await asyncio.sleep(0.005)
    return count


async def test_a_digest_is_computed_in_another_process(
    client: httpx2.AsyncClient, author_id: int
) -> None:
    added = await add(client, author_id)
    before = psutil.Process().children()

    response = await client.post(f"/posts/{added['id']}/digest")

    expected = hashlib.pbkdf2_hmac("sha256", b"They float.", b"posts", 100_000).hex()
    assert response.json() == {"algorithm": "pbkdf2-sha256", "digest": expected}
    assert len(psutil.Process().children()) > len(before)


async def test_an_author_is_read(client: httpx2.AsyncClient, author_id: int) -> None:
    assert (await client.get(f"/authors/{author_id}")).json() == {"id": author_id, "name": "Ann"}
    assert (await client.get(f"/authors/{author_id + 1}")).status_code == 404
