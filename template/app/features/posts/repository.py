"""The queries. A relationship is loaded where the query says so, or not at all."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.core.pagination import Position
from app.features.posts.models import Author, Post


class PostRepository:
    """Posts and authors, as the database keeps them."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def get(self, post_id: int) -> Post | None:
        """Find a post, with its author."""
        statement = (
            select(Post).where(Post.id == post_id).options(joinedload(Post.author, innerjoin=True))
        )
        return await self.session.scalar(statement)

    async def page(self, limit: int, after: Position | None) -> Sequence[Post]:
        """List the newest posts behind a position, with their authors."""
        statement = (
            select(Post)
            .options(joinedload(Post.author, innerjoin=True))
            .order_by(Post.created_at.desc(), Post.id.desc())
            .limit(limit)
        )
        if after is not None:
            statement = statement.where(older_than(after))
        return (await self.session.scalars(statement)).all()

    async def count(self) -> int:
        """Count all posts."""
        return await self.session.scalar(select(func.count()).select_from(Post)) or 0

    async def get_author(self, author_id: int) -> Author | None:
        """Find an author."""
        return await self.session.get(Author, author_id)

    async def add(self, row: Post | Author) -> None:
        """Store a row, so that it has its id."""
        self.session.add(row)
        await self.session.flush()

    async def delete(self, post: Post) -> None:
        """Remove a post."""
        await self.session.delete(post)

    async def set_word_count(self, post_id: int, word_count: int) -> None:
        """Note how long a post is; that doesn't make it a newer version."""
        await self.session.execute(
            update(Post)
            .where(Post.id == post_id)
            .values(word_count=word_count, updated_at=Post.updated_at)
        )


def older_than(position: Position) -> ColumnElement[bool]:
    """Compare by row value: one range of the index."""
    return tuple_(Post.created_at, Post.id) < (position.created_at, position.id)
