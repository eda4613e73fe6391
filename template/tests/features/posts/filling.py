"""Tables of a size at which it shows what a query costs."""

from datetime import timedelta

from sqlalchemy import Integer, String, cast, insert, literal, select

from app.core.database.model import utc_now
from app.core.database.session import Database
from app.features.posts.models import Author, Post

AT_ONCE = 1000


async def fill(database: Database, posts: int, *, authors: int = 1, body: str = "") -> None:
    """Store that many posts, of so many authors in turns; the database itself copies most."""
    now = utc_now()
    names = [{"id": n, "name": f"Author {n}", "email": f"{n}@b"} for n in range(1, authors + 1)]
    rows = [
        {
            "id": number,
            "author_id": number % authors + 1,
            "title": f"No. {number}",
            "body": body,
            "version": 1,
            "created_at": now - timedelta(seconds=AT_ONCE - number),
        }
        for number in range(1, min(posts, AT_ONCE) + 1)
    ]
    async with database.write() as session:
        await session.execute(insert(Author), names)
        await session.execute(insert(Post), rows)
        stored = len(rows)
        while stored < posts:
            new_id = Post.id + stored
            copied = {
                Post.id: new_id,
                Post.title: literal("Copy ").concat(cast(new_id, String(20))),
                Post.version: literal(1, Integer),
            }
            same = (Post.author_id, Post.body, Post.likes, Post.created_at, Post.updated_at)
            await session.execute(
                insert(Post).from_select(
                    [*copied, *same],
                    select(*copied.values(), *same).where(Post.id <= posts - stored),
                    include_defaults=False,
                )
            )
            stored = min(2 * stored, posts)
