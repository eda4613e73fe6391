"""What a reviewer looks for in cached routes: that they hear of changes."""

import pytest

from tests.review.guards.keeping import Change, Kept, change_of, judge, tables_of
from tests.review.requests import Note, Seen, Site

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
