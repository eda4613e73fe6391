from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from app.core.lifespan import State
from app.core.pagination import Position
from app.features.posts import queries
from app.features.posts.schemas import PostOut, PostPage

# Of every kind that JSON, SQL or a driver writes in another way than it stands here.
TEXTS = [
    'say "hi" \\ / \' `',
    "".join(map(chr, range(1, 32))) + "\x7f\x80",
    "naïve 船 \U0001f6a2 \u2028\u2029\ufeff\uffff",
    "'; DROP TABLE posts; -- </script> %s %(x)s :x {} $1 ?",
]


async def add_author(client: httpx2.AsyncClient, name: str) -> int:
    author = {"name": name, "email": f"{uuid4().hex}@example.org"}
    return (await client.post("/authors", json=author)).raise_for_status().json()["id"]


async def add_posts(client: httpx2.AsyncClient, author_id: int, titles: Sequence[str]) -> None:
    posts = [{"author_id": author_id, "title": title, "body": title} for title in titles]
    (await client.post("/posts/batch", json={"posts": posts})).raise_for_status()


async def page_of(client: httpx2.AsyncClient, **query: str | int) -> dict[str, Any]:
    return (await client.get("/posts", params=query)).raise_for_status().json()


def titles_of(page: dict[str, Any]) -> list[str]:
    return [post["title"] for post in page["items"]]


@pytest.fixture
async def other_id(client: httpx2.AsyncClient, author_id: int) -> int:
    """Another author; he and `author_id` wrote four posts each, in turns."""
    other_id = await add_author(client, "Bob")
    for number in range(4):
        await add_posts(client, author_id, [f"a{number}"])
        await add_posts(client, other_id, [f"b{number}"])
    return other_id


async def test_an_author_s_posts_are_listed_alone(
    client: httpx2.AsyncClient, author_id: int, other_id: int
) -> None:
    assert titles_of(await page_of(client)) == ["b3", "a3", "b2", "a2", "b1", "a1", "b0", "a0"]
    assert titles_of(await page_of(client, author_id=author_id)) == ["a3", "a2", "a1", "a0"]
    first = await page_of(client, author_id=other_id, limit=3, include_total="exact")
    assert titles_of(first) == ["b3", "b2", "b1"]
    assert first["total"] == 4
    rest = await page_of(client, author_id=other_id, cursor=first["next_cursor"])
    assert (titles_of(rest), rest["next_cursor"]) == (["b0"], None)
    nobody = await page_of(client, author_id=9 * 10**18, include_total="exact")
    assert nobody == {"next_cursor": None, "total": 0, "items": []}


@pytest.mark.usefixtures("other_id")
async def test_an_offset_skips_the_newest(client: httpx2.AsyncClient, author_id: int) -> None:
    page = await page_of(client, offset=3, limit=2)

    assert titles_of(page) == ["a2", "b1"]
    assert titles_of(await page_of(client, cursor=page["next_cursor"], limit=1)) == ["a1"]
    assert titles_of(await page_of(client, offset=3, author_id=author_id)) == ["a0"]
    assert titles_of(await page_of(client, offset=8)) == []


@pytest.mark.usefixtures("other_id")
async def test_a_page_does_not_begin_in_two_places(client: httpx2.AsyncClient) -> None:
    cursor = (await page_of(client, limit=1))["next_cursor"]

    response = await client.get("/posts", params={"cursor": cursor, "offset": 1})

    assert response.status_code == 422
    assert "not both" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("wanted", "of_all", "of_one"), [("exact", 8, 4), ("capped", 5, 4), (None, None, None)]
)
async def test_a_total_is_counted_as_far_as_it_is_asked_for(
    client: httpx2.AsyncClient,
    other_id: int,
    monkeypatch: pytest.MonkeyPatch,
    wanted: str | None,
    of_all: int | None,
    of_one: int | None,
) -> None:
    monkeypatch.setattr(queries, "TOTAL_CAP", 5)
    # What it was made with is kept.
    monkeypatch.setattr(queries, "page_query", queries.page_query.__wrapped__)
    query = {"include_total": wanted} if wanted else {}

    assert (await page_of(client, limit=1, **query))["total"] == of_all
    assert (await page_of(client, limit=1, author_id=other_id, **query))["total"] == of_one
    # Where no post is left to tell.
    assert (await page_of(client, offset=100, **query))["total"] == of_all


async def test_another_way_to_count_is_refused(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/posts?include_total=all")).status_code == 422


async def test_the_bytes_are_those_that_the_model_would_give(client: httpx2.AsyncClient) -> None:
    for name in TEXTS:
        await add_posts(client, await add_author(client, name), TEXTS)

    for query in ("limit=100", "limit=5&include_total=exact", "limit=5&offset=14"):
        page = (await client.get(f"/posts?{query}")).raise_for_status()
        model = PostPage.model_validate_json(page.content)
        assert page.content == model.model_dump_json().encode()
        assert {post.title for post in model.items} <= set(TEXTS)
        assert {post.author.name for post in model.items} <= set(TEXTS)
    for item in (await page_of(client, limit=100))["items"]:
        post = (await client.get(f"/posts/{item['id']}")).raise_for_status()
        model = PostOut.model_validate_json(post.content)
        assert post.content == model.model_dump_json().encode()
        assert (model.title, model.body) == (item["title"], item["title"])


def test_openapi_describes_what_is_sent_as_bytes(app: FastAPI) -> None:
    openapi = app.openapi()

    for path, model in (("/posts", "PostPage"), ("/posts/{post_id}", "PostOut")):
        content = openapi["paths"][path]["get"]["responses"]["200"]["content"]
        assert content == {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}
        }
    assert set(openapi["components"]["schemas"]["PostOut"]["properties"]) == set(
        PostOut.model_fields
    )


async def test_a_path_that_is_no_number_is_no_post(client: httpx2.AsyncClient) -> None:
    response = await client.get("/posts/abc")

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


async def test_cursors_are_signed_with_the_secret_of_the_service(
    client: httpx2.AsyncClient, state: State, author_id: int
) -> None:
    secret = SecretStr("of its own")
    state["settings"] = state["settings"].model_copy(update={"cursor_secret": secret})
    await add_posts(client, author_id, ["a", "b"])
    cursor = (await page_of(client, limit=1))["next_cursor"]

    position = Position.decode(cursor, secret)

    assert titles_of(await page_of(client, cursor=cursor)) == ["a"]
    made = position.encode(SecretStr(""))
    assert (await client.get("/posts", params={"cursor": made})).status_code == 400
