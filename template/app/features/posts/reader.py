"""The reads: most of them go straight to the driver."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

from fastapi import Depends
from fastapi.requests import HTTPConnection
from pydantic import TypeAdapter

from app.core.database.csv import csv_header
from app.core.database.direct import in_batches
from app.core.lifespan import State
from app.core.pagination import Position, page_json
from app.features.posts.errors import AuthorNotFound, PostNotFound
from app.features.posts.queries import (
    BODY,
    CSV,
    CSV_HEADER,
    NDJSON,
    POST,
    PostQueries,
)
from app.features.posts.repository import PostRepository
from app.features.posts.schemas import AuthorOut, AuthorStatistics, PostQuery

STATISTICS_JSON = TypeAdapter(list[AuthorStatistics])


@dataclass(frozen=True)
class PostReader:
    """Reads. Each opens a session for as long as its queries take, and no longer."""

    state: State

    @classmethod
    def of(cls, connection: HTTPConnection) -> Self:
        """Make a reader for a request."""
        return cls(connection.scope["state"])

    async def page(self, query: PostQuery) -> bytes:
        """List posts as JSON, newest first."""
        secret = self.state["settings"].cursor_secret
        after = Position.decode(query.cursor, secret) if query.cursor else None
        async with self.state["database"].direct() as connection:
            rows, total = await PostQueries(connection).page(query, after)
        # One more than was asked for tells whether there is a next page.
        next_cursor = None
        if len(rows) > query.limit:
            _, created_at, post_id, *_ = rows[query.limit - 1]
            next_cursor = Position(datetime.fromisoformat(created_at), post_id).encode(secret)
        return page_json([row[0] for row in rows[: query.limit]], next_cursor, total)

    async def get(self, post_id: int) -> bytes:
        """Read a post as JSON."""
        post: str | None = await self.state["database"].fetch_value(POST, post_id=post_id)
        if post is None:
            raise PostNotFound.with_id(post_id)
        return post.encode()

    def as_csv(self) -> AsyncGenerator[str]:
        """Write all posts as CSV."""
        return in_batches(self.state["database"], CSV, head=csv_header(*CSV_HEADER))

    def as_ndjson(self) -> AsyncGenerator[str]:
        """Write all posts as JSON, an object per line."""
        return in_batches(self.state["database"], NDJSON)

    async def body(self, post_id: int) -> str:
        """Read the text of a post."""
        body: str | None = await self.state["database"].fetch_value(BODY, post_id=post_id)
        if body is None:
            raise PostNotFound.with_id(post_id)
        return body

    async def statistics(self) -> bytes:
        """List the authors who wrote most as JSON."""
        async with self.state["database"].read() as session:
            rows = await PostRepository(session).busiest_authors(limit=20)
        statistics = [
            AuthorStatistics(id=author.id, name=author.name, posts=posts, words=words)
            for author, posts, words in rows
        ]
        return STATISTICS_JSON.dump_json(statistics)

    async def author(self, author_id: int) -> AuthorOut:
        """Read an author."""
        async with self.state["database"].read() as session:
            author = await PostRepository(session).get_author(author_id)
        if author is None:
            raise AuthorNotFound(f"There is no author {author_id}.")
        return AuthorOut.model_validate(author)


# `async def`, like every dependency: FastAPI runs others in a thread, which costs more than most.
async def get_reader(connection: HTTPConnection) -> PostReader:
    """Make a reader for a request."""
    return PostReader.of(connection)


PostReaderDep = Annotated[PostReader, Depends(get_reader)]
