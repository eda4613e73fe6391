"""What is asked all day: it goes straight to the driver, and the database writes the JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from app.core.database.csv import csv_record
from app.core.database.direct import AnySelect, DirectConnection, DirectQuery
from app.core.database.json import json_object
from app.core.database.model import UtcDateTime
from app.core.database.text import moment_text
from app.core.pagination import TOTAL_CAP, Position
from app.features.posts.models import Author, Post
from app.features.posts.schemas import AuthorOut, PostOut, PostQuery

Total: TypeAlias = Literal["capped", "exact"] | None

POST_JSON = json_object(
    PostOut,
    id=Post.id,
    author=json_object(AuthorOut, id=Author.id, name=Author.name),
    title=Post.title,
    body=Post.body,
    word_count=Post.word_count,
    likes=Post.likes,
    version=Post.version,
    created_at=Post.created_at,
    updated_at=Post.updated_at,
)
# Every post has an author. An outer join keeps planners from beginning with the authors, few as
# they are, and sorting all posts for each page.
POSTS = select(POST_JSON, moment_text(Post.created_at), Post.id).outerjoin(Post.author)
POST = DirectQuery(POSTS.where(Post.id == bindparam("post_id")))
BODY = DirectQuery(select(Post.body, Post.version).where(Post.id == bindparam("post_id")))
AUTHOR_NAME = DirectQuery(select(Author.name).where(Author.id == bindparam("author_id")))
ADD_POST = DirectQuery(
    insert(Post).values(
        author_id=bindparam("author_id"),
        title=bindparam("title"),
        body=bindparam("body"),
        likes=0,
        version=1,
        created_at=bindparam("now", type_=UtcDateTime()),
        updated_at=bindparam("now", type_=UtcDateTime()),
    )
)
# Neither makes a post a newer version, or one that was edited.
AMEND_POST = update(Post).where(Post.id == bindparam("post_id"))
LIKE_POST = DirectQuery(AMEND_POST.values(likes=Post.likes + 1, updated_at=Post.updated_at))
SET_WORD_COUNT = DirectQuery(
    AMEND_POST.where(Post.version == bindparam("version")).values(
        word_count=bindparam("words"), updated_at=Post.updated_at
    )
)


@dataclass(frozen=True)
class PostQueries:
    """Reads that take more than one query."""

    connection: DirectConnection

    async def page(
        self, query: PostQuery, after: Position | None
    ) -> tuple[Sequence[Sequence[Any]], int | None]:
        """List the newest posts as JSON, with time and id, one more than is asked for; a total."""
        author = only_given(author_id=query.author_id)
        position = only_given() if after is None else after._asdict()
        total = query.include_total
        rows = await self.connection.fetch(
            page_query(of_author=bool(author), behind=bool(position), total=total),
            limit=query.limit + 1,
            offset=query.offset,
            **author,
            **position,
        )
        if total is None:
            return rows, None
        if rows:
            return rows, rows[0][3]
        counted = DirectQuery(count_posts(of_author=bool(author), total=total))
        return rows, await self.connection.fetch_value(counted, **author)


def only_given(**values: object) -> dict[str, object]:
    """Leave out what isn't asked for."""
    return {name: value for name, value in values.items() if value is not None}


@cache
def page_query(*, of_author: bool, behind: bool, total: Total) -> DirectQuery:
    """Make the query for a page. With the total in it, that is one trip to the database less."""
    page = POSTS.order_by(Post.created_at.desc(), Post.id.desc())
    page = page.limit(bindparam("limit", type_=Integer)).offset(bindparam("offset", type_=Integer))
    page = page.where(is_older()) if behind else page
    page = only_of_author(page) if of_author else page
    if total:
        page = page.add_columns(count_posts(of_author=of_author, total=total).scalar_subquery())
    return DirectQuery(page)


def is_older() -> ColumnElement[bool]:
    """Compare time and id with a position, so that every database reads one range of the index."""
    created_at = bindparam("created_at", type_=UtcDateTime())
    return and_(
        Post.created_at <= created_at,
        or_(Post.created_at < created_at, Post.id < bindparam("id", type_=Post.id.type)),
    )


def count_posts(*, of_author: bool, total: Total) -> Select[int]:
    """Count the posts that a list shows in all, or as far as is asked."""
    posts = select(literal_column("1")).select_from(Post)
    posts = only_of_author(posts) if of_author else posts
    posts = posts.limit(TOTAL_CAP) if total == "capped" else posts
    return select(func.count()).select_from(posts.subquery())


def only_of_author(statement: AnySelect) -> AnySelect:
    """Leave out the posts of others."""
    return statement.where(Post.author_id == bindparam("author_id"))


def export_query(record: ColumnElement[str]) -> DirectQuery:
    """Make the query for a batch of an export, in the order of the ids."""
    batch = select(Post.id, record).outerjoin(Post.author).order_by(Post.id)
    return DirectQuery(
        batch.where(Post.id > bindparam("after")).limit(bindparam("limit", type_=Integer))
    )


CSV_HEADER = ("id", "author_id", "author", "title", "body", "word_count", "likes", "created_at")
CSV = export_query(
    csv_record(
        Post.id,
        Post.author_id,
        Author.name,
        Post.title,
        Post.body,
        Post.word_count,
        Post.likes,
        Post.created_at,
    )
)
NDJSON = export_query(POST_JSON.concat(literal_column("'\n'")))
