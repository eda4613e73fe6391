import httpx2
import pytest
from sqlalchemy import update

from app.core.lifespan import State
from app.features.posts.models import Author, Post


@pytest.mark.parametrize("path", ["/posts/{}", "/posts/statistics"])
async def test_the_second_read_asks_no_database(
    client: httpx2.AsyncClient, author_id: int, state: State, path: str
) -> None:
    new = {"author_id": author_id, "title": "On ships", "body": "They float."}
    (await client.post("/posts/batch", json={"posts": [new]})).raise_for_status()
    (post,) = (await client.get("/posts")).json()["items"]
    read = await client.get(path.format(post["id"]))

    async with state["database"].write() as session:
        await session.execute(update(Post).values(title="Unseen"))
        await session.execute(update(Author).values(name="Unseen"))

    assert read.status_code == 200
    assert (await client.get(path.format(post["id"]))).content == read.content
