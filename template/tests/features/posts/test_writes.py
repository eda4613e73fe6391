from typing import Any

import httpx2
import pytest
from sqlalchemy import update

from app.core.database.direct import DirectQuery
from app.core.lifespan import State
from app.features.posts.models import Post
from app.features.posts.service import FastPostWriter


def posts_by(author_id: int, count: int) -> list[dict[str, Any]]:
    return [
        {"author_id": author_id, "title": f"No. {number}", "body": "word " * number}
        for number in range(count)
    ]


async def total(client: httpx2.AsyncClient) -> int:
    return (await client.get("/posts?include_total=exact")).raise_for_status().json()["total"]


@pytest.fixture
async def other_id(client: httpx2.AsyncClient, author_id: int) -> int:
    """An author besides `author_id`."""
    author = {"name": "Bob", "email": f"bob{author_id}@example.org"}
    return (await client.post("/authors", json=author)).raise_for_status().json()["id"]


async def test_a_batch_is_stored_with_all_that_a_post_has(
    client: httpx2.AsyncClient, author_id: int, other_id: int
) -> None:
    posts = posts_by(author_id, 1000)
    posts[7]["author_id"] = other_id

    response = await client.post("/posts/batch", json={"posts": posts})

    assert (response.status_code, response.json()) == (201, {"created": 1000})
    assert await total(client) == 1000
    page = (await client.get("/posts", params={"limit": 100, "offset": 900})).json()["items"]
    stored = {post["title"]: post for post in page}
    assert set(stored) == {post["title"] for post in posts[:100]}
    assert all(stored[f"No. {number}"]["word_count"] == number for number in range(100))
    assert {(post["likes"], post["version"]) for post in page} == {(0, 1)}
    assert [post["id"] for post in page] == sorted({post["id"] for post in page}, reverse=True)
    assert stored["No. 7"]["author"] == {"id": other_id, "name": "Bob"}
    read = (await client.get(f"/posts/{page[0]['id']}")).raise_for_status()
    assert read.json() == page[0]


@pytest.mark.parametrize(
    ("at", "fields", "kind"),
    [
        (2, {"author_id": 2**40}, "author-unknown"),
        (2, {"title": "No. 0"}, "title-taken"),
        (0, {"title": "Taken"}, "title-taken"),
    ],
    ids=["unknown author", "a title twice in it", "a title that is stored"],
)
async def test_of_a_batch_all_is_stored_or_nothing(
    client: httpx2.AsyncClient, author_id: int, at: int, fields: dict[str, object], kind: str
) -> None:
    taken = {"author_id": author_id, "title": "Taken", "body": ""}
    (await client.post("/posts", json=taken)).raise_for_status()
    posts = posts_by(author_id, 3)
    posts[at] |= fields

    response = await client.post("/posts/batch", json={"posts": posts})

    assert response.status_code == 409
    assert response.json()["type"] == f"urn:problem:{kind}"
    assert await total(client) == 1
    # The connection is as good as before.
    again = await client.post("/posts/batch", json={"posts": posts_by(author_id, 3)})
    assert again.status_code == 201


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_batch_has_a_size(client: httpx2.AsyncClient, author_id: int, count: int) -> None:
    response = await client.post("/posts/batch", json={"posts": posts_by(author_id, count)})

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "body.posts"
    assert await total(client) == 0


async def test_a_like_is_counted_and_edits_nothing(
    client: httpx2.AsyncClient, author_id: int
) -> None:
    await client.post("/posts/batch", json={"posts": posts_by(author_id, 2)})
    liked, other = (await client.get("/posts")).json()["items"]
    path = f"/posts/{liked['id']}"
    # From here on it may be kept somewhere.
    assert (await client.get(path)).json() == liked

    responses = [await client.post(f"{path}/likes") for _ in range(2)]

    assert [(response.status_code, response.content) for response in responses] == [(204, b"")] * 2
    assert (await client.get(path)).json() == {**liked, "likes": 2}
    assert (await client.get(f"/posts/{other['id']}")).json() == other
    change = {"author_id": author_id, "title": "New", "body": "", "version": liked["version"]}
    assert (await client.put(path, json=change)).json()["likes"] == 2


async def test_words_are_not_those_of_an_older_text(
    client: httpx2.AsyncClient, author_id: int, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.post("/posts/batch", json={"posts": posts_by(author_id, 1)})
    (post,) = (await client.get("/posts")).json()["items"]
    path = f"/posts/{post['id']}"
    counter = FastPostWriter(state)
    change = counter.change

    async def change_late(query: DirectQuery, post_id: int, **values: int) -> None:
        # Meanwhile somebody else does; through the API, another task would count those words.
        async with state["database"].write() as session:
            new = {"body": "three words now", "word_count": None, "version": Post.version + 1}
            await session.execute(update(Post).where(Post.id == post_id).values(new))
        await change(query, post_id, **values)

    monkeypatch.setattr(FastPostWriter, "change", staticmethod(change_late))
    await counter.count_words(post["id"])

    assert (await client.get(path)).json()["word_count"] is None


async def test_what_does_not_exist_is_not_liked(client: httpx2.AsyncClient) -> None:
    response = await client.post("/posts/1/likes")

    assert response.status_code == 404
    assert response.json()["type"] == "urn:problem:post-not-found"


async def test_statistics_begin_with_who_wrote_most(
    client: httpx2.AsyncClient, author_id: int, other_id: int, state: State
) -> None:
    assert (await client.get("/posts/statistics")).json() == []
    batch = [*posts_by(author_id, 2), *posts_by(other_id, 4)]
    await client.post("/posts/batch", json={"posts": batch})

    response = await client.get("/posts/statistics")

    assert response.json() == [
        {"id": other_id, "name": "Bob", "posts": 4, "words": 6},
        {"id": author_id, "name": "Ann", "posts": 2, "words": 1},
    ]
    assert state["database"].stats()["checked_out"] == 0
    # Each change shows at once.
    path = (await client.post("/posts", json=posts_by(author_id, 3)[2])).headers["location"]
    assert [each["posts"] for each in (await client.get("/posts/statistics")).json()] == [4, 3]
    (await client.delete(path)).raise_for_status()
    assert [each["posts"] for each in (await client.get("/posts/statistics")).json()] == [4, 2]
