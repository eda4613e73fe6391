"""What a reviewer looks for in cached routes: that they hear of changes."""

import httpx2
import pytest
from fastapi import APIRouter
from sqlalchemy import Table, delete, insert, text, update

from app.core.cache.cache import CacheDep
from app.core.cache.responses import CachedRoute, cached, everyone
from app.core.database.session import DatabaseDep
from tests.fixtures.planting import Plant, line_of
from tests.fixtures.review_cache import learn
from tests.review.guards.keeping import Change, Kept, change_of, judge, tables_of
from tests.review.requests import REQUESTS, Note, Seen, Site

HERE = Site("app/features/planted.py", 1, is_platform=False)
POST = Kept("GET /posts/{post_id}", ("post:{post_id}",), frozenset({"posts", "authors"}))
BUSIEST = Kept("GET /busiest", ("busiest", "all-posts"), frozenset({"posts", "authors"}))
PARENTS = {"authors": frozenset({"posts"})}


def change(*written: tuple[str, str], forgotten: str = "") -> Change:
    return Change("PUT /posts", HERE, frozenset(written), frozenset(forgotten.split()))


@pytest.mark.parametrize(
    ("made", "stale"),
    [
        (change(("UPDATE", "posts")), [POST, BUSIEST]),
        (change(("UPDATE", "posts"), forgotten="post:7"), [BUSIEST]),
        (change(("UPDATE", "posts"), forgotten="busiest"), [POST]),
        (change(("DELETE", "posts"), forgotten="post:7 all-posts"), []),
        (change(("DELETE", "posts"), forgotten="posts:7 allposts"), [POST, BUSIEST]),
        # A new post is in lists, and nothing that was kept by its id.
        (change(("INSERT", "posts")), [BUSIEST]),
        # Of a new author there are no posts yet.
        (change(("INSERT", "authors")), []),
        (change(("UPDATE", "authors")), [POST, BUSIEST]),
        (change(("UPDATE", "others")), []),
    ],
)
def test_a_cached_route_has_to_hear_of_writes(made: Change, stale: list[Kept]) -> None:
    found = list(judge([POST, BUSIEST], [made], PARENTS))

    assert [any(each.route in one.what for one in found) for each in (POST, BUSIEST)] == [
        each in stale for each in (POST, BUSIEST)
    ]
    assert {(each.path, each.line, each.guard) for each in found} <= {
        ("app/features/planted.py", 1, "stale-cache")
    }


async def answer() -> None:
    """Stand in for a handler."""


def test_tables_and_writes_are_taken_from_the_queries() -> None:
    asked = [
        'SELECT "posts"."id" FROM "posts" LEFT OUTER JOIN `authors` ON 1 = 1',
        "\nINSERT INTO posts (title) VALUES ($1) RETURNING posts.id",
        "UPDATE authors SET name = 'FROM others'",
    ]
    seen = Seen({"method": "GET", "endpoint": answer}, status=200)
    seen.notes = [Note("query", sql, None) for sql in asked]

    assert {"posts", "authors"} <= tables_of(seen)
    # A handler of the tests is no line of the service.
    assert change_of(seen) is None


ONE, ALL = "GET /planted/{planted_id}", "GET /planted"
CACHED = """
router = APIRouter(route_class=CachedRoute)

@router.get("/planted/{{planted_id:int}}")
@cached("planted:{{planted_id}}", caller=everyone)
async def read_one(planted_id: int, database: DatabaseDep) -> str | None:
    async with database.read() as session:
        return await session.scalar(
            text("SELECT name FROM planted WHERE id = :id"), {{"id": planted_id}}
        )

@router.get("/planted")
@cached("all-planted", caller=everyone)
async def read_all(database: DatabaseDep) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(text("SELECT name FROM planted ORDER BY id")))

@router.put("/planted")
async def write(database: DatabaseDep, cache: CacheDep) -> None:
    async with database.write() as session:
        await session.execute({write})
    await cache.invalidate({names})

app.include_router(router)
"""


@pytest.mark.parametrize(
    ("write", "names", "stale"),
    [
        ("text(\"UPDATE planted SET name = 'x' WHERE id = 1\")", "", [ONE, ALL]),
        ("update(table).where(table.c.id == 1).values(name='x')", "'planted:1'", [ALL]),
        ("delete(table).where(table.c.id == 1)", "'all-planted'", [ONE]),
        ("delete(table).where(table.c.id == 1)", "'planted', 'all_planted'", [ONE, ALL]),
        ("insert(table).values(id=3, name='x')", "'planted:3'", [ALL]),
        ("insert(table).values(id=3, name='x')", "'all-planted'", []),
        ("update(table).where(table.c.id == 1).values(name='x')", "'planted:1', 'all-planted'", []),
    ],
)
async def test_what_a_served_route_forgets_to_say_is_found(
    client: httpx2.AsyncClient,
    plant: Plant,
    planted: Table,
    write: str,
    names: str,
    stale: list[str],
) -> None:
    plant(
        CACHED.format(write=write, names=names),
        APIRouter=APIRouter,
        CacheDep=CacheDep,
        CachedRoute=CachedRoute,
        DatabaseDep=DatabaseDep,
        cached=cached,
        delete=delete,
        everyone=everyone,
        insert=insert,
        table=planted,
        text=text,
        update=update,
    )
    for path in ("/planted/1", "/planted"):
        (await client.get(path)).raise_for_status()
    (await client.put("/planted")).raise_for_status()

    kept: dict[str, Kept] = {}
    changes: set[Change] = set()
    learn(REQUESTS, kept, changes)
    REQUESTS.clear()
    found = list(judge(kept.values(), changes, {}))
    assert [each.what.partition(", and ")[2].split(" keeps")[0] for each in found] == stale
    line = line_of(CACHED, "@router.put")
    assert {(each.path, each.line) for each in found} <= {("app/features/planted.py", line)}
