"""What the database makes of the queries: with a table that isn't small any more."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from app.core.database.direct import CheckedOut, DirectQuery
from app.core.database.engine import fetch
from app.core.database.model import utc_now
from app.core.database.session import Database
from app.core.lifespan import State
from app.features.posts.models import Post
from app.features.posts.queries import CSV, NDJSON, POST, count_posts, page_query
from tests.features.posts.filling import fill
from tests.fixtures.database import ANALYZE, EXPLAIN, FULL_SCAN

NOTHING: dict[str, object] = {}
AUTHOR: dict[str, object] = {"author_id": 7}
POSITION: dict[str, object] = {"created_at": utc_now() - timedelta(minutes=5), "id": 5000}


async def plan_of(database: Database, query: DirectQuery, **parameters: object) -> str:
    """Ask how the database would run a query, with the very SQL and values that it gets."""
    engine = database.read_engine.sync_engine
    sql, values = query.prepare(engine.dialect, parameters)
    async with CheckedOut(engine) as connection:
        rows = await fetch(connection, f"{EXPLAIN} {sql}", values)
    return "\n".join(" ".join(map(str, row)) for row in rows)


@pytest.fixture
async def filled(state: State) -> Database:
    """20,000 posts of 200 authors."""
    await fill(state["database"], 20_000, authors=200)
    async with state["database"].write() as session:
        await session.execute(text(ANALYZE))
    return state["database"]


async def test_no_query_reads_the_whole_table(filled: Database) -> None:
    queries: list[tuple[DirectQuery, dict[str, object]]] = [
        (POST, {"post_id": 10_000}),
        (CSV, {"after": 10_000, "limit": 1000}),
        (NDJSON, {"after": 0, "limit": 100}),
        (DirectQuery(count_posts(of_author=True, total="exact")), AUTHOR),
        (DirectQuery(count_posts(of_author=True, total="capped")), AUTHOR),
        (
            page_query(of_author=True, behind=False, total="exact"),
            {"limit": 21, "offset": 0, **AUTHOR},
        ),
    ]
    queries += [
        (
            page_query(of_author=bool(author), behind=bool(position), total=None),
            {"limit": 21, "offset": 0, **author, **position},
        )
        for author in (NOTHING, AUTHOR)
        for position in (NOTHING, POSITION)
    ]

    for query, parameters in queries:
        plan = await plan_of(filled, query, **parameters)
        assert "posts" in plan
        assert not re.search(FULL_SCAN, plan), f"{query.statement}\n{plan}"


async def test_a_plan_that_does_is_recognized(filled: Database) -> None:
    everything = select(Post.body)

    for statement in (everything, everything.order_by(Post.likes).limit(1)):
        plan = await plan_of(filled, DirectQuery(statement))
        assert re.search(FULL_SCAN, plan), plan
