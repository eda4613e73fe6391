import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import func, select, update

from app.core.database.model import utc_now
from app.core.lifespan import State
from app.core.tasks.contract import TaskState
from app.features.posts.models import Post, PostImport
from app.features.posts.tasks import forget_imports, import_posts
from tests.fixtures.tasks import until_state

pytestmark = pytest.mark.usefixtures("workers_here")


def post_of(author_id: int, number: int) -> dict[str, object]:
    return {"author_id": author_id, "title": f"No. {number}", "body": "one \u2028 two"}


async def send(client: httpx2.AsyncClient, posts: Sequence[object]) -> str:
    content = "\n".join(json.dumps(post, ensure_ascii=False) for post in posts)
    response = await client.post("/posts/import", content=content.encode())
    assert response.status_code == 202
    told = response.json()
    assert response.headers["location"] == told["status_url"] == f"/tasks/{told['task_id']}"
    return told["task_id"]


async def count(state: State, table: type[Post | PostImport]) -> int:
    async with state["database"].read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_a_file_is_stored_by_a_task_and_its_status_tells(
    client: httpx2.AsyncClient, author_id: int, state: State
) -> None:
    task_id = await send(client, [post_of(author_id, number) for number in range(1201)])

    await until_state(state["broker"].ledger, task_id, TaskState.SUCCEEDED)

    status = (await client.get(f"/tasks/{task_id}")).json()
    assert (status["state"], status["name"]) == ("succeeded", import_posts.name)
    assert (await count(state, Post), await count(state, PostImport)) == (1201, 0)
    newest = (await client.get("/posts?limit=1")).json()["items"][0]
    assert (newest["body"], newest["word_count"]) == ("one \u2028 two", 2)


async def test_a_file_with_a_mistake_is_not_stored_at_all(
    client: httpx2.AsyncClient, author_id: int, state: State
) -> None:
    ledger = state["broker"].ledger
    for mistake in ({"author_id": author_id}, post_of(9_999, 1), post_of(author_id, 0)):
        task_id = await send(client, [post_of(author_id, 0), mistake])
        status = await until_state(ledger, task_id, TaskState.DEAD)
        assert status.attempts == 1

    errors = [letter.error for letter in reversed(await ledger.dead_letters(10))]
    assert errors[0] == "NotAPost: Post 2 of the file, title: Field required."
    assert [error.partition(":")[0] for error in errors[1:]] == ["AuthorUnknown", "TitleTaken"]

    assert (await count(state, Post), await count(state, PostImport)) == (0, 3)


async def test_a_file_that_is_no_text_is_refused(client: httpx2.AsyncClient, state: State) -> None:
    for content in (b"\xff", b"\x00", b"", b" \n"):
        assert (await client.post("/posts/import", content=content)).status_code == 400

    assert await count(state, PostImport) == 0


async def test_a_file_is_stored_once_however_often_its_task_runs(
    client: httpx2.AsyncClient, author_id: int, state: State
) -> None:
    task_id = await send(client, [post_of(author_id, 0)])
    await until_state(state["broker"].ledger, task_id, TaskState.SUCCEEDED)

    await asyncio.gather(*(import_posts.function(state, 1) for _ in range(3)))

    assert await count(state, Post) == 1


async def test_what_can_not_be_imported_is_forgotten_after_a_week(
    client: httpx2.AsyncClient, state: State
) -> None:
    for _ in range(2):
        task_id = await send(client, [{}])
        await until_state(state["broker"].ledger, task_id, TaskState.DEAD)
    async with state["database"].write() as session:
        old = update(PostImport).where(PostImport.id == 1)
        await session.execute(old.values(created_at=utc_now() - timedelta(days=8)))

    await forget_imports.function(state)

    assert forget_imports.schedule is not None
    assert await count(state, PostImport) == 1
