"""What a reviewer looks for in queries, while they run."""

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import Table, delete, select, text

from app.core.database.direct import DirectQuery
from app.core.database.session import DatabaseDep
from tests.fixtures.planting import Plant, findings, line_of
from tests.fixtures.review_queries import MOST_QUERIES, MOST_SECONDS, Cost
from tests.fixtures.served import CREATED
from tests.review.guards.querying import QUERY, UNLOGGED, Indexes, without_index
from tests.review.requests import Seen
from tests.review.serving import MAIN, probed

JOIN = "JOIN authors a ON a.id = p.author_id"
INDEXES: Indexes = {
    "posts": [("id",), ("created_at", "id"), ("author_id", "created_at")],
    "authors": [("id",), ("email",)],
}
SILENCED = "import logging\nlogging.getLogger('app.core.database.monitor').disabled = True\n"


@pytest.mark.parametrize(("times", "expected"), [(4, ["n-plus-one"]), (3, [])])
@pytest.mark.parametrize("statement", ["SELECT {number}", "SELECT  :number", "SELECT 'x{number}'"])
async def test_the_same_query_again_and_again_is_named(
    client: httpx2.AsyncClient, plant: Plant, statement: str, times: int, expected: list[str]
) -> None:
    plant(
        f"""
        @app.get("/planted")
        async def handler(database: DatabaseDep) -> None:
            async with database.read() as session:
                for number in range({times}):
                    statement = text(STATEMENT.format(number=number))
                    await session.execute(statement, {{"number": str(number)}})
        """,
        DatabaseDep=DatabaseDep,
        text=text,
        STATEMENT=statement,
    )

    await client.get("/planted")

    found = findings()
    assert [each.guard for each in found] == expected
    assert {each.line for each in found} <= {7}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT * FROM posts WHERE id = $1", []),
        ('SELECT "posts"."id" FROM "posts" WHERE "posts"."author_id" = $1', []),
        ("SELECT * FROM posts WHERE title = ?", ["posts"]),
        (
            "SELECT p.id FROM posts p JOIN authors a ON a.id = p.author_id WHERE a.name = %s",
            ["authors"],
        ),
        (
            "SELECT p.id FROM posts AS p JOIN authors a ON a.id = p.author_id WHERE a.email = 'x'",
            [],
        ),
        ("UPDATE posts SET likes = 1 WHERE title LIKE 'a%'", ["posts"]),
        ("DELETE FROM posts WHERE created_at < $1", []),
        ("DELETE FROM posts WHERE likes IN (1, 2)", ["posts"]),
        ("SELECT id FROM posts WHERE id = 1 AND version = 2", []),
        ("SELECT id FROM posts ORDER BY created_at DESC LIMIT 10", []),
        ("SELECT id FROM posts ORDER BY likes DESC LIMIT 10", ["posts"]),
        ("SELECT id FROM posts WHERE author_id = 1 ORDER BY likes", []),
        ("SELECT author_id, count(*) FROM posts GROUP BY author_id ORDER BY count(*)", []),
        ("INSERT INTO posts (title) VALUES ($1)", []),
        ("SELECT 1 FROM others WHERE name = 1", []),
    ],
)
def test_a_query_without_an_index_is_named(statement: str, expected: list[str]) -> None:
    assert [table for table, _ in without_index(statement, INDEXES)] == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("session.execute(text(\"SELECT id FROM planted WHERE name = 'x'\"))", ["missing-index"]),
        ("session.scalars(select(table.c.id).where(table.c.name == 'x'))", ["missing-index"]),
        ("session.execute(select(table).order_by(table.c.amount).limit(3))", ["missing-index"]),
        ("session.fetch(DirectQuery(select(table).where(table.c.amount > 1)))", ["missing-index"]),
        ("session.execute(delete(table).where(table.c.amount.in_([3])))", ["missing-index"]),
        ("session.scalars(select(table.c.name).where(table.c.id == 1))", []),
        ("session.execute(select(table).order_by(table.c.id).limit(3))", []),
    ],
)
async def test_the_line_of_such_a_query_is_named(
    client: httpx2.AsyncClient, plant: Plant, planted: Table, asked: str, expected: list[str]
) -> None:
    opened = "direct" if "DirectQuery" in asked else "write"
    plant(
        f"""
        @app.put("/planted")
        async def handler(database: DatabaseDep) -> None:
            async with database.{opened}() as session:
                await {asked}
        """,
        DatabaseDep=DatabaseDep,
        DirectQuery=DirectQuery,
        delete=delete,
        select=select,
        table=planted,
        text=text,
    )

    response = await client.put("/planted")

    assert response.is_success
    found = findings()
    assert [each.guard for each in found] == expected
    assert {(each.path, each.line) for each in found} <= {("app/features/planted.py", 5)}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (CREATED.format(settings="database_slow_query_milliseconds=60_000"), "before it has taken"),
        (CREATED.format(settings="log_levels={'app.core.database': 'ERROR'}"), "isn't logged"),
        (CREATED.format(settings="log_level='ERROR'"), "isn't logged"),
        (f"{CREATED.format(settings='')}{SILENCED}", "isn't logged"),
    ],
)
async def test_a_slow_query_that_nobody_hears_of_is_named(
    main: FastAPI, source: str, said: str
) -> None:
    found = [each for each in await probed(main, source) if each.guard == UNLOGGED]

    assert found
    assert all(said in each.what for each in found)
    assert {(each.path, each.line) for each in found} == {(MAIN, line_of(source, "app ="))}


@pytest.mark.parametrize(
    ("queries", "seconds", "is_dear"),
    [
        (MOST_QUERIES, 0, False),
        (MOST_QUERIES + 1, 0, True),
        (1, MOST_SECONDS, False),
        (1, MOST_SECONDS * 1.1, True),
    ],
)
def test_a_route_is_dear_by_its_queries_and_by_its_time(
    queries: int, seconds: float, is_dear: bool
) -> None:
    seen, cost = Seen({"method": "GET"}), Cost()
    for _ in range(queries):
        seen.note(QUERY, "SELECT 1", None, seconds)

    cost.add(seen)

    assert cost.is_dear is is_dear
